import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AudioHistory } from '../../../src/dtmf/audio-history.ts';

describe('AudioHistory', () => {
  it('gives back what it was given, by position, whatever the chunks', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 5, max: 60 }),
        fc.array(fc.tuple(fc.integer({ min: 0, max: 700 }), fc.boolean()), { maxLength: 12 }),
        fc.integer({ min: -10, max: 3000 }),
        fc.integer({ min: 0, max: 900 }),
        (milliseconds, chunks, from, count) => {
          const history = new AudioHistory(milliseconds);
          const all: number[] = [];
          for (const [length, lost] of chunks) {
            const samples = Int16Array.from({ length }, (_, index) => (lost ? 0 : all.length + index + 1));
            if (lost) history.skip(length);
            else history.push(samples);
            all.push(...samples);
          }
          const oldest = Math.max(0, all.length - milliseconds * 8);
          expect(history.position).toBe(all.length);
          expect(history.oldest).toBe(oldest);
          const first = Math.max(from, oldest);
          const expected = all.slice(first, Math.max(first, from + count));
          expect(Array.from(history.slice(from, from + count))).toEqual(expected);
        },
      ),
    );
  });

  it('holds zeros once wiped and counts on', () => {
    const history = new AudioHistory(20);
    history.push(new Int16Array(100).fill(7));
    history.wipe();
    expect(history.slice(0, 100)).toHaveLength(0);
    expect([history.oldest, history.position]).toEqual([100, 100]);
    history.push(Int16Array.of(1, 2));
    expect(Array.from(history.slice(0, 200))).toEqual([1, 2]);
  });

  it('is wiped by using', () => {
    let kept: AudioHistory;
    {
      using history = new AudioHistory(20);
      history.push(Int16Array.of(9));
      kept = history;
    }
    expect(kept.slice(0, 1)).toHaveLength(0);
  });

  it('lends no memory of its own and keeps slices off the heap of V8', () => {
    const history = new AudioHistory(1);
    history.push(Int16Array.of(1, 2, 3));
    const slice = history.slice(1, 3);
    expect(slice.buffer.byteLength).toBeGreaterThanOrEqual(65);
    slice.fill(0);
    expect(Array.from(history.slice(0, 3))).toEqual([1, 2, 3]);
  });

  it('refuses lengths and positions that are none', () => {
    for (const milliseconds of [0, -1, 0.5, 10_001, NaN]) {
      expect(() => new AudioHistory(milliseconds)).toThrow(expect.objectContaining({ code: 'dtmf_history' }));
    }
    for (const count of [-1, 0.5, NaN]) {
      expect(() => new AudioHistory(20).skip(count)).toThrow(
        expect.objectContaining({ code: 'dtmf_position' }),
      );
    }
  });
});
