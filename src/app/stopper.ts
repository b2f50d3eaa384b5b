import type { Logger } from '../kernel/logger.ts';

/** What was started, to be stopped in the reverse order: nothing is used after it was stopped. */
export class Stopper {
  readonly #logger: Logger;
  #steps: (() => Promise<void> | void)[] = [];

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  add(step: () => Promise<void> | void): void {
    this.#steps.unshift(step);
  }

  /** Never rejects: a part that does not stop keeps none of the others running. */
  async stop(): Promise<void> {
    for (const step of this.#steps.splice(0)) {
      try {
        await step();
      } catch (error) {
        this.#logger.error('a part did not stop', { error });
      }
    }
  }
}
