import { describe, expect, it } from 'vitest';
import {
  afterFailure,
  MEMORY_SECONDS,
  secondsLocked,
  sourceOf,
  type LoginFailures,
} from '../../../src/access/login-lock.ts';
import { HandClock } from '../../support/hand-clock.ts';

/** How long each failure in a row locks, when the next one comes as soon as it may. */
function locksOf(count: number): number[] {
  const clock = new HandClock();
  let known: LoginFailures | undefined;
  return Array.from({ length: count }, () => {
    known = afterFailure(known, clock.now());
    const seconds = secondsLocked(known, clock.now());
    clock.pass(seconds);
    return seconds;
  });
}

describe('the lock after failures', () => {
  it('comes with the fifth, doubles, and is never longer than an hour', () => {
    expect(locksOf(14)).toEqual([0, 0, 0, 0, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]);
    expect(locksOf(2000).at(-1)).toBe(3600);
  });

  it('opens by itself', () => {
    const clock = new HandClock();
    let known: LoginFailures | undefined;
    for (let count = 0; count < 5; count += 1) known = afterFailure(known, clock.now());
    clock.pass(29);
    expect(secondsLocked(known, clock.now())).toBe(1);
    clock.pass(1);
    expect(secondsLocked(known, clock.now())).toBe(0);
  });

  it('forgets after two quiet hours, which is longer than any lock', () => {
    const clock = new HandClock();
    let known: LoginFailures | undefined;
    for (let count = 0; count < 5; count += 1) known = afterFailure(known, clock.now());
    clock.pass(MEMORY_SECONDS);
    expect(afterFailure(known, clock.now()).failures).toBe(6);
    clock.pass(1);
    expect(afterFailure(known, clock.now()).failures).toBe(1);
  });

  it('is not there for who never failed', () => {
    expect(secondsLocked(undefined, new Date())).toBe(0);
  });
});

describe('a source', () => {
  const same = (one: Buffer, other: Buffer): boolean => one.equals(other);

  it('is a client’s id and an address', () => {
    expect(same(sourceOf('a', '192.0.2.1'), sourceOf('a', '192.0.2.1'))).toBe(true);
    expect(same(sourceOf('a', '192.0.2.1'), sourceOf('b', '192.0.2.1'))).toBe(false);
    expect(same(sourceOf('a', '192.0.2.1'), sourceOf('a', '192.0.2.2'))).toBe(false);
    expect(same(sourceOf('a","b', 'c'), sourceOf('a', 'b","c'))).toBe(false);
  });

  it('is the same for all hosts of an IPv6 site, and for both names of an IPv4 address', () => {
    expect(same(sourceOf('a', '2001:db8:0:1::1'), sourceOf('a', '2001:db8:0:1:ffff::2'))).toBe(true);
    expect(same(sourceOf('a', '2001:db8:0:1::1'), sourceOf('a', '2001:db8:0:2::1'))).toBe(false);
    expect(same(sourceOf('a', '192.0.2.1'), sourceOf('a', '::ffff:192.0.2.1'))).toBe(true);
  });
});
