import { expect, test } from 'vitest';
import { UnwrittenOutcomes } from '../../../../src/workflows/payments/unwritten-outcomes.ts';
import { ManualClock } from '../../../support/manual-clock.ts';

const ignore = (): void => undefined;
const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
};

test('what can be written is written at once, and told', async () => {
  const outcomes = new UnwrittenOutcomes();
  const clock = new ManualClock();
  expect(await outcomes.write(() => Promise.resolve(7), clock, ignore)).toEqual({ written: 7 });
  await outcomes.settled(clock, 1000);
  expect(clock.pending).toBe(0);
});

test('what cannot is written as soon as it can, behind', async () => {
  const outcomes = new UnwrittenOutcomes();
  const clock = new ManualClock();
  let down = true;
  let writes = 0;
  const reported: unknown[] = [];
  const write = (): Promise<void> => {
    if (down) return Promise.reject(new Error('down'));
    writes += 1;
    return Promise.resolve();
  };
  expect(await outcomes.write(write, clock, (error) => reported.push(error))).toBeUndefined();
  await turns();
  down = false;
  clock.advance(100);
  await turns();
  expect(writes).toBe(1);
  expect(reported).toHaveLength(2);
  clock.advance(60_000);
  await turns();
  expect(writes).toBe(1);
});

test('a process that stops waits for it, and not for ever', async () => {
  const outcomes = new UnwrittenOutcomes();
  const clock = new ManualClock();
  await outcomes.write(() => Promise.reject(new Error('down')), clock, ignore);
  let stopped = false;
  const settled = outcomes.settled(clock, 3000).then(() => (stopped = true));
  await turns();
  clock.advance(2999);
  await turns();
  expect(stopped).toBe(false);
  clock.advance(1);
  await settled;
  expect(stopped).toBe(true);
});
