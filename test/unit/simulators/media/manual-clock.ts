import {
  RELAY_PHASE_MS,
  TAP_PHASE_MS,
  type MediaClock,
  type MediaTimer,
} from '../../../../simulators/jambonz/media/media-clock.ts';
import { FRAME_MS } from '../../../../simulators/jambonz/media/media-unit.ts';

interface Due {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** A media clock that stands still until it is told to go on. */
export class ManualClock implements MediaClock {
  nextSendTick = 0;
  nextRelayTick = 0;
  #nextTapTick = 0;
  #nowMs = 0;
  #order = 0;
  #leftAtClose: number | undefined;
  readonly #timers = new Set<Due>();
  readonly #senders = new Set<(tick: number) => void>();
  readonly #relays = new Set<(tick: number) => void>();
  readonly #taps = new Set<(tick: number) => void>();

  now(): number {
    return this.#nowMs;
  }

  timeOf(tick: number): number {
    return tick * FRAME_MS;
  }

  onSend(callback: (tick: number) => void): () => void {
    this.#senders.add(callback);
    return () => this.#senders.delete(callback);
  }

  onRelay(callback: (tick: number) => void): () => void {
    this.#relays.add(callback);
    return () => this.#relays.delete(callback);
  }

  onTap(callback: (tick: number) => void): () => void {
    this.#taps.add(callback);
    return () => this.#taps.delete(callback);
  }

  after(delayMs: number, callback: () => void): MediaTimer {
    const due: Due = { atMs: this.#nowMs + delayMs, order: this.#order++, run: callback };
    this.#timers.add(due);
    return { cancel: () => void this.#timers.delete(due) };
  }

  /** The system under test closes its clock last: nobody may be listening any more. */
  close(): void {
    this.#leftAtClose = this.#senders.size + this.#relays.size + this.#taps.size;
    this.#timers.clear();
    this.#senders.clear();
    this.#relays.clear();
    this.#taps.clear();
  }

  /** Throws unless the clock was closed with nothing left running. */
  assertClosedIdle(): void {
    if (this.#leftAtClose !== 0) throw new Error(`left at close: ${this.#leftAtClose ?? 'not closed'}`);
  }

  /** Lets time pass. Promises settle between the steps. */
  async advance(ms: number): Promise<void> {
    const until = this.#nowMs + ms;
    for (;;) {
      const next = this.#next();
      if (next.atMs > until) break;
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.run();
      await settle();
    }
    this.#nowMs = until;
    await settle();
  }

  #next(): Due {
    const send: Due = { atMs: this.timeOf(this.nextSendTick), order: -2, run: () => this.#send() };
    const relay: Due = {
      atMs: this.timeOf(this.nextRelayTick) + RELAY_PHASE_MS,
      order: -1,
      run: () => this.#relay(),
    };
    const tap: Due = {
      atMs: this.timeOf(this.#nextTapTick) + TAP_PHASE_MS,
      order: -1,
      run: () => this.#tap(),
    };
    const dues = [send, relay, tap, ...this.#timers].sort((a, b) => a.atMs - b.atMs || a.order - b.order);
    const first = dues[0] ?? send;
    if (this.#timers.has(first)) {
      return {
        ...first,
        run: () => {
          this.#timers.delete(first);
          first.run();
        },
      };
    }
    return first;
  }

  #send(): void {
    const tick = this.nextSendTick++;
    for (const callback of this.#senders) callback(tick);
  }

  #tap(): void {
    const tick = this.#nextTapTick++;
    for (const callback of this.#taps) callback(tick);
  }

  #relay(): void {
    const tick = this.nextRelayTick++;
    for (const callback of this.#relays) callback(tick);
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
}
