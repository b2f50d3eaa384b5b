import { whiteNoise } from '../audio/tones.ts';

/** Level of a quiet line. A telephone line is never digitally silent. */
export const BACKGROUND_NOISE_DBFS = -65;

/** Two seconds, so that a loop of it is no tone. A whole number of frames. */
const LOOP_SAMPLES = 16_000;

/** The same for the same seed. To be looped. */
export function backgroundNoise(seed: number): Int16Array {
  return whiteNoise(LOOP_SAMPLES, BACKGROUND_NOISE_DBFS, seed);
}
