import { describe, expect, it } from 'vitest';
import { SentinelEar, type Silence } from '../../../../src/telephony/masking/sentinel-ear.ts';
import { ManualClock } from '../rtpengine/manual-clock.ts';

const FRAME_MS = 20;

/** What the agent leg is given, a frame at a time, and when the caller made a sound. */
class Line {
  readonly clock = new ManualClock();
  digits = 0;
  sounds = 0;
  soundedMs: number | undefined;
  readonly ear = new SentinelEar(
    this.clock,
    () => (this.digits += 1),
    () => (this.sounds += 1),
  );

  /** The caller talks, or not; the agent is given it, or not. */
  async pass(milliseconds: number, what: { caller: boolean; agent: boolean }): Promise<void> {
    for (let past = 0; past < milliseconds; past += FRAME_MS) {
      await this.clock.advance(FRAME_MS);
      if (what.caller) this.soundedMs = this.clock.monotonicMs();
      this.ear.push(new Int16Array(160).fill(what.agent ? 3000 : 1));
    }
    await this.clock.advance(0);
  }

  /** Resolves at once with `undefined` while the mute is not certain. */
  mute(withinMs = 1500): { result: () => Silence | Error | undefined } {
    let result: Silence | Error | undefined;
    this.ear
      .mute(() => this.soundedMs, withinMs)
      .then(
        (silence) => (result = silence),
        (error: unknown) => (result = error as Error),
      );
    return { result: () => result };
  }
}

const WITHHELD = { caller: true, agent: false };
const GIVEN = { caller: true, agent: true };
const QUIET = { caller: false, agent: false };

describe('a mute', () => {
  it('is certain soon when the caller talks and the agent is given nothing', async () => {
    const line = new Line();
    const { result } = line.mute();
    await line.pass(100, WITHHELD);
    expect(result()).toBeUndefined();
    await line.pass(60, WITHHELD);
    expect(result()).toMatchObject({ afterMs: 0 });
  });

  it('is not taken from a pause in what the agent is given', async () => {
    const line = new Line();
    const { result } = line.mute();
    for (let words = 0; words < 3; words += 1) {
      await line.pass(60, GIVEN);
      await line.pass(400, QUIET);
    }
    expect(result()).toBeUndefined();
    await line.pass(200, GIVEN);
    expect(result()).toMatchObject({ code: 'masking_unavailable' });
  });

  it('is not taken from what one leg is heard earlier than the other', async () => {
    const line = new Line();
    const { result } = line.mute();
    for (let words = 0; words < 4; words += 1) {
      await line.pass(60, WITHHELD);
      await line.pass(100, GIVEN);
      await line.pass(40, { caller: false, agent: true });
    }
    expect(result()).toBeUndefined();
  });

  it('is certain after more than a pause when the caller says nothing', async () => {
    const line = new Line();
    const { result } = line.mute();
    await line.pass(580, QUIET);
    expect(result()).toBeUndefined();
    await line.pass(40, QUIET);
    expect(result()).toMatchObject({ loudestDbfs: expect.any(Number) as number });
  });
});

describe('sound while the guard is closed', () => {
  it('is told once the ear is armed and the guard has settled', async () => {
    const line = new Line();
    line.ear.guardClosed();
    await line.pass(400, GIVEN);
    expect(line.sounds).toBe(0);
    line.ear.arm();
    await line.pass(20, GIVEN);
    expect(line.sounds).toBe(1);
    line.ear.guardOpened();
    await line.pass(400, GIVEN);
    expect(line.sounds).toBe(1);
    line.ear.guardClosed();
    await line.pass(140, GIVEN);
    expect(line.sounds).toBe(1);
    await line.pass(400, QUIET);
    expect(line.sounds).toBe(1);
    expect(line.digits).toBe(0);
  });
});
