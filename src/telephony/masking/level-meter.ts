import { dbfsOf } from '../../dtmf/level.ts';

/** Below one step of a 16-bit sample: digital silence as a number that a record can hold. */
export const SILENCE_FLOOR_DBFS = -96;

/** Speech is −20 to −30 dBFS, a key −10 to −25, and a quiet line −65. */
export const AUDIBLE_DBFS = -45;

/** The level of some samples, dBFS (0 is a full-scale sine), never below `SILENCE_FLOOR_DBFS`. */
export function levelOf(samples: Int16Array): number {
  let squares = 0;
  for (const sample of samples) squares += sample * sample;
  return Math.max(dbfsOf(squares / Math.max(samples.length, 1)), SILENCE_FLOOR_DBFS);
}

/** Keeps the loudest level since it was last taken. */
export class LevelMeter {
  #loudest: number | undefined;

  /** Returns the level of these samples. */
  push(samples: Int16Array): number {
    const level = levelOf(samples);
    this.#loudest = Math.max(this.#loudest ?? SILENCE_FLOOR_DBFS, level);
    return level;
  }

  /** The loudest frame since the last call, dBFS; undefined when there was none. */
  take(): number | undefined {
    const loudest = this.#loudest;
    this.#loudest = undefined;
    return loudest;
  }
}
