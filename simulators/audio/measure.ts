/** Measurements on 8 kHz signed 16-bit mono. Levels: a full-scale sine has 0 dBFS. */

const FULL_SCALE = 32_768;
const SAMPLE_RATE_HZ = 8_000;

/** Lower than anything 16 bits can hold; stands for digital silence so that levels stay comparable. */
export const SILENCE_DBFS = -120;

const ROWS_HZ = [697, 770, 852, 941];
const COLUMNS_HZ = [1209, 1336, 1477, 1633];

/** 10 ms: the shortest tone that a decoder could use is longer. */
const PAIR_WINDOW = 80;
const PAIR_STEP = 20;

const VOICE_WINDOW = 80;

/** Power of the samples from `from` up to `to`. `SILENCE_DBFS` for zeros and for an empty range. */
export function rmsDbfs(samples: Int16Array, from = 0, to = samples.length): number {
  const part = samples.subarray(Math.max(0, from), Math.max(0, to));
  let energy = 0;
  for (const sample of part) energy += sample * sample;
  return part.length === 0
    ? SILENCE_DBFS
    : decibels((Math.SQRT2 * Math.sqrt(energy / part.length)) / FULL_SCALE);
}

/** Where, from `from` on, the first 10 ms begin that are louder than `thresholdDbfs`. Undefined: nowhere. */
export function firstVoiceAfter(samples: Int16Array, from = 0, thresholdDbfs = -45): number | undefined {
  for (let at = Math.max(0, from); at + VOICE_WINDOW <= samples.length; at += 8) {
    if (rmsDbfs(samples, at, at + VOICE_WINDOW) > thresholdDbfs) return at;
  }
  return undefined;
}

/**
 * The strongest DTMF pair in any 10 ms: the level of its weaker tone, over all 16 pairs and windows 2.5 ms apart.
 * Speech has energy everywhere and reads high; use it where nobody is meant to be heard.
 */
export function loudestPairWindowDbfs(samples: Int16Array, from = 0, to = samples.length): number {
  let loudest = SILENCE_DBFS;
  const end = Math.min(samples.length, to);
  for (let at = Math.max(0, from); at + PAIR_WINDOW <= end; at += PAIR_STEP) {
    const window = samples.subarray(at, at + PAIR_WINDOW);
    // The best pair is that of the strongest row and the strongest column.
    const row = Math.max(...ROWS_HZ.map((frequency) => toneDbfs(window, frequency)));
    if (row <= loudest) continue;
    const column = Math.max(...COLUMNS_HZ.map((frequency) => toneDbfs(window, frequency)));
    loudest = Math.max(loudest, Math.min(row, column));
  }
  return loudest;
}

/** Level of one frequency (Goertzel). Resolves about 8000 / length Hz. */
export function toneDbfs(samples: Int16Array, frequencyHz: number): number {
  const coefficient = 2 * Math.cos((2 * Math.PI * frequencyHz) / SAMPLE_RATE_HZ);
  let previous = 0;
  let beforePrevious = 0;
  for (const sample of samples) {
    const next = sample + coefficient * previous - beforePrevious;
    beforePrevious = previous;
    previous = next;
  }
  const power =
    previous * previous + beforePrevious * beforePrevious - coefficient * previous * beforePrevious;
  return decibels((2 * Math.sqrt(Math.max(0, power))) / samples.length / FULL_SCALE);
}

function decibels(ratio: number): number {
  return ratio > 0 ? Math.max(SILENCE_DBFS, 20 * Math.log10(ratio)) : SILENCE_DBFS;
}
