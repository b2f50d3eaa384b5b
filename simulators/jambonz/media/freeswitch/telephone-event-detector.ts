import type { EventUnit } from '../media-unit.ts';

/** One key press as FreeSWITCH queues it. */
export interface DetectedKey {
  readonly event: number;
  /** The event's own timestamp, and its duration, 8 kHz units. */
  readonly timestamp: number;
  readonly duration: number;
  /** 0 for the press itself; 1 and 2 when an end packet after audio made FreeSWITCH take it for a further one. */
  readonly repeat: number;
}

/** FreeSWITCH reported one key two or three times on the observed calls, never more. */
const MOST_REPEATS = 2;

/**
 * Reads RFC 4733 packets the way FreeSWITCH does. A key counts at its first end packet; the end packets that follow
 * at once are the same key (RFC 4733 § 2.5.1.4). Audio in between makes it forget, and the next end packet counts
 * again: that is where `listen` gets its duplicates from. Without any end packet there is no key.
 */
export class TelephoneEventDetector {
  #current:
    { timestamp: number; ended: boolean; audioSince: boolean; repeats: number; wanted: number } | undefined;
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  audio(): void {
    if (this.#current?.ended === true) this.#current.audioSince = true;
  }

  event(unit: EventUnit): DetectedKey | undefined {
    if (this.#current?.timestamp !== unit.timestamp) {
      this.#current = {
        timestamp: unit.timestamp,
        ended: false,
        audioSince: false,
        repeats: 0,
        wanted: 1 + Math.floor(this.#random() * MOST_REPEATS),
      };
    }
    const current = this.#current;
    if (!unit.end) return undefined;
    const { event, timestamp, duration } = unit;
    if (!current.ended) {
      current.ended = true;
      return { event, timestamp, duration, repeat: 0 };
    }
    if (!current.audioSince || current.repeats >= current.wanted) return undefined;
    current.audioSince = false;
    current.repeats += 1;
    return { event, timestamp, duration, repeat: current.repeats };
  }
}
