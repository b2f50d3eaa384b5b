import { HushtoneError } from '../kernel/errors.ts';

/**
 * Lets `running` tasks run at once and `waiting` more wait for their turn. Whoever comes then is turned away with
 * `too_busy`, before anything was done.
 */
export class Limited {
  readonly #running: number;
  readonly #waiting: number;
  readonly #queue: (() => void)[] = [];
  #active = 0;

  constructor(limits: { readonly running: number; readonly waiting: number }) {
    this.#running = limits.running;
    this.#waiting = limits.waiting;
  }

  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#active >= this.#running) {
      if (this.#queue.length >= this.#waiting) {
        throw new HushtoneError('too_busy', 'unavailable', 'too many requests at once; try again later');
      }
      // The one that ends hands its place over, so that nobody who comes in between takes it.
      await new Promise<void>((resolve) => this.#queue.push(resolve));
    } else {
      this.#active += 1;
    }
    try {
      return await task();
    } finally {
      const next = this.#queue.shift();
      if (next === undefined) this.#active -= 1;
      else next();
    }
  }
}
