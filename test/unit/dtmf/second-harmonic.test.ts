import { describe, expect, it } from 'vitest';
import { keyTone, mix } from '../../../simulators/audio/tones.ts';
import { frequenciesOf } from '../../../src/dtmf/keypad.ts';
import { hasSecondHarmonic } from '../../../src/dtmf/second-harmonic.ts';
import { emptyLook, HOP_SAMPLES, ToneSpectrum } from '../../../src/dtmf/tone-spectrum.ts';

function sine(hz: number, amplitude: number): Int16Array {
  return Int16Array.from({ length: 160 }, (_, at) => amplitude * Math.sin((2 * Math.PI * hz * at) / 8000));
}

function judge(samples: Int16Array): boolean {
  const spectrum = new ToneSpectrum();
  const look = emptyLook();
  for (let hop = 0; hop < 4; hop += 1) spectrum.addHop(samples, hop * HOP_SAMPLES);
  spectrum.look(4, look);
  return hasSecondHarmonic(samples, look);
}

describe('hasSecondHarmonic', () => {
  it('leaves clean keys alone, off frequency, in twist and clipping', () => {
    for (let key = 0; key < 16; key += 1) {
      for (const error of [-1.5, 0, 1.5]) {
        for (const [lowDbm0, highDbm0] of [
          [-10, -10],
          [-6, -16],
          [-16, -6],
          [0, 0],
        ] as const) {
          const options = { rampMs: 0, lowDbm0, highDbm0, lowErrorPercent: error, highErrorPercent: -error };
          expect(judge(keyTone(key, { ...options, durationMs: 20 })), `key ${key}`).toBe(false);
        }
      }
    }
  });

  it('hears the second harmonic of either tone', () => {
    for (let key = 0; key < 16; key += 1) {
      const { lowHz, highHz } = frequenciesOf(key);
      const pair = mix(sine(lowHz, 8000), sine(highHz, 8000));
      expect(judge(mix(pair, sine(2 * highHz, 4500))), `high of ${key}`).toBe(true);
      expect(judge(mix(pair, sine(2 * lowHz, 4500))), `low of ${key}`).toBe(true);
    }
  });
});
