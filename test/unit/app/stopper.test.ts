import { expect, test } from 'vitest';
import { Stopper } from '../../../src/app/stopper.ts';
import { createLogger } from '../../../src/kernel/logger.ts';

test('what was started last is stopped first, and each waits for the one before', async () => {
  const stopped: string[] = [];
  const stopper = new Stopper(createLogger('silent'));
  stopper.add(() => void stopped.push('database'));
  stopper.add(async () => {
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
  const stopper = new Stopper(createLogger('debug', { write: (line: string) => void logged.push(line) }));
  stopper.add(() => void stopped.push('database'));
  stopper.add(async () => await Promise.reject(new Error('stuck')));
  stopper.add(() => {
    throw new Error('stuck as well');
  });
  await stopper.stop();
  expect(stopped).toEqual(['database']);
  expect(logged.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual([
    'a part did not stop',
    'a part did not stop',
  ]);
});
