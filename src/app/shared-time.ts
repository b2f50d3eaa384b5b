import type { Clock } from '../kernel/clock.ts';

/** A limit that several steps have together: it runs from the moment when the first of them asks what is left. */
export class SharedTime {
  readonly #clock: Clock;
  readonly #limitMs: number;
  #endMs: number | undefined;

  constructor(clock: Clock, limitMs: number) {
    this.#clock = clock;
    this.#limitMs = limitMs;
  }

  leftMs(): number {
    const nowMs = this.#clock.monotonicMs();
    this.#endMs ??= nowMs + this.#limitMs;
    return Math.max(this.#endMs - nowMs, 0);
  }
}
