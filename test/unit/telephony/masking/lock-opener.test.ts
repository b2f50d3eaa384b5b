import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../../../src/kernel/logger.ts';
import type { Mask } from '../../../../src/telephony/contract.ts';
import { LockOpener } from '../../../../src/telephony/masking/lock-opener.ts';
import { ManualClock } from '../rtpengine/manual-clock.ts';

function opener(fails: () => boolean) {
  const clock = new ManualClock();
  const tried: number[] = [];
  let opened = 0;
  const open = async (): Promise<{ detail: string }> => {
    tried.push(clock.monotonicMs());
    await Promise.resolve();
    if (fails()) throw new Error('no answer');
    return { detail: 'open' };
  };
  const subject = new LockOpener({
    callId: 'call_1',
    mask: { open } as unknown as Mask,
    opened: async () => {
      await Promise.resolve();
      opened += 1;
    },
    clock,
    logger: silentLogger,
  });
  return { subject, clock, tried, opened: () => opened };
}

describe('LockOpener', () => {
  it('tries again with a growing back-off until the lock is open', async () => {
    let left = 3;
    const { subject, clock, tried, opened } = opener(() => (left -= 1) >= 0);
    subject.later();
    await clock.advance(60_000);
    expect(tried).toEqual([500, 1500, 3500, 7500]);
    expect(opened()).toBe(1);
    expect(clock.pending).toBe(0);
  });

  it('tells who asks now whether it worked, and goes on by itself', async () => {
    let failing = true;
    const { subject, clock, opened } = opener(() => failing);
    await expect(subject.open()).rejects.toThrow('no answer');
    failing = false;
    await clock.advance(500);
    expect(opened()).toBe(1);
  });

  it('stops when the lock is another’s to open', async () => {
    const { subject, clock, tried, opened } = opener(() => true);
    subject.later();
    await subject.cancel();
    await clock.advance(60_000);
    expect(tried).toEqual([]);
    expect(opened()).toBe(0);
  });
});
