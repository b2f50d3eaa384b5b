import type { Clock } from '../../kernel/clock.ts';

/** Resolves after `milliseconds`. */
export function pause(clock: Clock, milliseconds: number): Promise<void> {
  return new Promise((resolve) => void clock.after(milliseconds, resolve));
}

/** Resolves at `monotonicMs`, at once when that is over. */
export async function pauseUntil(clock: Clock, monotonicMs: number): Promise<void> {
  const waitMs = monotonicMs - clock.monotonicMs();
  if (waitMs > 0) await pause(clock, waitMs);
}
