import { HushtoneError } from '../kernel/errors.ts';
import { KeyTracker } from './key-tracker.ts';
import { powerOfDbm0, powerRatio } from './level.ts';
import { hasSecondHarmonic } from './second-harmonic.ts';
import type { ToneListener } from './tone-listener.ts';
import { emptyLook, HOP_SAMPLES, LONGEST_LOOK_HOPS, ToneSpectrum, type PairLook } from './tone-spectrum.ts';

/** What a look must show. Powers and twist are of the two tones against each other, the share against everything. */
interface Criteria {
  readonly hops: number;
  readonly weakest: number;
  readonly twist: number;
  readonly share: number;
}

/**
 * A first suspicion, within 20 ms of a tone's start: three hops, the shortest look that parts the frequencies. Its
 * limits are wide, but the share is high: lower, and every third vowel would close the guard.
 */
const SUSPICION: Criteria = {
  hops: 3,
  weakest: powerOfDbm0(-45),
  twist: powerRatio(15),
  share: 0.8,
};

/**
 * One look of a key. Q.24's operating range (here −36 dBm0 and up; the high tone +4 to −8 dB against the low one) lies
 * well inside: a tone that breaks the standard can still be decoded at the agent's end, so it has to be known here.
 */
const KEY: Criteria = {
  hops: LONGEST_LOOK_HOPS,
  weakest: powerOfDbm0(-42),
  twist: powerRatio(13),
  share: 0.7,
};

/** 40 ms without a suspicious look end the suspicion. */
const HOPS_FOR_AN_END = 8;

/** A longer hole (250 ms) ends everything that was heard before it; there is no need to hear more silence. */
const LONGEST_FILLED_HOLE = 50 * HOP_SAMPLES;

function meets(look: PairLook, criteria: Criteria): boolean {
  return (
    look.share >= criteria.share &&
    look.lowPower >= criteria.weakest &&
    look.highPower >= criteria.weakest &&
    look.highPower <= look.lowPower * criteria.twist &&
    look.lowPower <= look.highPower * criteria.twist
  );
}

/**
 * Finds DTMF (ITU-T Q.23, Q.24) in 8 kHz signed 16-bit mono audio that arrives in chunks of any size.
 *
 * Accepts: all 16 keys, −36 to 0 dBm0 a tone, ±1.5 % in frequency, twist to ±10 dB, tones and pauses from 40 ms, 15 dB
 * over white noise. Refuses: ±3.5 %, tones of 20 ms and less. A drop-out of 20 ms inside a tone leaves it one key.
 * Direct current does not matter. Every 5 ms cost the same and nothing is allocated.
 */
export class ToneDetector {
  readonly #listener: ToneListener;
  readonly #tracker: KeyTracker;
  readonly #spectrum = new ToneSpectrum();
  readonly #look = emptyLook();
  /** The last 20 ms: three whole hops and, at the end, the one that is being filled. */
  readonly #window = new Int16Array(LONGEST_LOOK_HOPS * HOP_SAMPLES);
  #filled = 0;
  #position = 0;
  #sounding = false;
  #quietHops = 0;

  constructor(listener: ToneListener) {
    this.#listener = listener;
    this.#tracker = new KeyTracker(listener);
  }

  /** How many samples it has been given, lost ones included. */
  get position(): number {
    return this.#position;
  }

  push(samples: Int16Array): void {
    const hop = this.#window.length - HOP_SAMPLES;
    for (let at = 0; at < samples.length;) {
      const count = Math.min(HOP_SAMPLES - this.#filled, samples.length - at);
      for (let index = 0; index < count; index += 1) {
        this.#window[hop + this.#filled + index] = samples[at + index] as number;
      }
      at += count;
      this.#advance(count);
    }
  }

  /**
   * Samples were lost: they count as silence. A hole of up to 20 ms inside a tone leaves it one key; one of 40 ms and
   * more parts it, since it can hold an honest pause. Throws `dtmf_position` when `count` is not a whole number ≥ 0.
   */
  skip(count: number): void {
    if (!Number.isSafeInteger(count) || count < 0) {
      throw new HushtoneError('dtmf_position', 'internal', 'a number of lost samples must be a whole number');
    }
    const hop = this.#window.length - HOP_SAMPLES;
    for (let left = Math.min(count, LONGEST_FILLED_HOLE); left > 0;) {
      const part = Math.min(HOP_SAMPLES - this.#filled, left);
      this.#window.fill(0, hop + this.#filled, hop + this.#filled + part);
      left -= part;
      this.#advance(part);
    }
    this.#position += Math.max(0, count - LONGEST_FILLED_HOLE);
  }

  /** The audio is over: what is down goes up, now. */
  end(): void {
    this.#tracker.finish();
    if (this.#sounding) {
      this.#sounding = false;
      this.#listener.toneEnergy(false, this.#position);
    }
  }

  /** Forgets all audio and the key that is down, without a word; the position stays. */
  wipe(): void {
    this.#window.fill(0);
    this.#spectrum.wipe();
    this.#tracker.forget();
    Object.assign(this.#look, emptyLook());
    this.#sounding = false;
  }

  #advance(count: number): void {
    this.#filled += count;
    this.#position += count;
    if (this.#filled < HOP_SAMPLES) return;
    this.#filled = 0;
    this.#hop();
    this.#window.copyWithin(0, HOP_SAMPLES);
  }

  #hop(): void {
    const look = this.#look;
    this.#spectrum.addHop(this.#window, this.#window.length - HOP_SAMPLES);
    this.#spectrum.look(SUSPICION.hops, look);
    this.#noteEnergy(meets(look, SUSPICION));
    this.#spectrum.look(KEY.hops, look);
    if (meets(look, KEY) && !hasSecondHarmonic(this.#window, look)) this.#tracker.heard(look, this.#position);
    else this.#tracker.notHeard();
  }

  #noteEnergy(suspicious: boolean): void {
    if (suspicious) {
      this.#quietHops = 0;
      if (this.#sounding) return;
      this.#sounding = true;
      this.#listener.toneEnergy(true, Math.max(0, this.#position - SUSPICION.hops * HOP_SAMPLES));
    } else if (this.#sounding) {
      this.#quietHops += 1;
      if (this.#quietHops < HOPS_FOR_AN_END) return;
      this.#sounding = false;
      this.#listener.toneEnergy(false, this.#position - HOPS_FOR_AN_END * HOP_SAMPLES);
    }
  }
}
