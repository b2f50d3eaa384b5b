import { decodeMuLaw, encodeMuLaw } from '../../../simulators/audio/g711.ts';
import { concatenate, mix, silence, whiteNoise } from '../../../simulators/audio/tones.ts';
import { ToneDetector } from '../../../src/dtmf/tone-detector.ts';

export interface Heard {
  /** Every key that went down, in order. */
  readonly keys: number[];
  readonly presses: { key: number; start: number; end: number }[];
  /** Position of the detector when each key was confirmed, and when each suspicion was reported. */
  readonly confirmedAt: number[];
  readonly suspectedAt: number[];
  readonly energy: { sounding: boolean; at: number }[];
}

/** Everything that a detector says of the samples, which arrive in chunks (a telephone's 20 ms unless told). */
export function hear(samples: Int16Array, chunk = 160): Heard {
  const heard: Heard = { keys: [], presses: [], confirmedAt: [], suspectedAt: [], energy: [] };
  const detector: ToneDetector = new ToneDetector({
    toneEnergy(sounding, at) {
      heard.energy.push({ sounding, at });
      if (sounding) heard.suspectedAt.push(detector.position);
    },
    keyDown(key) {
      heard.keys.push(key);
      heard.confirmedAt.push(detector.position);
    },
    keyUp: (key, start, end) => heard.presses.push({ key, start, end }),
  });
  for (let at = 0; at < samples.length; at += chunk) detector.push(samples.subarray(at, at + chunk));
  return heard;
}

/** Mean square of a signal, dB relative to a full-scale sine. */
export function levelOf(samples: Int16Array): number {
  const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
  return 10 * Math.log10(power / (32_768 ** 2 / 2));
}

/** The signal between pauses, with white noise so far below `reference`, as µ-law brings it. */
export function onTheLine(
  signal: Int16Array,
  noise?: { snrDb: number; reference: Int16Array; seed: number },
  startOffset = 0,
): Int16Array {
  const whole = concatenate([new Int16Array(800 + startOffset), signal, silence(120)]);
  if (noise === undefined) return decodeMuLaw(encodeMuLaw(whole));
  const level = levelOf(noise.reference) - noise.snrDb;
  return decodeMuLaw(encodeMuLaw(mix(whole, whiteNoise(whole.length, level, noise.seed))));
}
