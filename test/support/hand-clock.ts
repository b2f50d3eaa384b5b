import type { Clock } from '../../src/kernel/clock.ts';

/** Time that passes when a test says so. Timers never fall due. */
export class HandClock implements Clock {
  #now = Date.parse('2026-03-01T12:00:00Z');

  now(): Date {
    return new Date(this.#now);
  }

  monotonicMs(): number {
    return this.#now;
  }

  after(): { cancel(): void } {
    return { cancel: () => undefined };
  }

  pass(seconds: number): void {
    this.#now += seconds * 1000;
  }
}
