import { HIGH_GROUP_HZ, keyAt, LOW_GROUP_HZ, type KeyCode } from './keypad.ts';
import type { ToneListener } from './tone-listener.ts';
import { deviationHz, HOP_SAMPLES, LONGEST_LOOK_HOPS, type PairLook } from './tone-spectrum.ts';

const NO_KEY = -1;

/**
 * How many looks make a key. A look passes when about 14 of its 20 ms hold the tone, so a tone of 20 ms passes three
 * (four with its edges blurred) and one of 40 ms at least six, one hop apart.
 */
const LOOKS_FOR_A_KEY = 5;

/**
 * As many of them must hold next to nothing but the pair. A clean tone's whole looks hold 97 % and more, at 15 dB over
 * noise 94 %; a vowel whose partials happen to fit a pair seldom holds this much in four looks.
 */
const SOLID_SHARE = 0.85;
const SOLID_LOOKS_FOR_A_KEY = 4;

/**
 * So many looks in a row without the key end it. A drop-out of 20 ms fails at most six looks, a pause of 40 ms at
 * least nine (Q.24: interruptions of a signal against the pause between two).
 */
const FAILED_LOOKS_FOR_AN_END = 8;

/** Q.24: ±1.5 % must be accepted, ±3.5 % refused; measured over the whole press, so halfway is safe for both. */
const LARGEST_DEVIATION = 0.025;

/** The first look to pass holds this much of the tone, and so does the last. */
const HELD_AT_THE_EDGES = 112;

/** Makes presses of looks: the same key in enough of them, steady in frequency, ended by enough of them without it. */
export class KeyTracker {
  readonly #listener: ToneListener;
  #key: KeyCode = NO_KEY;
  #rival: KeyCode = NO_KEY;
  #confirmed = false;
  #looks = 0;
  #solidLooks = 0;
  #failedLooks = 0;
  #start = 0;
  #end = 0;
  #lowTurnRe = 0;
  #lowTurnIm = 0;
  #highTurnRe = 0;
  #highTurnIm = 0;

  constructor(listener: ToneListener) {
    this.#listener = listener;
  }

  /** A look that ended at `position` shows a pair. */
  heard(look: PairLook, position: number): void {
    const key = keyAt(look.low, look.high);
    if (key !== this.#key) {
      // One look between two keys may show a third: a key that is down gives way only to two looks in a row.
      if (this.#confirmed && this.#rival !== key) {
        this.notHeard();
        this.#rival = this.#confirmed ? key : NO_KEY;
        return;
      }
      const alreadySeen = this.#confirmed ? HOP_SAMPLES : 0;
      this.finish();
      this.#begin(key, position - HELD_AT_THE_EDGES - alreadySeen);
    }
    this.#rival = NO_KEY;
    this.#failedLooks = 0;
    this.#looks += 1;
    if (look.share >= SOLID_SHARE) this.#solidLooks += 1;
    this.#end = position - LONGEST_LOOK_HOPS * HOP_SAMPLES + HELD_AT_THE_EDGES;
    this.#lowTurnRe += look.lowTurnRe;
    this.#lowTurnIm += look.lowTurnIm;
    this.#highTurnRe += look.highTurnRe;
    this.#highTurnIm += look.highTurnIm;
    if (!this.#confirmed && this.#isCertain(look)) {
      this.#confirmed = true;
      this.#listener.keyDown(key, this.#start);
    }
  }

  /** A look shows no pair. */
  notHeard(): void {
    this.#rival = NO_KEY;
    if (this.#key === NO_KEY) return;
    this.#failedLooks += 1;
    if (this.#failedLooks >= FAILED_LOOKS_FOR_AN_END) this.finish();
  }

  /** Ends the press, if there is one, as it stands. */
  finish(): void {
    const key = this.#key;
    const confirmed = this.#confirmed;
    this.forget();
    if (confirmed) this.#listener.keyUp(key, this.#start, this.#end);
  }

  /** Forgets the press without a word. */
  forget(): void {
    this.#key = NO_KEY;
    this.#rival = NO_KEY;
    this.#confirmed = false;
  }

  #begin(key: KeyCode, start: number): void {
    this.#key = key;
    this.#start = start;
    this.#looks = this.#solidLooks = this.#failedLooks = 0;
    this.#lowTurnRe = this.#lowTurnIm = this.#highTurnRe = this.#highTurnIm = 0;
  }

  #isCertain(look: PairLook): boolean {
    if (this.#looks < LOOKS_FOR_A_KEY || this.#solidLooks < SOLID_LOOKS_FOR_A_KEY) return false;
    const low = deviationHz(this.#lowTurnRe, this.#lowTurnIm) / (LOW_GROUP_HZ[look.low] as number);
    const high = deviationHz(this.#highTurnRe, this.#highTurnIm) / (HIGH_GROUP_HZ[look.high] as number);
    return Math.abs(low) <= LARGEST_DEVIATION && Math.abs(high) <= LARGEST_DEVIATION;
  }
}
