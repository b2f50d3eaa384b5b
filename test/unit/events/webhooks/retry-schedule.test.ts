import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { JITTER, RETRY_DELAYS_MS, retryDelayMs } from '../../../../src/events/webhooks/retry-schedule.ts';

const HOUR = 3_600_000;

test('the delays grow, and add up to about three days', () => {
  const sorted = [...RETRY_DELAYS_MS].sort((a, b) => a - b);
  expect(RETRY_DELAYS_MS).toEqual(sorted);
  const hours = RETRY_DELAYS_MS.reduce((sum, delay) => sum + delay, 0) / HOUR;
  expect(hours).toBeCloseTo(71.71, 1);
});

test('each is within its jitter, and after the last there is none', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: RETRY_DELAYS_MS.length }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (tries, random) => {
        const delay = RETRY_DELAYS_MS[tries - 1] ?? 0;
        const jittered = retryDelayMs(tries, random) ?? 0;
        expect(Math.abs(jittered - delay)).toBeLessThanOrEqual(delay * JITTER + 1);
      },
    ),
  );
  expect(retryDelayMs(1, 0)).not.toBe(retryDelayMs(1, 0.9));
  expect(retryDelayMs(RETRY_DELAYS_MS.length + 1, 0.5)).toBeUndefined();
});
