import { HushtoneError } from '../kernel/errors.ts';
import { SAMPLE_RATE_HZ } from './level.ts';

/** Typed arrays of up to 64 bytes are copied about by V8's garbage collector; from 65 bytes on they stay in place. */
const SMALLEST_OFF_HEAP_SAMPLES = 33;

const LONGEST_MS = 10_000;

/**
 * The last `milliseconds` of 8 kHz audio, by sample position. Audio with tones in it is as sensitive as the digits:
 * `wipe` zeroes it, and what `slice` returns is the caller's to zero.
 */
export class AudioHistory {
  readonly #ring: Int16Array;
  #position = 0;
  /** The oldest position that is still true: nothing was kept before the start and before a wipe. */
  #oldest = 0;

  /** Throws `dtmf_history` unless 1 to 10 000 ms. */
  constructor(milliseconds: number) {
    if (!Number.isInteger(milliseconds) || milliseconds < 1 || milliseconds > LONGEST_MS) {
      throw new HushtoneError('dtmf_history', 'internal', `a history holds 1 to ${LONGEST_MS} ms`);
    }
    const samples = (milliseconds * SAMPLE_RATE_HZ) / 1000;
    this.#ring = new Int16Array(Math.max(samples, SMALLEST_OFF_HEAP_SAMPLES));
  }

  /** How many samples it has been given, lost ones included: the position after the newest. */
  get position(): number {
    return this.#position;
  }

  /** The oldest position that is still held. */
  get oldest(): number {
    return Math.max(this.#oldest, this.#position - this.#ring.length);
  }

  push(samples: Int16Array): void {
    const kept = Math.min(samples.length, this.#ring.length);
    this.#position += samples.length - kept;
    for (let index = samples.length - kept; index < samples.length; index += 1) {
      this.#ring[this.#position % this.#ring.length] = samples[index] as number;
      this.#position += 1;
    }
  }

  /** Samples were lost: they are held as silence. Throws `dtmf_position` when `count` is not a whole number ≥ 0. */
  skip(count: number): void {
    if (!Number.isSafeInteger(count) || count < 0) {
      throw new HushtoneError('dtmf_position', 'internal', 'a number of lost samples must be a whole number');
    }
    const kept = Math.min(count, this.#ring.length);
    this.#position += count - kept;
    for (let index = 0; index < kept; index += 1) {
      this.#ring[this.#position % this.#ring.length] = 0;
      this.#position += 1;
    }
  }

  /**
   * A copy of what is held of the positions `from` up to, not including, `to`. Shorter than asked for when part of it
   * is no longer or not yet there (compare `oldest` and `position`). Zero it when done.
   */
  slice(from: number, to: number): Int16Array {
    const first = Math.max(Math.round(from), this.oldest);
    const count = Math.max(0, Math.min(Math.round(to), this.#position) - first);
    const copy = new Int16Array(Math.max(count, SMALLEST_OFF_HEAP_SAMPLES)).subarray(0, count);
    for (let index = 0; index < count; index += 1) {
      copy[index] = this.#ring[(first + index) % this.#ring.length] as number;
    }
    return copy;
  }

  /** Zeroes what is held. The position stays: what comes next is still counted from the first sample. */
  wipe(): void {
    this.#ring.fill(0);
    this.#oldest = this.#position;
  }

  [Symbol.dispose](): void {
    this.wipe();
  }
}
