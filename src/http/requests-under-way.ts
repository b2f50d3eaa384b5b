import type { Clock, Timer } from '../kernel/clock.ts';

/**
 * What is being done for requests at this moment. A lost connection stops no work: whoever closes the interface waits
 * here, so that nothing is taken away from under a payment that a client has asked for.
 */
export class RequestsUnderWay {
  readonly #clock: Clock;
  readonly #running = new Set<Promise<unknown>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The same function, whose work is counted from its call until its promise settles. */
  counted<Arguments extends unknown[], Result>(
    work: (...given: Arguments) => Promise<Result>,
  ): (...given: Arguments) => Promise<Result> {
    return async (...given) => {
      const running = work(...given);
      this.#running.add(running);
      try {
        return await running;
      } finally {
        this.#running.delete(running);
      }
    };
  }

  /** Resolves when nothing is under way any more, or after `limitMs`. Never rejects. */
  async settled(limitMs: number): Promise<void> {
    let timer: Timer | undefined;
    let late = false;
    const limit = new Promise<void>((resolve) => {
      timer = this.#clock.after(limitMs, () => {
        late = true;
        resolve();
      });
    });
    const isLate = (): boolean => late;
    while (this.#running.size > 0 && !isLate()) {
      await Promise.race([Promise.allSettled(this.#running), limit]);
      // One step of a request follows the other, a turn of the event loop later at most.
      await new Promise<void>((resolve) => void setImmediate(resolve));
    }
    timer?.cancel();
  }
}
