import { expect, test } from 'vitest';
import { Stopper } from '../../../src/app/stopper.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { createLogger, type Logger } from '../../../src/kernel/logger.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const loggerOf = (lines: string[]): Logger =>
  createLogger('debug', { write: (line) => void lines.push(line) });

test('what was started last is stopped first, and each waits for the one before', async () => {
  const stopped: string[] = [];
  const stopper = new Stopper(createLogger('silent'), systemClock);
  stopper.add('database', () => void stopped.push('database'));
  stopper.add('calls', async () => {
    await new Promise((resolve) => void setImmediate(resolve));
    stopped.push('calls');
  });
  await stopper.stop();
  expect(stopped).toEqual(['calls', 'database']);
  await stopper.stop();
  expect(stopped).toEqual(['calls', 'database']);
});

test('a part that does not stop is told, and the others are stopped', async () => {
  const logged: string[] = [];
  const stopped: string[] = [];
  const stopper = new Stopper(loggerOf(logged), systemClock);
  stopper.add('database', () => void stopped.push('database'));
  stopper.add('calls', async () => await Promise.reject(new Error('stuck')));
  stopper.add('http', () => {
    throw new Error('stuck as well');
  });
  await stopper.stop();
  expect(stopped).toEqual(['database']);
  expect(logged.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { msg: 'a part did not stop', part: 'http', error: { message: 'stuck as well' } },
    { msg: 'a part did not stop', part: 'calls', error: { message: 'stuck' } },
  ]);
});

test('a part that hangs is told after its time, and the others are stopped', async () => {
  const logged: string[] = [];
  const stopped: string[] = [];
  const clock = new ManualClock();
  const stopper = new Stopper(loggerOf(logged), clock);
  stopper.add('database', () => void stopped.push('database'));
  stopper.add('calls', async () => await new Promise<void>(() => undefined));
  const done = stopper.stop();
  clock.advance(29_999);
  expect(stopped).toEqual([]);
  clock.advance(1);
  await done;
  expect(stopped).toEqual(['database']);
  expect(logged).toHaveLength(1);
  expect(JSON.parse(logged[0] ?? '')).toMatchObject({
    part: 'calls',
    error: { message: 'not stopped after 30 seconds' },
  });
  expect(clock.pending).toBe(0);
});
