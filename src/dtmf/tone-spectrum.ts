import { HIGH_GROUP_HZ, LOW_GROUP_HZ } from './keypad.ts';
import { SAMPLE_RATE_HZ } from './level.ts';

/** One hop is 5 ms: what the detector moves by. */
export const HOP_SAMPLES = 40;

/** The longest look is 20 ms: fine enough to part 697 from 770 Hz, short enough to see a 40 ms tone whole. */
export const LONGEST_LOOK_HOPS = 4;

const BINS_HZ = [...LOW_GROUP_HZ, ...HIGH_GROUP_HZ];
const BINS = BINS_HZ.length;
const GROUP = LOW_GROUP_HZ.length;

/** A look follows a tone at most this far from its nominal frequency: beyond it the tone is refused anyway. */
const FOLLOWED_DEVIATION = 0.04;

/** Below this share of the total no frequency correction could make a pair dominant: spare the work. */
const HOPELESS_SHARE = 0.1;

/** Below −60 dBFS nothing is looked at: an idle line costs next to nothing. */
const IDLE_MEAN_SQUARE = 500;

/** What one look found. The same object is filled again and again, so that looking allocates nothing. */
export interface PairLook {
  /** Index in the low and in the high group of the strongest tone of each. */
  low: number;
  high: number;
  /** Mean squares of the two tones, 16-bit units. */
  lowPower: number;
  highPower: number;
  /** The pair's part of everything in the window but its direct current; 0 when there is no candidate. */
  share: number;
  /** Phase advance of each tone over one hop beyond its nominal one, as a complex number: see `deviationHz`. */
  lowTurnRe: number;
  lowTurnIm: number;
  highTurnRe: number;
  highTurnIm: number;
}

export function emptyLook(): PairLook {
  return {
    low: 0,
    high: 0,
    lowPower: 0,
    highPower: 0,
    share: 0,
    lowTurnRe: 0,
    lowTurnIm: 0,
    highTurnRe: 0,
    highTurnIm: 0,
  };
}

const HOP_SECONDS = HOP_SAMPLES / SAMPLE_RATE_HZ;

/** How far a tone lies from its nominal frequency, from the sum of its turns. */
export function deviationHz(turnRe: number, turnIm: number): number {
  return Math.atan2(turnIm, turnRe) / (2 * Math.PI * HOP_SECONDS);
}

/** cos and sin of each bin's phase advance over 0, 1, 2, 3 hops, laid out hop by hop. */
const ADVANCE_COS = new Float64Array(LONGEST_LOOK_HOPS * BINS);
const ADVANCE_SIN = new Float64Array(LONGEST_LOOK_HOPS * BINS);
/** What a direct current of 1 leaves in each bin over one hop. */
const CONSTANT_RE = new Float64Array(BINS);
const CONSTANT_IM = new Float64Array(BINS);
/** Goertzel: the recursion's coefficient, and the turn that refers its result to the hop's first sample. */
const COEFFICIENT = new Float64Array(BINS);
const STEP_COS = new Float64Array(BINS);
const STEP_SIN = new Float64Array(BINS);
const REFER_COS = new Float64Array(BINS);
const REFER_SIN = new Float64Array(BINS);

for (const [bin, hz] of BINS_HZ.entries()) {
  const step = (2 * Math.PI * hz) / SAMPLE_RATE_HZ;
  COEFFICIENT[bin] = 2 * Math.cos(step);
  STEP_COS[bin] = Math.cos(step);
  STEP_SIN[bin] = Math.sin(step);
  REFER_COS[bin] = Math.cos(step * (HOP_SAMPLES - 1));
  REFER_SIN[bin] = Math.sin(step * (HOP_SAMPLES - 1));
  for (let hop = 0; hop < LONGEST_LOOK_HOPS; hop += 1) {
    ADVANCE_COS[hop * BINS + bin] = Math.cos(step * HOP_SAMPLES * hop);
    ADVANCE_SIN[hop * BINS + bin] = Math.sin(step * HOP_SAMPLES * hop);
  }
  for (let index = 0; index < HOP_SAMPLES; index += 1) {
    CONSTANT_RE[bin] = (CONSTANT_RE[bin] ?? 0) + Math.cos(step * index);
    CONSTANT_IM[bin] = (CONSTANT_IM[bin] ?? 0) - Math.sin(step * index);
  }
}

/**
 * The complex Goertzel sums of the eight DTMF frequencies over the last four hops, and looks over the newest of them.
 *
 * A sum over a longer window is the sum of its hops, each turned by the phase that the tone has advanced: one pass of
 * the Goertzel recursion over each sample serves every window length, and a tone that is off its nominal frequency is
 * summed with its own advance instead (which is also how its deviation is measured).
 */
export class ToneSpectrum {
  readonly #re = new Float64Array(LONGEST_LOOK_HOPS * BINS);
  readonly #im = new Float64Array(LONGEST_LOOK_HOPS * BINS);
  readonly #sum = new Float64Array(LONGEST_LOOK_HOPS);
  readonly #squares = new Float64Array(LONGEST_LOOK_HOPS);
  /** One tone's hop sums, turned to its nominal frequency; results of `#sumTurned`; results of `#follow`. */
  readonly #turnedRe = new Float64Array(LONGEST_LOOK_HOPS);
  readonly #turnedIm = new Float64Array(LONGEST_LOOK_HOPS);
  #wholeRe = 0;
  #wholeIm = 0;
  #pairRe = 0;
  #pairIm = 0;
  #power = 0;
  #turnRe = 0;
  #turnIm = 0;

  /** Takes in the next hop: `HOP_SAMPLES` samples from `at`. */
  addHop(samples: Int16Array, at: number): void {
    this.#re.copyWithin(0, BINS);
    this.#im.copyWithin(0, BINS);
    this.#sum.copyWithin(0, 1);
    this.#squares.copyWithin(0, 1);
    const newest = LONGEST_LOOK_HOPS - 1;
    let sum = 0;
    let squares = 0;
    for (let index = at; index < at + HOP_SAMPLES; index += 1) {
      const sample = samples[index] as number;
      sum += sample;
      squares += sample * sample;
    }
    this.#sum[newest] = sum;
    this.#squares[newest] = squares;
    for (let bin = 0; bin < BINS; bin += 1) {
      const coefficient = COEFFICIENT[bin] as number;
      let last = 0;
      let before = 0;
      for (let index = at; index < at + HOP_SAMPLES; index += 1) {
        const next = (samples[index] as number) + coefficient * last - before;
        before = last;
        last = next;
      }
      const re = last - before * (STEP_COS[bin] as number);
      const im = before * (STEP_SIN[bin] as number);
      const cos = REFER_COS[bin] as number;
      const sin = REFER_SIN[bin] as number;
      this.#re[newest * BINS + bin] = re * cos + im * sin;
      this.#im[newest * BINS + bin] = im * cos - re * sin;
    }
  }

  /** Looks for the strongest pair in the newest `hops` (2 to 4) hops. */
  look(hops: number, found: PairLook): void {
    const samples = hops * HOP_SAMPLES;
    const from = LONGEST_LOOK_HOPS - hops;
    let sum = 0;
    let squares = 0;
    for (let hop = from; hop < LONGEST_LOOK_HOPS; hop += 1) {
      sum += this.#sum[hop] as number;
      squares += this.#squares[hop] as number;
    }
    const mean = sum / samples;
    const total = squares / samples - mean * mean;
    found.share = 0;
    if (total < IDLE_MEAN_SQUARE) return;

    let lowSum = 0;
    let highSum = 0;
    for (let bin = 0; bin < BINS; bin += 1) {
      const power = this.#nominalPower(bin, from, mean);
      if (bin < GROUP && power > lowSum) {
        lowSum = power;
        found.low = bin;
      } else if (bin >= GROUP && power > highSum) {
        highSum = power;
        found.high = bin - GROUP;
      }
    }
    if (lowSum + highSum < HOPELESS_SHARE * total) return;

    this.#follow(found.low, from, mean);
    found.lowPower = this.#power;
    found.lowTurnRe = this.#turnRe;
    found.lowTurnIm = this.#turnIm;
    this.#follow(found.high + GROUP, from, mean);
    found.highPower = this.#power;
    found.highTurnRe = this.#turnRe;
    found.highTurnIm = this.#turnIm;
    found.share = (found.lowPower + found.highPower) / total;
  }

  /** Forgets all audio. */
  wipe(): void {
    this.#re.fill(0);
    this.#im.fill(0);
    this.#sum.fill(0);
    this.#squares.fill(0);
    this.#turnedRe.fill(0);
    this.#turnedIm.fill(0);
    this.#wholeRe = this.#wholeIm = this.#pairRe = this.#pairIm = 0;
    this.#power = this.#turnRe = this.#turnIm = 0;
  }

  /** Mean square of the tone at the bin's nominal frequency. */
  #nominalPower(bin: number, from: number, mean: number): number {
    const constantRe = mean * (CONSTANT_RE[bin] as number);
    const constantIm = mean * (CONSTANT_IM[bin] as number);
    let sumRe = 0;
    let sumIm = 0;
    for (let hop = from; hop < LONGEST_LOOK_HOPS; hop += 1) {
      const re = (this.#re[hop * BINS + bin] as number) - constantRe;
      const im = (this.#im[hop * BINS + bin] as number) - constantIm;
      const cos = ADVANCE_COS[(hop - from) * BINS + bin] as number;
      const sin = ADVANCE_SIN[(hop - from) * BINS + bin] as number;
      sumRe += re * cos + im * sin;
      sumIm += im * cos - re * sin;
    }
    const samples = (LONGEST_LOOK_HOPS - from) * HOP_SAMPLES;
    return (2 * (sumRe * sumRe + sumIm * sumIm)) / (samples * samples);
  }

  /**
   * Power and turn of the tone near a bin, wherever within `FOLLOWED_DEVIATION` it lies. The turn is measured between
   * two sums that are one hop apart and all but one hop long: the longest that the window allows, so that the other
   * tone of the pair disturbs it least. Sums this long are deaf to a tone far from the bin's own frequency, hence the
   * second round, tuned to what the first one found.
   */
  #follow(bin: number, from: number, mean: number): void {
    this.#turnToBin(bin, from, mean);
    const hops = LONGEST_LOOK_HOPS - from;
    const limit = 2 * Math.PI * HOP_SECONDS * FOLLOWED_DEVIATION * (BINS_HZ[bin] as number);
    let turn = 0;
    for (let round = 0; round < 2; round += 1) {
      this.#sumTurned(hops, turn);
      const further = Math.atan2(this.#pairIm, this.#pairRe);
      turn = Math.max(-limit, Math.min(limit, turn + further));
    }
    const weight = Math.hypot(this.#pairRe, this.#pairIm);
    this.#turnRe = weight * Math.cos(turn);
    this.#turnIm = weight * Math.sin(turn);
    this.#sumTurned(hops, turn);
    const samples = hops * HOP_SAMPLES;
    // Within one hop the deviation is not followed: the sum is short by sin(x)/x, x being half the hop's turn.
    const half = turn / 2;
    const loss = 1 - (half * half) / 6;
    this.#power =
      (2 * (this.#wholeRe * this.#wholeRe + this.#wholeIm * this.#wholeIm)) /
      (samples * samples * loss * loss);
  }

  #turnToBin(bin: number, from: number, mean: number): void {
    const constantRe = mean * (CONSTANT_RE[bin] as number);
    const constantIm = mean * (CONSTANT_IM[bin] as number);
    for (let hop = from; hop < LONGEST_LOOK_HOPS; hop += 1) {
      const re = (this.#re[hop * BINS + bin] as number) - constantRe;
      const im = (this.#im[hop * BINS + bin] as number) - constantIm;
      const cos = ADVANCE_COS[(hop - from) * BINS + bin] as number;
      const sin = ADVANCE_SIN[(hop - from) * BINS + bin] as number;
      this.#turnedRe[hop - from] = re * cos + im * sin;
      this.#turnedIm[hop - from] = im * cos - re * sin;
    }
  }

  /** The whole sum at `turn` a hop, and the late part times the conjugate of the early part. */
  #sumTurned(hops: number, turn: number): void {
    const stepCos = Math.cos(turn);
    const stepSin = Math.sin(turn);
    let cos = 1;
    let sin = 0;
    let wholeRe = 0;
    let wholeIm = 0;
    let firstRe = 0;
    let firstIm = 0;
    let lastRe = 0;
    let lastIm = 0;
    for (let hop = 0; hop < hops; hop += 1) {
      const re = this.#turnedRe[hop] as number;
      const im = this.#turnedIm[hop] as number;
      lastRe = re * cos + im * sin;
      lastIm = im * cos - re * sin;
      if (hop === 0) {
        firstRe = lastRe;
        firstIm = lastIm;
      }
      wholeRe += lastRe;
      wholeIm += lastIm;
      const nextCos = cos * stepCos - sin * stepSin;
      sin = sin * stepCos + cos * stepSin;
      cos = nextCos;
    }
    this.#wholeRe = wholeRe;
    this.#wholeIm = wholeIm;
    const earlyRe = wholeRe - lastRe;
    const earlyIm = wholeIm - lastIm;
    const lateRe = wholeRe - firstRe;
    const lateIm = wholeIm - firstIm;
    this.#pairRe = lateRe * earlyRe + lateIm * earlyIm;
    this.#pairIm = lateIm * earlyRe - lateRe * earlyIm;
  }
}
