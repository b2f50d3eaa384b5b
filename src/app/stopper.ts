import type { Clock, Timer } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';

/** Every part bounds what it waits for by less than this. */
const PART_LIMIT_MS = 30_000;

interface Step {
  readonly part: string;
  readonly stop: () => Promise<void> | void;
}

/** What was started, to be stopped in the reverse order: nothing is used after it was stopped. */
export class Stopper {
  readonly #logger: Logger;
  readonly #clock: Clock;
  #steps: Step[] = [];

  constructor(logger: Logger, clock: Clock) {
    this.#logger = logger;
    this.#clock = clock;
  }

  /** `part`: what the log calls it. */
  add(part: string, stop: Step['stop']): void {
    this.#steps.unshift({ part, stop });
  }

  /** Never rejects: a part that does not stop, or not within 30 seconds, keeps none of the others running. */
  async stop(): Promise<void> {
    for (const { part, stop } of this.#steps.splice(0)) {
      try {
        await this.#inTime(stop);
      } catch (error) {
        this.#logger.error('a part did not stop', { part, error });
      }
    }
  }

  async #inTime(stop: Step['stop']): Promise<void> {
    let limit: Timer | undefined;
    const late = new Promise<never>((_, reject) => {
      const error = new Error(`not stopped after ${PART_LIMIT_MS / 1000} seconds`);
      limit = this.#clock.after(PART_LIMIT_MS, () => reject(error));
    });
    try {
      await Promise.race([stop(), late]);
    } finally {
      limit?.cancel();
    }
  }
}
