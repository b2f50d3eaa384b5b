import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  concatenate,
  keying,
  keyTone,
  mix,
  samplesOf,
  seededRandom,
  silence,
  whiteNoise,
  type ToneOptions,
} from '../../../simulators/audio/tones.ts';
import { ToneDetector } from '../../../src/dtmf/tone-detector.ts';
import { hear, onTheLine } from './hearing.ts';

const ALL_KEYS = Array.from({ length: 16 }, (_, key) => key);
/** Starts of a tone against the detector's 5 ms steps, samples. */
const OFFSETS = [0, 7, 13, 20, 27, 33];

/** What Q.24 asks a receiver to accept, the limits included, and beyond: twist to ±10 dB. */
const ACCEPTED: Record<string, ToneOptions> = {
  'at −10 dBm0': {},
  'at −36 dBm0': { levelDbm0: -36 },
  'at 0 dBm0, clipping': { levelDbm0: 0 },
  'with the high tone 4 dB stronger': { lowDbm0: -10, highDbm0: -6 },
  'with the high tone 8 dB weaker': { lowDbm0: -10, highDbm0: -18 },
  'with the high tone 8 dB weaker, from 0 dBm0': { lowDbm0: 0, highDbm0: -8 },
  'with the high tone 8 dB weaker, at the low end': { lowDbm0: -28, highDbm0: -36 },
  'with the high tone 10 dB stronger': { lowDbm0: -16, highDbm0: -6 },
  'with the high tone 10 dB weaker': { lowDbm0: -6, highDbm0: -16 },
  'both 1.5 % high': { lowErrorPercent: 1.5, highErrorPercent: 1.5 },
  'both 1.5 % low': { lowErrorPercent: -1.5, highErrorPercent: -1.5 },
  'apart by 1.5 %': { lowErrorPercent: -1.5, highErrorPercent: 1.5 },
  'together by 1.5 %': { lowErrorPercent: 1.5, highErrorPercent: -1.5 },
  '1.5 % high and 8 dB weaker': {
    lowErrorPercent: 1.5,
    highErrorPercent: 1.5,
    lowDbm0: -10,
    highDbm0: -18,
  },
  '1.5 % low and 4 dB stronger': {
    lowErrorPercent: -1.5,
    highErrorPercent: -1.5,
    lowDbm0: -14,
    highDbm0: -10,
  },
};

describe('accepts every key', () => {
  for (const [name, options] of Object.entries(ACCEPTED)) {
    it(`${name}: 40 to 100 ms, pause 40 ms, clean and 15 dB over noise, any start`, () => {
      const random = seededRandom(1);
      for (const durationMs of [40, 50, 100]) {
        for (const key of ALL_KEYS) {
          for (const [index, offset] of OFFSETS.entries()) {
            const tone = (): Int16Array =>
              keyTone(key, {
                ...options,
                durationMs,
                rampMs: index % 3,
                lowPhase: random() * 6.28,
                highPhase: random() * 6.28,
              });
            const reference = tone();
            const signal = concatenate([reference, silence(40), tone()]);
            const noise =
              index % 2 === 0 ? undefined : { snrDb: 15, reference, seed: key * 100 + durationMs + offset };
            const heard = hear(onTheLine(signal, noise, offset));
            const [press] = heard.presses;
            const start = 800 + offset;
            const end = start + samplesOf(durationMs);
            expect({
              key,
              durationMs,
              offset,
              keys: heard.keys,
              suspectedIn20Ms: (heard.suspectedAt[0] ?? Infinity) <= start + samplesOf(20),
              confirmedIn50Ms: (heard.confirmedAt[0] ?? Infinity) <= start + samplesOf(50),
              startsInPlace: Math.abs((press?.start ?? Infinity) - start) <= samplesOf(10),
              endsInPlace: Math.abs((press?.end ?? Infinity) - end) <= samplesOf(10),
            }).toEqual({
              key,
              durationMs,
              offset,
              keys: [key, key],
              suspectedIn20Ms: true,
              confirmedIn50Ms: true,
              startsInPlace: true,
              endsInPlace: true,
            });
          }
        }
      }
    });
  }

  it('whatever the combination inside the limits', () => {
    const percent = fc.double({ min: -1.5, max: 1.5, noNaN: true });
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 15 }), { minLength: 1, maxLength: 6 }),
        fc.record({
          lowDbm0: fc.double({ min: -28, max: -4, noNaN: true }),
          lowErrorPercent: percent,
          highErrorPercent: percent,
          lowPhase: fc.double({ min: 0, max: 6.28, noNaN: true }),
          durationMs: fc.integer({ min: 40, max: 200 }),
          rampMs: fc.integer({ min: 0, max: 2 }),
          pauseMs: fc.integer({ min: 40, max: 200 }),
        }),
        fc.double({ min: -8, max: 4, noNaN: true }),
        fc.integer({ min: 0, max: 400 }),
        fc.integer({ min: 1, max: 700 }),
        (keys, options, twist, offset, chunk) => {
          const signal = keying(keys, { ...options, highDbm0: options.lowDbm0 + twist });
          expect(hear(onTheLine(signal, undefined, offset), chunk).keys).toEqual(keys);
        },
      ),
      { numRuns: 300, seed: 24 },
    );
  });

  it('on top of a direct current', () => {
    for (const key of ALL_KEYS) {
      const signal = onTheLine(keying([key, key], { levelDbm0: -20, durationMs: 40, pauseMs: 40 }));
      for (const constant of [-9000, 900, 20_000]) {
        expect(hear(mix(signal, new Int16Array(signal.length).fill(constant))).keys).toEqual([key, key]);
      }
    }
  });

  it('that changes without a pause, each once', () => {
    for (const key of ALL_KEYS) {
      const next = (key + 5) % 16;
      const signal = concatenate([keyTone(key), keyTone(next), keyTone(key)]);
      expect(hear(onTheLine(signal)).keys).toEqual([key, next, key]);
    }
  });
});

/** What Q.24 and plain sense ask a receiver to refuse. */
const REFUSED: Record<string, ToneOptions> = {
  '20 ms': { durationMs: 20 },
  '10 ms': { durationMs: 10 },
  'a low tone 3.5 % high': { lowErrorPercent: 3.5 },
  'a low tone 3.5 % low': { lowErrorPercent: -3.5 },
  'a high tone 3.5 % high': { highErrorPercent: 3.5 },
  'a high tone 3.5 % low': { highErrorPercent: -3.5 },
  'a high tone 5 % low': { highErrorPercent: -5 },
  'a low tone between two': { lowErrorPercent: 5.2 },
  'a high tone 7 % high': { highErrorPercent: 7 },
  'a low tone alone': { highDbm0: -60 },
  'a high tone alone': { lowDbm0: -60 },
  'a whisper of −50 dBm0': { lowDbm0: -50, highDbm0: -50 },
};

describe('refuses every key', () => {
  for (const [name, options] of Object.entries(REFUSED)) {
    it(`of ${name}: in twist, clean and in noise, any start`, () => {
      const random = seededRandom(2);
      for (const key of ALL_KEYS) {
        for (const [index, offset] of OFFSETS.entries()) {
          for (const twist of [0, 4, -8]) {
            const tone = keyTone(key, {
              lowDbm0: -10,
              highDbm0: -10 + twist,
              ...options,
              lowPhase: random() * 6.28,
              highPhase: random() * 6.28,
            });
            const noise =
              index % 2 === 0 ? undefined : { snrDb: 15, reference: tone, seed: key * 100 + offset };
            const heard = hear(onTheLine(tone, noise, offset));
            expect(heard.keys, `key ${key}, twist ${twist}, offset ${offset}`).toEqual([]);
          }
        }
      }
    });
  }

  it('in noise, in constant signals and in steps', () => {
    const noise = whiteNoise(80_000, -20, 5);
    const steps = Int16Array.from({ length: 80_000 }, (_, at) =>
      Math.floor(at / 1120) % 2 === 0 ? 12_000 : -40,
    );
    expect(hear(noise).energy).toEqual([]);
    expect(hear(steps).energy).toEqual([]);
    expect(hear(new Int16Array(8000).fill(20_000)).energy).toEqual([]);
  });

  it('when a third tone is as strong as the pair', () => {
    for (const key of [1, 5, 9]) {
      const third = keyTone((key % 9) + 1, { levelDbm0: -10 });
      expect(hear(onTheLine(mix(keyTone(key), third))).keys).toEqual([]);
    }
  });
});

describe('interruptions', () => {
  it('of 20 ms inside a tone leave it one key, wherever they fall', () => {
    for (const key of ALL_KEYS) {
      for (let at = 10; at <= 70; at += 3) {
        const tone = keyTone(key, { durationMs: 100 });
        tone.fill(0, samplesOf(at), samplesOf(at + 20));
        expect(hear(onTheLine(tone)).keys, `at ${at} ms`).toEqual([key]);
      }
    }
  });

  it('of 20 ms are never a second key, however short the tone', () => {
    for (const key of ALL_KEYS) {
      for (let at = 0; at <= 40; at += 3) {
        const tone = keyTone(key, { durationMs: 60 });
        tone.fill(0, samplesOf(at), samplesOf(at + 20));
        expect(hear(onTheLine(tone)).keys.length).toBeLessThanOrEqual(1);
      }
    }
  });

  it('by a lost frame are told with skip and leave one key at its place', () => {
    for (const key of ALL_KEYS) {
      for (const lost of [2, 3]) {
        const presses: [number, number, number][] = [];
        const detector = new ToneDetector({
          toneEnergy: () => undefined,
          keyDown: () => undefined,
          keyUp: (...press) => presses.push(press),
        });
        const signal = onTheLine(keyTone(key, { durationMs: 120 }));
        for (let frame = 0; frame * 160 < signal.length; frame += 1) {
          if (frame === 5 + lost) detector.skip(160);
          else detector.push(signal.subarray(frame * 160, frame * 160 + 160));
        }
        expect(presses).toHaveLength(1);
        const [heard, start, end] = presses[0] ?? [NaN, NaN, NaN];
        expect(heard).toBe(key);
        expect(Math.abs(start - 800)).toBeLessThan(80);
        expect(Math.abs(end - 800 - 960)).toBeLessThan(80);
      }
    }
  });

  it('of seconds keep the positions that follow', () => {
    const heard: number[] = [];
    const detector = new ToneDetector({
      toneEnergy: () => undefined,
      keyDown: (_, start) => heard.push(start),
      keyUp: () => undefined,
    });
    detector.push(onTheLine(keyTone(3)));
    const before = detector.position;
    detector.skip(80_007);
    expect(detector.position).toBe(before + 80_007);
    detector.push(onTheLine(keyTone(3)));
    expect(heard).toHaveLength(2);
    expect(Math.abs((heard[1] ?? NaN) - before - 80_007 - 800)).toBeLessThan(80);
    expect(() => detector.skip(-1)).toThrow(expect.objectContaining({ code: 'dtmf_position' }));
    expect(() => detector.skip(0.5)).toThrow(expect.objectContaining({ code: 'dtmf_position' }));
  });
});

describe('reporting', () => {
  it('does not depend on how the audio is cut', () => {
    const signal = onTheLine(keying([1, 2, 3, 11], { durationMs: 45, pauseMs: 45 }), undefined, 17);
    const whole = hear(signal, signal.length);
    for (const chunk of [1, 39, 40, 41, 160, 333]) {
      const { keys, presses, energy } = hear(signal, chunk);
      expect({ keys, presses, energy }).toEqual({
        keys: whole.keys,
        presses: whole.presses,
        energy: whole.energy,
      });
    }
  });

  it('says when the tone energy begins and ends', () => {
    const { energy } = hear(onTheLine(keyTone(8, { durationMs: 200 })));
    expect(energy.map(({ sounding }) => sounding)).toEqual([true, false]);
    expect(Math.abs((energy[0]?.at ?? NaN) - 800)).toBeLessThan(samplesOf(10));
    expect(Math.abs((energy[1]?.at ?? NaN) - 2400)).toBeLessThan(samplesOf(10));
  });

  it('suspects tones that break the standard too', () => {
    const { keys, energy } = hear(
      onTheLine(keyTone(8, { lowErrorPercent: 3.5, lowDbm0: -22, highDbm0: -8 })),
    );
    expect(keys).toEqual([]);
    expect(energy[0]?.sounding).toBe(true);
  });

  it('lets a key go up when the audio is over', () => {
    const events: string[] = [];
    const detector = new ToneDetector({
      toneEnergy: (sounding) => events.push(sounding ? 'energy' : 'quiet'),
      keyDown: (key) => events.push(`down ${key}`),
      keyUp: (key) => events.push(`up ${key}`),
    });
    detector.push(keyTone(7));
    detector.end();
    detector.end();
    expect(events).toEqual(['energy', 'down 7', 'up 7', 'quiet']);
  });

  it('forgets what it heard when wiped', () => {
    const events: string[] = [];
    const detector = new ToneDetector({
      toneEnergy: (sounding) => events.push(sounding ? 'energy' : 'quiet'),
      keyDown: (key) => events.push(`down ${key}`),
      keyUp: (key) => events.push(`up ${key}`),
    });
    detector.push(keyTone(7));
    detector.wipe();
    detector.push(silence(200));
    detector.end();
    expect(events).toEqual(['energy', 'down 7']);
    expect(detector.position).toBe(samplesOf(300));
    detector.push(keyTone(2));
    expect(events.slice(2)).toEqual(['energy', 'down 2']);
  });
});
