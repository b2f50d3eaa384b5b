/** A pending callback. `cancel` is idempotent. */
export interface Timer {
  cancel(): void;
}

/** Time as a plain argument, so that rules about time are tested without waiting. */
export interface Clock {
  /** Wall-clock time, for records and expiry windows. */
  now(): Date;
  /** Milliseconds that never run backwards, for durations. */
  monotonicMs(): number;
  /** Runs `callback` once after `delayMs`. A pending timer never keeps the process alive. */
  after(delayMs: number, callback: () => void): Timer;
}

export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
  after: (delayMs, callback) => {
    const handle = setTimeout(callback, delayMs);
    handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
};
