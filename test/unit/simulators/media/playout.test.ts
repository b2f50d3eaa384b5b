import { describe, expect, it } from 'vitest';
import { Playout } from '../../../../simulators/jambonz/media/freeswitch/playout.ts';

const at = (frame: number, ssrc = 1) => ({ ssrc, timestamp: (4_294_960_000 + frame * 160) % 2 ** 32 });

describe('playout', () => {
  it('keeps frames in their place, across a wrap, a loss and a reordering', () => {
    const playout = new Playout();
    const places = [0, 1, 2, 4, 3, 60, 61].map((frame) => playout.place(at(frame), 100 + frame));
    expect(places).toEqual([100, 101, 102, 104, 103, 160, 161]);
  });

  it('keeps a burst in order ahead of the ticks that are due', () => {
    const playout = new Playout();
    expect([0, 1, 2, 3].map((frame) => playout.place(at(frame), 100))).toEqual([100, 101, 102, 103]);
  });

  it('keeps the place of a frame that is late by one tick only', () => {
    const playout = new Playout();
    expect(
      [0, 1, 2, 3].map((frame) => playout.place(at(frame), 100 + frame + (frame === 2 ? 1 : 0))),
    ).toEqual([100, 101, 102, 103]);
  });

  it('puts frames where they come when the timestamps leave no gap for what was lost', () => {
    const playout = new Playout();
    expect(playout.place(at(0), 100)).toBe(100);
    expect(playout.place(at(1), 110)).toBe(109);
    expect(playout.place(at(2), 111)).toBe(110);
  });

  it('throws away what has piled up when a burst is longer than half a second', () => {
    const playout = new Playout();
    playout.place(at(0), 100);
    const burst = Array.from({ length: 200 }, (_, frame) => playout.place(at(frame + 1), 300));
    expect(Math.max(...burst)).toBeLessThanOrEqual(300 + 25);
    expect(burst.slice(0, 26)).toEqual(Array.from({ length: 26 }, (_, frame) => 299 + frame));
    expect(playout.place(at(201), 301)).toBeLessThanOrEqual(301 + 25);
  });

  it('takes no catching up of its own clock for a burst', () => {
    const playout = new Playout();
    playout.place(at(0), 100);
    const places = [1, 2, 60, 120, 199].map((frame) => playout.place(at(frame), 101, 300));
    expect(places).toEqual([101, 102, 160, 220, 299]);
  });

  it('lengthens the delay for late frames and shortens it when they come early for a second', () => {
    const playout = new Playout();
    playout.place(at(0), 100);
    expect(playout.place(at(1), 104)).toBe(103);
    const places = Array.from({ length: 120 }, (_, frame) => playout.place(at(frame + 2), 102 + frame));
    expect(places[0]).toBe(104);
    expect(places.at(-1)).toBe(102 + 119);
  });

  it('begins anew with a new stream or a timestamp from elsewhere', () => {
    const playout = new Playout();
    playout.place(at(0), 100);
    expect(playout.place(at(5, 2), 101)).toBe(101);
    expect(playout.place(at(5_000, 2), 102)).toBe(102);
    expect(playout.place(at(0, 2), 103)).toBe(103);
  });
});
