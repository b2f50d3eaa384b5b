import { describe, expect, it } from 'vitest';
import {
  firstVoiceAfter,
  loudestPairWindowDbfs,
  rmsDbfs,
  SILENCE_DBFS,
  toneDbfs,
} from '../../../../simulators/audio/measure.ts';
import { concatenate, keyTone, mix, silence, whiteNoise } from '../../../../simulators/audio/tones.ts';

function sine(frequencyHz: number, peak: number, length = 8_000): Int16Array {
  return Int16Array.from({ length }, (_, index) =>
    Math.round(peak * Math.sin((2 * Math.PI * frequencyHz * index) / 8_000)),
  );
}

describe('measurements', () => {
  it('give a full-scale sine 0 dBFS', () => {
    expect(rmsDbfs(sine(1_000, 32_767))).toBeCloseTo(0, 1);
    expect(toneDbfs(sine(1_000, 32_767), 1_000)).toBeCloseTo(0, 1);
    expect(toneDbfs(sine(1_000, 3_277), 1_000)).toBeCloseTo(-20, 1);
    expect(toneDbfs(sine(1_000, 32_767), 2_000)).toBeLessThan(-60);
  });

  it('give silence and nothing the lowest level', () => {
    expect(rmsDbfs(silence(100))).toBe(SILENCE_DBFS);
    expect(rmsDbfs(silence(100), 50, 20)).toBe(SILENCE_DBFS);
    expect(loudestPairWindowDbfs(silence(100))).toBe(SILENCE_DBFS);
    expect(loudestPairWindowDbfs(new Int16Array(10))).toBe(SILENCE_DBFS);
  });

  it('find where a voice begins', () => {
    const samples = concatenate([whiteNoise(4_000, -65), sine(300, 3_000, 2_000)]);
    expect(firstVoiceAfter(samples)).toBeGreaterThan(3_920);
    expect(firstVoiceAfter(samples)).toBeLessThanOrEqual(4_008);
    expect(firstVoiceAfter(samples, 4_500)).toBe(4_500);
    expect(firstVoiceAfter(whiteNoise(4_000, -65))).toBeUndefined();
  });

  it.each(Array.from({ length: 16 }, (_, key) => key))('find 10 ms of key %i wherever they lie', (key) => {
    for (const offset of [0, 33, 77, 155]) {
      const tone = keyTone(key, { durationMs: 12, lowDbm0: -40, highDbm0: -38, rampMs: 0 });
      const samples = mix(whiteNoise(2_000, -75), concatenate([silence(50).subarray(0, offset + 200), tone]));
      expect(loudestPairWindowDbfs(samples)).toBeGreaterThan(-48);
      expect(loudestPairWindowDbfs(samples)).toBeLessThan(-40);
      expect(loudestPairWindowDbfs(samples, 480)).toBeLessThan(-60);
    }
  });

  it('take one frequency alone, or a line at −65 dBFS, for no pair', () => {
    expect(loudestPairWindowDbfs(whiteNoise(16_000, -65))).toBeLessThan(-60);
    expect(loudestPairWindowDbfs(sine(770, 300))).toBeLessThan(-50);
  });
});
