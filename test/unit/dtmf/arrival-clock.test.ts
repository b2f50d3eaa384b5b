import { describe, expect, it } from 'vitest';
import { ArrivalClock, longestBetween } from '../../../src/dtmf/arrival-clock.ts';

/** A clock that has had audio every 20 ms up to `frames`, each `delayMs` after it was due. */
function clockAfter(frames: number, delayMs = 0): ArrivalClock {
  const clock = new ArrivalClock();
  for (let frame = 1; frame <= frames; frame += 1) clock.audio(frame * 160, frame * 20 + delayMs);
  return clock;
}

describe('ArrivalClock', () => {
  it('takes the arrival itself where nothing was held up', () => {
    const sent = clockAfter(50, 3).text(50 * 160, 1012);
    expect(sent).toEqual({ earliestMs: 1012, latestMs: 1012, late: false, mediaMs: 1000 });
  });

  it('holds a late frame between the audio before and after it', () => {
    const clock = clockAfter(50);
    clock.audio(51 * 160, 5000);
    expect(clock.text(51 * 160, 5000)).toEqual({
      earliestMs: 1020,
      latestMs: 1040,
      late: true,
      mediaMs: 1020,
    });
  });

  it('doubts a frame right behind audio that was a little late', () => {
    const clock = clockAfter(50);
    clock.audio(51 * 160, 1032);
    expect(clock.text(51 * 160, 1033)).toMatchObject({ earliestMs: 1021, latestMs: 1033, late: false });
  });

  it('counts whole frames between two late ones', () => {
    const clock = clockAfter(50);
    const one = clock.text(50 * 160, 4000);
    const next = clock.text(53 * 160, 4000);
    expect(longestBetween(one, next)).toBe(75);
  });

  it('has only arrival times before the first audio', () => {
    const clock = new ArrivalClock();
    expect(longestBetween(clock.text(0, 100), clock.text(0, 146))).toBe(46);
  });

  it('follows clocks that drift apart', () => {
    const clock = new ArrivalClock();
    let wallMs = 0;
    for (let frame = 1; frame <= 50 * 120; frame += 1) {
      wallMs += 20.004;
      clock.audio(frame * 160, wallMs);
    }
    expect(clock.text(50 * 120 * 160, wallMs + 10)).toMatchObject({ late: false, latestMs: wallMs + 10 });
  });
});
