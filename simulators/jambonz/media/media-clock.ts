import { FRAME_MS } from './media-unit.ts';

/** A pending callback. `cancel` is idempotent. */
export interface MediaTimer {
  cancel(): void;
}

/**
 * The beat of all media: a tick is 20 ms of sound. Each tick has three phases. In the first the phones send; in the
 * second FreeSWITCH relays what has arrived; in the third its taps deliver. Between the first two, packets travel.
 */
export interface MediaClock {
  /** `performance.now()` ms. */
  now(): number;
  /** When tick `tick` begins. */
  timeOf(tick: number): number;
  /** The next tick of each phase that has not run yet. */
  readonly nextSendTick: number;
  readonly nextRelayTick: number;
  /** Each returns its undo. Callbacks must not throw. */
  onSend(callback: (tick: number) => void): () => void;
  onRelay(callback: (tick: number) => void): () => void;
  onTap(callback: (tick: number) => void): () => void;
  after(delayMs: number, callback: () => void): MediaTimer;
  close(): void;
}

/** The delay that was measured from one phone to the other. Packets cross rtpengine in it on a busy machine too. */
export const RELAY_PHASE_MS = 17;

/** Puts the keys of a tap 63 ms and more behind the end of the key press, as measured. */
export const TAP_PHASE_MS = 23;

/** What packets of a late tick get to travel. */
const LEAST_TRAVEL_MS = 8;

/** 5 s: after a longer stall the clock goes on from now, and what was due is lost. */
export const MAX_CATCH_UP_TICKS = 250;

/** Timers fire up to a millisecond early or late; what is due within this is due. */
const TOLERANCE_MS = 0.5;

export function createMediaClock(): MediaClock {
  return new RealMediaClock();
}

class RealMediaClock implements MediaClock {
  #origin = performance.now();
  #nextSend = 0;
  #nextRelay = 0;
  #nextTap = 0;
  /** When the packets of the newest send tick have arrived: a late tick's get their time to travel all the same. */
  #packetsThereAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  readonly #senders = new Set<(tick: number) => void>();
  readonly #relays = new Set<(tick: number) => void>();
  readonly #taps = new Set<(tick: number) => void>();
  readonly #pending = new Set<NodeJS.Timeout>();

  get nextSendTick(): number {
    return this.#nextSend;
  }

  get nextRelayTick(): number {
    return this.#nextRelay;
  }

  now(): number {
    return performance.now();
  }

  timeOf(tick: number): number {
    return this.#origin + tick * FRAME_MS;
  }

  onSend(callback: (tick: number) => void): () => void {
    return this.#subscribe(this.#senders, callback);
  }

  onRelay(callback: (tick: number) => void): () => void {
    return this.#subscribe(this.#relays, callback);
  }

  onTap(callback: (tick: number) => void): () => void {
    return this.#subscribe(this.#taps, callback);
  }

  after(delayMs: number, callback: () => void): MediaTimer {
    if (this.#closed) return { cancel: () => undefined };
    const handle = setTimeout(() => {
      this.#pending.delete(handle);
      callback();
    }, delayMs);
    this.#pending.add(handle);
    return {
      cancel: () => {
        clearTimeout(handle);
        this.#pending.delete(handle);
      },
    };
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const handle of this.#pending) clearTimeout(handle);
    this.#pending.clear();
    this.#senders.clear();
    this.#relays.clear();
    this.#taps.clear();
  }

  #subscribe(set: Set<(tick: number) => void>, callback: (tick: number) => void): () => void {
    if (this.#closed) return () => undefined;
    const idle = this.#listeners === 0;
    set.add(callback);
    if (idle) this.#resume();
    return () => {
      set.delete(callback);
      if (this.#listeners === 0) {
        clearTimeout(this.#timer);
        this.#timer = undefined;
      }
    };
  }

  get #listeners(): number {
    return this.#senders.size + this.#relays.size + this.#taps.size;
  }

  /** Nothing was due while nobody listened. */
  #resume(): void {
    this.#skipTo(Math.ceil((performance.now() - this.#origin) / FRAME_MS));
    this.#schedule();
  }

  #skipTo(tick: number): void {
    this.#nextSend = Math.max(this.#nextSend, tick);
    this.#nextRelay = Math.max(this.#nextRelay, tick);
    this.#nextTap = Math.max(this.#nextTap, tick);
  }

  #schedule(): void {
    if (this.#closed || this.#listeners === 0) return;
    const due = Math.min(this.timeOf(this.#nextSend), this.#relayDueAt(), this.#tapDueAt());
    this.#timer = setTimeout(() => this.#run(), Math.max(0, due - performance.now()));
  }

  #relayDueAt(): number {
    if (this.#nextRelay >= this.#nextSend) return Infinity;
    return Math.max(this.timeOf(this.#nextRelay) + RELAY_PHASE_MS, this.#packetsThereAt);
  }

  #tapDueAt(): number {
    return this.#nextTap >= this.#nextRelay ? Infinity : this.timeOf(this.#nextTap) + TAP_PHASE_MS;
  }

  #run(): void {
    const now = performance.now();
    const current = Math.floor((now - this.#origin) / FRAME_MS);
    if (current - Math.min(this.#nextSend, this.#nextRelay, this.#nextTap) > MAX_CATCH_UP_TICKS)
      this.#skipTo(current);
    // Relays that are due go first: sends that are late every time must not put them off for ever.
    this.#runDue(now);
    while (this.timeOf(this.#nextSend) <= now + TOLERANCE_MS) {
      const tick = this.#nextSend++;
      this.#packetsThereAt = now + LEAST_TRAVEL_MS;
      for (const callback of this.#senders) callback(tick);
    }
    this.#runDue(now);
    this.#schedule();
  }

  #runDue(now: number): void {
    while (this.#relayDueAt() <= now + TOLERANCE_MS) {
      const tick = this.#nextRelay++;
      for (const callback of this.#relays) callback(tick);
    }
    while (this.#tapDueAt() <= now + TOLERANCE_MS) {
      const tick = this.#nextTap++;
      for (const callback of this.#taps) callback(tick);
    }
  }
}
