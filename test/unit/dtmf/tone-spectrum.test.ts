import { afterEach, describe, expect, it, vi } from 'vitest';
import { amplitudeOf, keyTone } from '../../../simulators/audio/tones.ts';
import { frequenciesOf, keyAt } from '../../../src/dtmf/keypad.ts';
import { deviationHz, emptyLook, HOP_SAMPLES, ToneSpectrum } from '../../../src/dtmf/tone-spectrum.ts';

function lookAt(samples: Int16Array, hops: number): ReturnType<typeof emptyLook> {
  const spectrum = new ToneSpectrum();
  const look = emptyLook();
  for (let hop = 0; hop < hops; hop += 1) spectrum.addHop(samples, hop * HOP_SAMPLES);
  spectrum.look(hops, look);
  return look;
}

function decibels(power: number, dbm0: number): number {
  return 10 * Math.log10(power / (amplitudeOf(dbm0) ** 2 / 2));
}

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('ToneSpectrum', () => {
  it('keeps nothing of the audio once it is wiped', () => {
    const held: Float64Array[] = [];
    class Watched extends Float64Array {
      constructor(length: number) {
        super(length);
        held.push(this);
      }
    }
    vi.stubGlobal('Float64Array', Watched);
    const spectrum = new ToneSpectrum();
    vi.unstubAllGlobals();
    const tone = keyTone(7);
    for (let hop = 0; hop < 4; hop += 1) spectrum.addHop(tone, hop * HOP_SAMPLES);
    spectrum.look(4, emptyLook());
    expect(held).toHaveLength(6);
    expect(held.every((sums) => sums.some((sum) => sum !== 0))).toBe(true);
    spectrum.wipe();
    expect(held.every((sums) => sums.every((sum) => sum === 0))).toBe(true);
  });

  it.each([3, 4])('finds the pair, its powers and its deviation in %i hops', (hops) => {
    for (let key = 0; key < 16; key += 1) {
      for (const errorPercent of [-1.5, 0, 1.5]) {
        const tone = keyTone(key, {
          rampMs: 0,
          lowDbm0: -12,
          highDbm0: -9,
          lowErrorPercent: errorPercent,
          highErrorPercent: -errorPercent,
          lowPhase: key,
        });
        const look = lookAt(tone, hops);
        const { lowHz, highHz } = frequenciesOf(key);
        expect(keyAt(look.low, look.high)).toBe(key);
        expect(Math.abs(decibels(look.lowPower, -12))).toBeLessThan(1.5);
        expect(Math.abs(decibels(look.highPower, -9))).toBeLessThan(1.5);
        expect(Math.abs(look.share - 1)).toBeLessThan(0.2);
        const low = deviationHz(look.lowTurnRe, look.lowTurnIm) - (lowHz * errorPercent) / 100;
        const high = deviationHz(look.highTurnRe, look.highTurnIm) + (highHz * errorPercent) / 100;
        expect(Math.abs(low)).toBeLessThan(15);
        expect(Math.abs(high)).toBeLessThan(15);
      }
    }
  });

  it('does not see direct current', () => {
    const tone = keyTone(5, { rampMs: 0 });
    const shifted = tone.map((sample) => sample + 9000);
    const [plain, look] = [lookAt(tone, 4), lookAt(shifted, 4)];
    expect(look.lowPower / plain.lowPower).toBeCloseTo(1, 2);
    expect(look.highPower / plain.highPower).toBeCloseTo(1, 2);
    expect(look.share).toBeCloseTo(plain.share, 2);
    expect(lookAt(new Int16Array(160).fill(30_000), 4).share).toBe(0);
  });

  it('has heard nothing once wiped', () => {
    const spectrum = new ToneSpectrum();
    const look = emptyLook();
    for (let hop = 0; hop < 4; hop += 1) spectrum.addHop(keyTone(5), hop * HOP_SAMPLES);
    spectrum.wipe();
    spectrum.look(4, look);
    expect(look.share).toBe(0);
  });
});
