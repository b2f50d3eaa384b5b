import type { Clock, Timer } from '../../kernel/clock.ts';
import { untilWritten } from '../until-written.ts';

/**
 * What a provider has said and the database did not take yet. It is written as soon as the database answers again; if
 * the process ends before, the reconciler asks the provider once more.
 */
export class UnwrittenOutcomes {
  readonly #writes = new Set<Promise<void>>();

  /** Resolves with what `write` gives, or undefined when it failed: then it is repeated behind. Never rejects. */
  async write<T>(
    write: () => Promise<T>,
    clock: Clock,
    report: (error: unknown) => void,
  ): Promise<{ readonly written: T } | undefined> {
    try {
      return { written: await write() };
    } catch (error) {
      report(error);
    }
    const again = untilWritten(async () => void (await write()), clock, report);
    this.#writes.add(again);
    void again.then(() => this.#writes.delete(again));
    return undefined;
  }

  /** Resolves when everything is written, or after `limitMs`. */
  async settled(clock: Clock, limitMs: number): Promise<void> {
    let timer: Timer | undefined;
    const limit = new Promise<void>((resolve) => {
      timer = clock.after(limitMs, resolve);
    });
    await Promise.race([Promise.all(this.#writes), limit]);
    timer?.cancel();
  }
}
