import { describe, expect, it } from 'vitest';
import {
  amplitudeOf,
  concatenate,
  keyCodes,
  keying,
  keyTone,
  mix,
  silence,
  whiteNoise,
} from '../../../../simulators/audio/tones.ts';

/** Level of one frequency over the whole signal, dB relative to a full-scale sine. */
function levelAt(samples: Int16Array, hz: number): number {
  let re = 0;
  let im = 0;
  for (const [index, sample] of samples.entries()) {
    re += sample * Math.cos((2 * Math.PI * hz * index) / 8000);
    im += sample * Math.sin((2 * Math.PI * hz * index) / 8000);
  }
  return 20 * Math.log10((2 * Math.hypot(re, im)) / samples.length / 32_768);
}

describe('tone synthesis', () => {
  it('knows the keys by their RFC 4733 codes', () => {
    expect(keyCodes('0189*#ABCD')).toEqual([0, 1, 8, 9, 10, 11, 12, 13, 14, 15]);
    expect(() => keyCodes('1x')).toThrow('not a key');
    expect(() => keyTone(16)).toThrow('0 to 15');
  });

  it.each([
    [1, 697, 1209],
    [0, 941, 1336],
    [11, 941, 1477],
    [13, 770, 1633],
  ])('key %i is %i and %i Hz at the levels asked for', (key, low, high) => {
    const tone = keyTone(key, { durationMs: 1000, lowDbm0: -6, highDbm0: -10, rampMs: 0 });
    expect(levelAt(tone, low)).toBeCloseTo(-6 - 3.17, 1);
    expect(levelAt(tone, high)).toBeCloseTo(-10 - 3.17, 1);
  });

  it('moves the frequencies by the errors asked for', () => {
    const tone = keyTone(5, { durationMs: 1000, lowErrorPercent: 1.5, highErrorPercent: -3.5, rampMs: 0 });
    expect(levelAt(tone, 770 * 1.015)).toBeCloseTo(-13.17, 1);
    expect(levelAt(tone, 1336 * 0.965)).toBeCloseTo(-13.17, 1);
  });

  it('rises and falls inside the duration', () => {
    const tone = keyTone(5, { durationMs: 40, rampMs: 2, lowPhase: Math.PI / 2, highPhase: Math.PI / 2 });
    const peak = 2 * amplitudeOf(-10);
    expect(tone).toHaveLength(320);
    expect(Math.abs(tone[0] ?? NaN)).toBeLessThan(peak * 0.02);
    expect(Math.abs(tone[319] ?? NaN)).toBeLessThan(peak * 0.02);
    expect(Math.max(...tone.subarray(16, 304))).toBeGreaterThan(peak * 0.9);
  });

  it('clips where two tones go beyond full scale', () => {
    const tone = keyTone(5, { levelDbm0: 0 });
    expect(Math.max(...tone)).toBe(32_767);
    expect(Math.min(...tone)).toBe(-32_768);
  });

  it('keys one after the other with pauses', () => {
    expect(keying([1, 2], { durationMs: 50, pauseMs: 30 })).toEqual(
      concatenate([keyTone(1, { durationMs: 50 }), silence(30), keyTone(2, { durationMs: 50 }), silence(30)]),
    );
  });

  it('makes the same noise for the same seed, at its level', () => {
    const noise = whiteNoise(80_000, -30, 7);
    const power = noise.reduce((sum, sample) => sum + sample * sample, 0) / noise.length;
    expect(10 * Math.log10(power / (32_768 ** 2 / 2))).toBeCloseTo(-30, 1);
    expect(whiteNoise(100, -30, 7)).toEqual(noise.subarray(0, 100));
    expect(whiteNoise(100, -30, 8)).not.toEqual(noise.subarray(0, 100));
  });

  it('mixes signals of different lengths and clips', () => {
    expect(mix(Int16Array.of(30_000, 1), Int16Array.of(10_000, 2, 3))).toEqual(Int16Array.of(32_767, 3, 3));
  });
});
