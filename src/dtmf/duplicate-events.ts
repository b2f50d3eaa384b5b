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

/** So many presses in a row, all with duplicates or all without, show what this phone does. */
const REPEATS_FOR_A_HABIT = 2;
const SINGLES_FOR_A_HABIT = 3;

/**
 * A phone with duplicates sends two frames of audio and two end packets before its next key: 80 ms. Half of it is left
 * to the unevenness of the way.
 */
const LEAST_PAUSE_OF_DUPLICATES_MS = 40;
/**
 * For the same reason its next press is 31 ms more than the key away from the last duplicate, less the 20 ms by which
 * a frame may be late in leaving: a step may be longer.
 */
const STEP_BEYOND_KEY_OF_A_HABIT_MS = 15;
const LONGEST_STEP_OF_A_HABIT_MS = 75;
/** On a phone without duplicates an uneven way takes at most this, and the pause, from the time between two presses. */
const UNEVENNESS_MS = 20;
/** Two steps, and the same again for unevenness. */
const LONGEST_DUPLICATES_MS = 150;

/** Presses that can still have a duplicate under way; more than 60 ms apart, so four would do. */
const REMEMBERED = 8;

interface Press {
  key: KeyCode;
  readonly durationMs: number;
  readonly first: SendingTime;
  last: SendingTime;
  frames: number;
  /** Whether it had duplicates has been counted. */
  counted: boolean;
}

/** Whether each of the last presses had duplicates, or none; `unknown` when they differ or are too few. */
type Habit = 'unknown' | 'repeats' | 'once';

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
 * What the phone has done so far decides where time alone cannot. Most phones never make a duplicate: two presses of
 * theirs may come closer on an uneven way, and no key is lost. A phone whose every press had duplicates pauses longer
 * than these last, so they may come late.
 *
 * Times of sending come from an `ArrivalClock`, and the longest time that may lie between two frames decides. So what
 * cannot be told (short keys within a stall) counts as a press: a key too many shows in the field's check, a lost one
 * is lost. Frames are held against the presses of their own key, so that other keys may run in between.
 */
export class DuplicateEvents {
  readonly #clock = new ArrivalClock();
  #presses: Press[] = [];
  /** Presses in a row with duplicates, and without. */
  #repeated = 0;
  #single = 0;

  /** Audio arrived; `position` counts the samples received so far, these included. */
  audio(position: number, wallMs: number): void {
    this.#clock.audio(position, wallMs);
  }

  /** Whether this event only repeats an earlier one; otherwise it is remembered as a press. */
  isDuplicate(key: KeyCode, durationMs: number, position: number, wallMs: number): boolean {
    const sent = this.#clock.text(position, wallMs);
    this.#countOver(sent);
    const habit = this.#habit();
    const press = this.#presses.find((candidate) => candidate.key === key && repeats(candidate, sent, habit));
    if (press !== undefined) {
      press.last = sent;
      press.frames += 1;
      return true;
    }
    this.#presses.push({ key, durationMs, first: sent, last: sent, frames: 1, counted: false });
    if (this.#presses.length > REMEMBERED) this.#presses.shift();
    return false;
  }

  /** Forgets the keys; the clock stays, and what the phone is known to do. */
  forget(): void {
    for (const press of this.#presses) press.key = -1;
    this.#presses = [];
  }

  /** Counts the presses that can have no more duplicates. */
  #countOver(now: SendingTime): void {
    for (const press of this.#presses) {
      if (press.counted || now.mediaMs - press.first.mediaMs < LONGEST_DUPLICATES_MS) continue;
      press.counted = true;
      this.#repeated = press.frames > 1 ? this.#repeated + 1 : 0;
      this.#single = press.frames > 1 ? 0 : this.#single + 1;
    }
  }

  #habit(): Habit {
    if (this.#repeated >= REPEATS_FOR_A_HABIT) return 'repeats';
    return this.#single >= SINGLES_FOR_A_HABIT ? 'once' : 'unknown';
  }
}

function repeats(press: Press, sent: SendingTime, habit: Habit): boolean {
  if (press.frames === FRAMES_A_PRESS) return false;
  if (longestBetween(press.first, sent) <= apartMs(press.durationMs, habit) - CLOCK_TOLERANCE_MS) return true;
  const step = longestBetween(press.last, sent);
  return step >= SHORTEST_STEP_MS && step <= longestStepMs(press.durationMs, habit);
}

function longestStepMs(durationMs: number, habit: Habit): number {
  if (habit !== 'repeats') return LONGEST_STEP_MS;
  const keyMs = Math.max(durationMs, SHORTEST_KEY_MS);
  return Math.min(keyMs + STEP_BEYOND_KEY_OF_A_HABIT_MS, LONGEST_STEP_OF_A_HABIT_MS);
}

/** Two presses are at least so far apart: what comes sooner is a duplicate. */
function apartMs(durationMs: number, habit: Habit): number {
  const keyMs = Math.max(durationMs, SHORTEST_KEY_MS);
  const shortestMs = SHORTEST_KEY_MS + SHORTEST_PAUSE_MS;
  if (habit === 'once') return Math.max(shortestMs, Math.min(keyMs - UNEVENNESS_MS, LONGEST_APART_MS));
  if (habit === 'repeats') return Math.min(keyMs + LEAST_PAUSE_OF_DUPLICATES_MS, LONGEST_DUPLICATES_MS);
  return Math.min(keyMs + SHORTEST_PAUSE_MS, LONGEST_APART_MS);
}
