import { FRAME_SAMPLES, timestampDifference } from '../media-unit.ts';

/** Conferences and taps read a frame behind the tick: what is late by one frame is still in time for them. */
const PATIENCE_TICKS = 1;

/** Farther back than this is no late packet but a new time line. */
const FARTHEST_BACK_TICKS = 50;

/**
 * A timestamp that leads farther ahead of now begins a new time line. So does a burst: FreeSWITCH has no jitter buffer
 * here and throws away what has piled up (`rtp-autoflush`), all but the keys in it.
 */
const LONGEST_DELAY_TICKS = 25;

/** Frames that all come early for this long: the delay has become longer than the network needs. */
const SHRINK_AFTER_FRAMES = 50;

/**
 * Gives each packet its place on FreeSWITCH's time line of relay ticks. Timestamps order the packets; the moment of
 * arrival decides when one is late, since rtpengine numbers the timestamps anew where packets are missing. What comes
 * late is put where it comes, and what follows behind it: the delay grows to what the network needs.
 */
export class Playout {
  #last: { ssrc: number; timestamp: number; index: number } | undefined;
  #early = 0;
  #leastLead = Infinity;

  /** `tick`: the relay tick that will run next. `current`: the one of this moment, later when relaying is behind. */
  place(
    unit: { readonly ssrc: number; readonly timestamp: number },
    tick: number,
    current: number = tick,
  ): number {
    const last = this.#last;
    if (last?.ssrc !== unit.ssrc) return this.#restart(unit, tick);
    const step = Math.round(timestampDifference(unit.timestamp, last.timestamp) / FRAME_SAMPLES);
    const index = last.index + step;
    if (step <= 0) return index < tick - FARTHEST_BACK_TICKS ? this.#restart(unit, tick) : index;
    if (index > Math.max(current, tick) + LONGEST_DELAY_TICKS) return this.#restart(unit, tick);
    const placed = this.#shrink(Math.max(index, tick - PATIENCE_TICKS), tick);
    this.#last = { ssrc: unit.ssrc, timestamp: unit.timestamp, index: placed };
    return placed;
  }

  #restart({ ssrc, timestamp }: { readonly ssrc: number; readonly timestamp: number }, tick: number): number {
    this.#last = { ssrc, timestamp, index: tick };
    this.#early = 0;
    this.#leastLead = Infinity;
    return tick;
  }

  #shrink(index: number, tick: number): number {
    this.#leastLead = Math.min(this.#leastLead, index - tick);
    this.#early += 1;
    if (this.#early < SHRINK_AFTER_FRAMES) return index;
    const shrunk = index - Math.max(0, this.#leastLead);
    this.#early = 0;
    this.#leastLead = Infinity;
    return shrunk;
  }
}
