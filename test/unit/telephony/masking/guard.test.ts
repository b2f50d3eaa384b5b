import { describe, expect, it } from 'vitest';
import type { Mask, MaskConfirmation } from '../../../../src/telephony/contract.ts';
import { EvidenceLog } from '../../../../src/telephony/masking/evidence-log.ts';
import { Guard } from '../../../../src/telephony/masking/guard.ts';
import { SentinelEar } from '../../../../src/telephony/masking/sentinel-ear.ts';
import { afterTurns, ManualClock, settled } from '../rtpengine/manual-clock.ts';

/** A guard whose engine answers when it is told to. */
class GuardWorld {
  readonly did: string[] = [];
  readonly uncertain: unknown[] = [];
  readonly guard: Guard;
  readonly #answers: (() => void)[] = [];

  constructor() {
    const clock = new ManualClock();
    const ask = (name: string): Promise<MaskConfirmation> => {
      this.did.push(name);
      return new Promise((resolve) => this.#answers.push(() => resolve({ detail: `${name} ok` })));
    };
    const never = (): Promise<never> => Promise.reject(new Error('not asked for here'));
    const mask: Mask = {
      openGuard: () => ask('openGuard'),
      closeGuard: () => ask('closeGuard'),
      close: never,
      open: never,
      verify: never,
      record: never,
    };
    const log = new EvidenceLog(clock, {
      bridge: 'dial',
      transport: () => 'events',
      keys: () => ({ keyEventsSeen: 0, keyTonesSeen: 0, duplicatesDropped: 0 }),
      sentinel: () => undefined,
    });
    this.guard = new Guard({
      mask,
      log,
      agentEar: new SentinelEar(clock, () => {}),
      clock,
      uncertain: (error) => this.uncertain.push(error),
    });
  }

  /** The engine answers the oldest question. */
  answer(): void {
    this.#answers.shift()?.();
  }

  async open(): Promise<void> {
    const opened = this.guard.open();
    this.answer();
    await opened;
  }

  doubt(): void {
    void this.guard.close('tone_energy', 0);
  }
}

describe('the guard', () => {
  it('is closed by every doubt after an opening, however soon that follows the closing before', async () => {
    for (let turns = 0; turns < 20; turns += 1) {
      const world = new GuardWorld();
      await world.open();
      world.doubt();
      world.answer();
      void afterTurns(turns, () => {
        void world.guard.open();
        world.doubt();
      });
      await settled();
      expect(world.did.at(-1), `after ${turns} turns`).toBe('closeGuard');
      while (world.did.length > 2 && world.guard.isOpen) {
        world.answer();
        await settled();
      }
      expect(world.guard.isOpen).toBe(false);
    }
  });

  it('is not taken for closed by a closing that was asked for before it was opened', async () => {
    const world = new GuardWorld();
    await world.open();
    world.doubt(); // not answered yet
    world.guard.confirmedClosed();
    void world.guard.open();
    world.answer(); // the closing
    await settled();
    expect(world.guard.isOpen).toBe(true);
    world.doubt();
    expect(world.did).toEqual(['openGuard', 'closeGuard', 'openGuard', 'closeGuard']);
    world.answer();
    world.answer();
    await settled();
    expect(world.guard.isOpen).toBe(false);
    expect(world.uncertain).toEqual([]);
  });

  it('is asked to close once for doubts that come together', async () => {
    const world = new GuardWorld();
    await world.open();
    world.doubt();
    world.doubt();
    expect(world.did).toEqual(['openGuard', 'closeGuard']);
    world.answer();
    await settled();
    world.doubt();
    expect(world.did).toHaveLength(2);
  });
});
