import type { Clock } from '../kernel/clock.ts';

/** A write that the database refused is tried again after this long; the last wait repeats. */
const RETRY_AFTER_MS = [100, 500, 2000, 5000] as const;
const LAST_WAIT_MS = 5000;

/** Repeats `write` until it succeeds, and reports each failure. `write` is told how many came before. Never rejects. */
export async function untilWritten(
  write: (failures: number) => Promise<void>,
  clock: Clock,
  report: (error: unknown) => void,
): Promise<void> {
  for (let failures = 0; ; failures += 1) {
    try {
      await write(failures);
      return;
    } catch (error) {
      report(error);
    }
    const wait = RETRY_AFTER_MS[failures] ?? LAST_WAIT_MS;
    await new Promise<void>((resolve) => void clock.after(wait, resolve));
  }
}
