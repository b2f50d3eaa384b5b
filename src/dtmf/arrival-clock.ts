import { SAMPLE_RATE_HZ } from './level.ts';

const FRAME_MS = 20;

/** The best case is looked for over the last two of these, so that a drift of clocks is followed. */
const BEST_CASE_SPAN_MS = 5000;

/** Precision of a wall clock that was not seen to be late. */
export const CLOCK_TOLERANCE_MS = 5;

/** Between what times a text frame was sent, on the receiver's clock and as if nothing had held it up. */
export interface SendingTime {
  readonly earliestMs: number;
  readonly latestMs: number;
  /** It was held up: only the 20 ms between the audio frames before and after it are known. */
  readonly late: boolean;
  readonly mediaMs: number;
}

/**
 * When text frames were sent on a websocket that also carries an audio frame every 20 ms.
 *
 * Arrival times alone will not do: a stall of the connection (or of this process) delivers seconds of frames at once.
 * Media time alone, the audio received so far, is bunch-proof but counts in steps of 20 ms. Both together are exact
 * where nothing was held up and safe where something was: the frames keep their order, so a text frame was sent after
 * the audio before it was due and before the next audio was, and the earliest that audio has ever come tells when
 * audio is due.
 */
export class ArrivalClock {
  #started = false;
  /** The smallest difference of arrival and media time, in the current span and in the one before. */
  #best = 0;
  #bestBefore = 0;
  #spanStartMs = 0;
  /** How late the newest audio came: what comes right behind it may have been held up as long. */
  #latenessMs = 0;

  /** Audio arrived; `position` counts the samples received so far, these included. */
  audio(position: number, wallMs: number): void {
    const difference = wallMs - toMs(position);
    if (!this.#started) {
      this.#started = true;
      this.#best = this.#bestBefore = difference;
      this.#spanStartMs = wallMs;
    } else if (wallMs - this.#spanStartMs >= BEST_CASE_SPAN_MS) {
      this.#bestBefore = this.#best;
      this.#best = difference;
      this.#spanStartMs = wallMs;
    }
    this.#best = Math.min(this.#best, difference);
    this.#latenessMs = difference - this.#bestCase();
  }

  /** A text frame arrived after the audio up to `position`. */
  text(position: number, wallMs: number): SendingTime {
    const mediaMs = toMs(position);
    if (!this.#started) return { earliestMs: wallMs, latestMs: wallMs, late: false, mediaMs };
    const due = this.#bestCase() + mediaMs;
    const late = wallMs > due + FRAME_MS + CLOCK_TOLERANCE_MS;
    return {
      earliestMs: late ? due : Math.max(due, wallMs - this.#latenessMs),
      latestMs: late ? due + FRAME_MS : wallMs,
      late,
      mediaMs,
    };
  }

  #bestCase(): number {
    return Math.min(this.#best, this.#bestBefore);
  }
}

function toMs(position: number): number {
  return (position * 1000) / SAMPLE_RATE_HZ;
}

/** The longest time that can lie between the sending of two text frames. */
export function longestBetween(one: SendingTime, next: SendingTime): number {
  // Two frames that were both held up: whole audio frames lie between them, and less than one more.
  if (one.late && next.late) return next.mediaMs - one.mediaMs + FRAME_MS - CLOCK_TOLERANCE_MS;
  return next.latestMs - one.earliestMs;
}
