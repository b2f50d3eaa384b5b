import { expect, test } from 'vitest';
import { SharedTime } from '../../../src/app/shared-time.ts';
import { ManualClock } from '../../support/manual-clock.ts';

test('runs from the first who asks, for all of them together, and is never less than none', () => {
  const clock = new ManualClock();
  const shared = new SharedTime(clock, 3000);
  clock.advance(10_000);
  expect(shared.leftMs()).toBe(3000);
  clock.advance(2999);
  expect(shared.leftMs()).toBe(1);
  clock.advance(5000);
  expect(shared.leftMs()).toBe(0);
});
