import { describe, expect, it } from 'vitest';
import { DuplicateEvents } from '../../../src/dtmf/duplicate-events.ts';

/** For each event time whether it was taken for a duplicate; audio comes every 20 ms, undisturbed. */
function judged(
  times: readonly number[],
  durationMs: number,
  key: (index: number) => number = () => 5,
): boolean[] {
  const events = new DuplicateEvents();
  let frame = 0;
  return times.map((atMs, index) => {
    for (; frame * 20 <= atMs + 200; frame += 1) events.audio(frame * 160, frame * 20);
    return events.isDuplicate(key(index), durationMs, (frame - 1) * 160, atMs + 200);
  });
}

describe('DuplicateEvents', () => {
  it('parts 49 from 60 ms for the shortest key', () => {
    expect(judged([0, 49], 40)).toEqual([false, true]);
    expect(judged([0, 60], 40)).toEqual([false, false]);
  });

  it('chains three frames of a short key', () => {
    expect(judged([0, 46, 92], 40)).toEqual([false, true, true]);
  });

  it('knows from the declared duration that a long key cannot be down again', () => {
    expect(judged([0, 75], 100)).toEqual([false, true]);
    expect(judged([0, 75], 40)).toEqual([false, false]);
    expect(judged([0, 120], 100)).toEqual([false, false]);
  });

  it('does not take a frame for a duplicate that is too close to the last one and far from the first', () => {
    expect(judged([0, 46, 61], 40)).toEqual([false, true, false]);
  });

  it('asks for no more than 120 ms, whatever the declared duration', () => {
    expect(judged([0, 120], 2000)).toEqual([false, false]);
  });

  it('finds duplicates behind the press of another key', () => {
    expect(judged([0, 46, 60, 92, 106], 40, (index) => [1, 1, 2, 1, 2][index] ?? 0)).toEqual([
      false,
      true,
      false,
      true,
      true,
    ]);
  });

  describe('knows what the phone does', () => {
    const keys = [1, 2, 3, 4];

    it('takes no press for a duplicate that came early, on a phone that has sent none', () => {
      const once = [0, 160, 320, 480];
      expect(judged([...once, 640, 740], 100, (index) => keys[index] ?? 5).slice(-2)).toEqual([false, false]);
      expect(judged([0, 100], 100)).toEqual([false, true]);
    });

    it('still takes a step for a duplicate there', () => {
      const once = [0, 160, 320, 480];
      expect(judged([...once, 640, 686, 732], 100, (index) => keys[index] ?? 5).slice(-3)).toEqual([
        false,
        true,
        true,
      ]);
    });

    it('takes late frames for duplicates on a phone whose every press has some', () => {
      const twice = keys.flatMap((_, index) => [index * 200, index * 200 + 46]);
      const times = [...twice, 800, 846, 930, 1000, 1070];
      const key = (index: number): number => (index < twice.length ? (keys[index >> 1] ?? 0) : 5);
      expect(judged(times, 100, key).slice(-5)).toEqual([false, true, true, false, true]);
    });

    it('goes by time alone when the phone does now this and now that', () => {
      const times = [0, 46, 200, 400, 446, 600, 715];
      const key = (index: number): number => [1, 1, 2, 3, 3, 5, 5][index] ?? 0;
      expect(judged(times, 100, key).slice(-2)).toEqual([false, true]);
    });
  });

  it('forgets', () => {
    const events = new DuplicateEvents();
    expect(events.isDuplicate(5, 100, 0, 0)).toBe(false);
    events.forget();
    expect(events.isDuplicate(5, 100, 0, 10)).toBe(false);
  });
});
