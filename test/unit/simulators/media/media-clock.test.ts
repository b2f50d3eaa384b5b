import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  createMediaClock,
  MAX_CATCH_UP_TICKS,
  RELAY_PHASE_MS,
  type MediaClock,
} from '../../../../simulators/jambonz/media/media-clock.ts';

let nowMs: number;
let clock: MediaClock;
let ran: string[];

beforeEach(() => {
  nowMs = 1_000;
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
  clock = createMediaClock();
  ran = [];
});
afterEach(() => {
  clock.close();
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** Time as a healthy event loop sees it. */
function pass(ms: number): void {
  for (let step = 0; step < ms; step++) {
    nowMs += 1;
    vi.advanceTimersByTime(1);
  }
}

/** Time that passes without the event loop: afterwards all timers are late. */
function stall(ms: number): void {
  nowMs += ms;
  vi.advanceTimersByTime(ms);
}

function record(): void {
  clock.onSend((tick) => ran.push(`s${tick}`));
  clock.onRelay((tick) => ran.push(`r${tick}`));
  clock.onTap((tick) => ran.push(`t${tick}`));
}

const ticksOf = (kind: string): number[] =>
  ran.filter((name) => name.startsWith(kind)).map((name) => Number(name.slice(1)));

describe('the media clock', () => {
  it('sends every 20 ms, relays and taps a phase later each', () => {
    record();
    pass(RELAY_PHASE_MS - 1);
    expect(ran).toEqual(['s0']);
    pass(2);
    expect(ran).toEqual(['s0', 'r0']);
    pass(5);
    expect(ran).toEqual(['s0', 'r0', 's1', 't0']);
    pass(200);
    for (const kind of ['s', 'r', 't']) {
      expect(ticksOf(kind)).toEqual(ticksOf(kind).map((_, index) => index));
      expect(ticksOf(kind).length).toBeGreaterThan(9);
    }
    expect(ticksOf('s').length - ticksOf('t').length).toBeLessThanOrEqual(2);
  });

  it('does not drift however late single timers are', () => {
    record();
    for (let turn = 0; turn < 50; turn++) {
      stall(7);
      pass(13);
    }
    pass(10);
    expect(ticksOf('s').length).toBe(51);
  });

  it('catches up after a stall, and lets packets travel before it relays', () => {
    record();
    pass(10);
    stall(400);
    expect(ticksOf('s').length).toBe(21);
    expect(ticksOf('r')).toEqual([0]);
    pass(RELAY_PHASE_MS);
    expect(ticksOf('r').length).toBe(21);
    expect(ticksOf('t').length).toBeGreaterThan(19);
    pass(100);
    expect(ticksOf('t')).toEqual(ticksOf('t').map((_, index) => index));
    expect(ticksOf('s')).toEqual(ticksOf('s').map((_, index) => index));
    expect(ticksOf('r')).toEqual(ticksOf('r').map((_, index) => index));
  });

  it('relays although every send is late', () => {
    record();
    for (let turn = 0; turn < 20; turn++) {
      stall(40);
      pass(1);
    }
    expect(ticksOf('r').length).toBeGreaterThan(30);
  });

  it('goes on from now after a stall that is too long', () => {
    record();
    pass(10);
    stall((MAX_CATCH_UP_TICKS + 50) * 20);
    pass(5);
    expect(ticksOf('s').length).toBe(2);
    expect(ticksOf('s')[1]).toBe(MAX_CATCH_UP_TICKS + 50);
  });

  it('rests while nobody listens', () => {
    const stop = clock.onSend((tick) => ran.push(`s${tick}`));
    pass(50);
    stop();
    expect(vi.getTimerCount()).toBe(0);
    pass(1_000);
    ran = [];
    clock.onSend((tick) => ran.push(`s${tick}`));
    pass(25);
    expect(ran.length).toBeLessThanOrEqual(2);
  });

  it('runs nothing after close', () => {
    record();
    clock.after(30, () => ran.push('timer'));
    clock.close();
    expect(vi.getTimerCount()).toBe(0);
    clock.after(30, () => ran.push('timer'));
    record();
    pass(200);
    expect(ran).toEqual([]);
  });

  it('cancels a timer', () => {
    clock.after(10, () => ran.push('kept'));
    const timer = clock.after(10, () => ran.push('cancelled'));
    timer.cancel();
    timer.cancel();
    pass(20);
    expect(ran).toEqual(['kept']);
  });
});
