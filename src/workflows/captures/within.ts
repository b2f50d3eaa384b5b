import type { Clock, Timer } from '../../kernel/clock.ts';

/** Whether `work` was done within `limitMs`. Rejects as `work` does by then; no timer is left. */
export async function within(work: Promise<unknown>, limitMs: number, clock: Clock): Promise<boolean> {
  let timer: Timer | undefined;
  const limit = new Promise<false>((resolve) => {
    timer = clock.after(limitMs, () => resolve(false));
  });
  try {
    return await Promise.race([work.then(() => true), limit]);
  } finally {
    timer?.cancel();
  }
}
