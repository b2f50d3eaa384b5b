import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { systemClock } from '../../../src/kernel/clock.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

test('a timer runs once, after its delay', () => {
  const callback = vi.fn<() => void>();
  systemClock.after(50, callback);
  vi.advanceTimersByTime(49);
  expect(callback).not.toHaveBeenCalled();
  vi.advanceTimersByTime(100);
  expect(callback).toHaveBeenCalledTimes(1);
});

test('a cancelled timer does not run, and cancelling again does nothing', () => {
  const callback = vi.fn<() => void>();
  const timer = systemClock.after(50, callback);
  timer.cancel();
  timer.cancel();
  vi.advanceTimersByTime(100);
  expect(callback).not.toHaveBeenCalled();
});

test('a pending timer does not keep the process alive', () => {
  vi.useRealTimers();
  const before = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const timer = systemClock.after(60_000, () => undefined);
  const after = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  timer.cancel();
  expect(after).toBe(before);
});

test('monotonic time does not run backwards', () => {
  let last = systemClock.monotonicMs();
  for (let i = 0; i < 1000; i += 1) {
    const now = systemClock.monotonicMs();
    expect(now).toBeGreaterThanOrEqual(last);
    last = now;
  }
});
