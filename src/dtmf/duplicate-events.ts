import { ArrivalClock, CLOCK_TOLERANCE_MS, longestBetween, type SendingTime } from './arrival-clock.ts';
import type { KeyCode } from './keypad.ts';

/** The shortest honest key and the shortest pause after it: two presses are never closer than 60 ms. */
const SHORTEST_KEY_MS = 40;
const SHORTEST_PAUSE_MS = 20;

/** Duplicates come 43 to 49 ms after one another, twice at most: a third one would be another press. */
const LONGEST_STEP_MS = 55;
const SHORTEST_STEP_MS = 25;
const FRAMES_A_PRESS = 3;

/** A press and its duplicates are over after two steps and a pause: a longer duration is not needed as a proof. */
const LONGEST_APART_MS = 120;

/** Presses that can still have a duplicate under way; more than 60 ms apart, so four would do. */
const REMEMBERED = 8;

interface Press {
  key: KeyCode;
  readonly apartMs: number;
  readonly first: SendingTime;
  last: SendingTime;
  frames: number;
}

/**
 * Tells a duplicate of a key event from an honest repeat of the key.
 *
 * A phone that sends audio between its event packets has each digit delivered two or three times, 43 to 49 ms apart,
 * with the same duration and no id. An honest repeat is at least the key's duration and 20 ms away from the one
 * before: 60 ms for the shortest. A frame is a duplicate of an earlier press of its key when it was sent
 * - sooner after the press's first frame than two presses can follow each other, given the declared duration
 *   (long keys, by a wide margin; and the second frame of short ones, 46 against 60 ms), or
 * - one step of 25 to 55 ms after the press's last frame (the third frame of short keys). Closer than 25 ms is no step:
 *   such a frame belongs to another press whose frames run between these.
 *
 * Times of sending come from an `ArrivalClock`, and the longest time that may lie between two frames decides. So what
 * cannot be told (short keys within a stall) counts as a press: a key too many shows in the field's check, a lost one
 * is lost. Frames are held against the presses of their own key, so that other keys may run in between.
 */
export class DuplicateEvents {
  readonly #clock = new ArrivalClock();
  #presses: Press[] = [];

  /** Audio arrived; `position` counts the samples received so far, these included. */
  audio(position: number, wallMs: number): void {
    this.#clock.audio(position, wallMs);
  }

  /** Whether this event only repeats an earlier one; otherwise it is remembered as a press. */
  isDuplicate(key: KeyCode, durationMs: number, position: number, wallMs: number): boolean {
    const sent = this.#clock.text(position, wallMs);
    const press = this.#presses.find((candidate) => candidate.key === key && repeats(candidate, sent));
    if (press !== undefined) {
      press.last = sent;
      press.frames += 1;
      return true;
    }
    const apartMs = Math.min(Math.max(durationMs, SHORTEST_KEY_MS) + SHORTEST_PAUSE_MS, LONGEST_APART_MS);
    this.#presses.push({ key, apartMs, first: sent, last: sent, frames: 1 });
    if (this.#presses.length > REMEMBERED) this.#presses.shift();
    return false;
  }

  /** Forgets the keys; the clock stays. */
  forget(): void {
    for (const press of this.#presses) press.key = -1;
    this.#presses = [];
  }
}

function repeats(press: Press, sent: SendingTime): boolean {
  if (press.frames === FRAMES_A_PRESS) return false;
  if (longestBetween(press.first, sent) <= press.apartMs - CLOCK_TOLERANCE_MS) return true;
  const step = longestBetween(press.last, sent);
  return step >= SHORTEST_STEP_MS && step <= LONGEST_STEP_MS;
}
