import { HIGH_GROUP_HZ, LOW_GROUP_HZ } from './keypad.ts';
import { SAMPLE_RATE_HZ } from './level.ts';
import { deviationHz, type PairLook } from './tone-spectrum.ts';

/** A keypad's harmonics lie 20 dB down or more; a voice's are often as strong as its partials. 0.06 is −12 dB. */
const LARGEST_SHARE = 0.06;

/**
 * Twice the low tone may come this close to the key's own high tone (keys 2, 6 and C, off their frequencies): 20 ms
 * cannot tell the two apart.
 */
const NEAREST_HZ = 50;

function powerAt(samples: Int16Array, hz: number): number {
  const step = (2 * Math.PI * hz) / SAMPLE_RATE_HZ;
  const coefficient = 2 * Math.cos(step);
  let last = 0;
  let before = 0;
  for (let index = 0; index < samples.length; index += 1) {
    const next = (samples[index] as number) + coefficient * last - before;
    before = last;
    last = next;
  }
  const magnitude = last * last + before * before - coefficient * last * before;
  return (2 * magnitude) / (samples.length * samples.length);
}

/**
 * Whether either tone of the pair has a strong second harmonic, as voices do and keypads do not (Q.24 leaves speech
 * protection to the receiver). `samples` is the window that was looked at.
 */
export function hasSecondHarmonic(samples: Int16Array, look: PairLook): boolean {
  const lowHz = (LOW_GROUP_HZ[look.low] as number) + deviationHz(look.lowTurnRe, look.lowTurnIm);
  const highHz = (HIGH_GROUP_HZ[look.high] as number) + deviationHz(look.highTurnRe, look.highTurnIm);
  const limit = LARGEST_SHARE * (look.lowPower + look.highPower);
  if (powerAt(samples, 2 * highHz) > limit) return true;
  return Math.abs(2 * lowHz - highHz) > NEAREST_HZ && powerAt(samples, 2 * lowHz) > limit;
}
