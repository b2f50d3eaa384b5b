import { expect, test } from 'vitest';
import { within } from '../../../../src/workflows/captures/within.ts';
import { ManualClock } from '../../../support/manual-clock.ts';

const never = new Promise<void>(() => undefined);

test('tells whether the work was done in time, and leaves no timer', async () => {
  const clock = new ManualClock();
  expect(await within(Promise.resolve('done'), 1000, clock)).toBe(true);
  expect(clock.pending).toBe(0);

  const late = within(never, 1000, clock);
  clock.advance(1000);
  expect(await late).toBe(false);
  expect(clock.pending).toBe(0);
});

test('rejects as the work does, and leaves no timer', async () => {
  const clock = new ManualClock();
  const failure = new Error('not written');
  await expect(within(Promise.reject(failure), 1000, clock)).rejects.toBe(failure);
  expect(clock.pending).toBe(0);
});
