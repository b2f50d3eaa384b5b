/** Synthesis of DTMF tones (ITU-T Q.23) and of the noise around them, 8 kHz signed 16-bit mono. */

export const SAMPLE_RATE_HZ = 8000;

/** A sine of 0 dBm0 lies 3.17 dB below a full-scale sine (µ-law's overload point, ITU-T G.711). */
export const FULL_SCALE_DBM0 = 3.17;

const FULL_SCALE = 32_768;

/** Low and high frequency (Hz) of each RFC 4733 event code: 0–9, 10 `*`, 11 `#`, 12–15 `A`–`D`. */
const KEY_FREQUENCIES_HZ: readonly (readonly [low: number, high: number])[] = [
  [941, 1336],
  [697, 1209],
  [697, 1336],
  [697, 1477],
  [770, 1209],
  [770, 1336],
  [770, 1477],
  [852, 1209],
  [852, 1336],
  [852, 1477],
  [941, 1209],
  [941, 1477],
  [697, 1633],
  [770, 1633],
  [852, 1633],
  [941, 1633],
];

const KEY_NAMES = '0123456789*#ABCD';

export interface ToneOptions {
  /** Default 100. */
  readonly durationMs?: number;
  /** Level of each of the two tones unless given on its own, dBm0. Default −10. */
  readonly levelDbm0?: number;
  readonly lowDbm0?: number;
  readonly highDbm0?: number;
  /** Deviation from the nominal frequencies, percent. Default 0. */
  readonly lowErrorPercent?: number;
  readonly highErrorPercent?: number;
  /** Rise and fall of the raised-cosine envelope, inside the duration. Default 1. */
  readonly rampMs?: number;
  /** Start phases, radians. Default 0. */
  readonly lowPhase?: number;
  readonly highPhase?: number;
}

export interface KeyingToneOptions extends ToneOptions {
  /** Pause after each key. Default 100. */
  readonly pauseMs?: number;
}

/** The event code of each character of `0`–`9`, `*`, `#`, `A`–`D`. Throws on any other. */
export function keyCodes(characters: string): number[] {
  return Array.from(characters, (character) => {
    const code = KEY_NAMES.indexOf(character);
    if (code < 0) throw new Error('not a key of a telephone');
    return code;
  });
}

export function samplesOf(milliseconds: number): number {
  return Math.round((milliseconds * SAMPLE_RATE_HZ) / 1000);
}

/** Peak amplitude, in 16-bit units, of a sine of this level. */
export function amplitudeOf(dbm0: number): number {
  return FULL_SCALE * 10 ** ((dbm0 - FULL_SCALE_DBM0) / 20);
}

function saturate(value: number): number {
  return Math.max(-FULL_SCALE, Math.min(FULL_SCALE - 1, Math.round(value)));
}

function envelope(index: number, length: number, ramp: number): number {
  const fromEdge = Math.min(index + 0.5, length - index - 0.5);
  return fromEdge >= ramp ? 1 : 0.5 - 0.5 * Math.cos((Math.PI * fromEdge) / ramp);
}

/** One key press as a tone pair. Peaks beyond full scale are clipped, as a telephone's codec does. */
export function keyTone(key: number, options: ToneOptions = {}): Int16Array {
  const frequencies = KEY_FREQUENCIES_HZ[key];
  if (frequencies === undefined) throw new Error('a key code is 0 to 15');
  const { durationMs = 100, levelDbm0 = -10, rampMs = 1, lowPhase = 0, highPhase = 0 } = options;
  const low = amplitudeOf(options.lowDbm0 ?? levelDbm0);
  const high = amplitudeOf(options.highDbm0 ?? levelDbm0);
  const radians = (2 * Math.PI) / SAMPLE_RATE_HZ;
  const lowStep = radians * frequencies[0] * (1 + (options.lowErrorPercent ?? 0) / 100);
  const highStep = radians * frequencies[1] * (1 + (options.highErrorPercent ?? 0) / 100);
  const samples = new Int16Array(samplesOf(durationMs));
  const ramp = samplesOf(rampMs);
  for (let index = 0; index < samples.length; index += 1) {
    const value = low * Math.sin(lowPhase + lowStep * index) + high * Math.sin(highPhase + highStep * index);
    samples[index] = saturate(value * envelope(index, samples.length, ramp));
  }
  return samples;
}

export function silence(durationMs: number): Int16Array {
  return new Int16Array(samplesOf(durationMs));
}

/** Key presses one after the other, each followed by its pause. */
export function keying(keys: readonly number[], options: KeyingToneOptions = {}): Int16Array {
  const pause = silence(options.pauseMs ?? 100);
  return concatenate(keys.flatMap((key) => [keyTone(key, options), pause]));
}

export function concatenate(parts: readonly Int16Array[]): Int16Array {
  const whole = new Int16Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The sum of two signals, clipped; as long as the longer one. */
export function mix(one: Int16Array, other: Int16Array): Int16Array {
  const sum = new Int16Array(Math.max(one.length, other.length));
  for (let index = 0; index < sum.length; index += 1) {
    sum[index] = saturate((one[index] ?? 0) + (other[index] ?? 0));
  }
  return sum;
}

/** Numbers in [0, 1) that are the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/**
 * White Gaussian noise over the whole band, `levelDbfs` relative to the power of a full-scale sine.
 * The same seed gives the same noise.
 */
export function whiteNoise(sampleCount: number, levelDbfs: number, seed = 1): Int16Array {
  const deviation = (FULL_SCALE / Math.SQRT2) * 10 ** (levelDbfs / 20);
  const random = seededRandom(seed);
  const noise = new Int16Array(sampleCount);
  for (let index = 0; index < sampleCount; index += 1) {
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    noise[index] = saturate(deviation * radius * Math.cos(2 * Math.PI * random()));
  }
  return noise;
}
