import { describe, expect, it } from 'vitest';
import { concatenate, keyTone, silence } from '../../../../simulators/audio/tones.ts';
import { MaskingRefused } from '../../../../src/telephony/masking/refusal.ts';
import { afterTurns } from '../rtpengine/manual-clock.ts';
import { lost, MaskedWorld, unreachable } from './masked-world.ts';

const steps = (evidence: { steps: readonly { step: string; detail?: string }[] }): string[] =>
  evidence.steps.map(({ step }) => step);

/** A tone of `leadMs` that ends where the event of a press of 100 ms begins in the audio, and the event. */
async function pressWithLead(world: MaskedWorld, key: number, leadMs: number): Promise<void> {
  await world.hear(concatenate([silence(80), keyTone(key, { durationMs: leadMs }), silence(140)]));
  world.sink?.key(key, 100);
  await world.clock.advance(0);
}

describe('securing', () => {
  it('stops the recording first, writes the lock down before it asks for it, and verifies', async () => {
    const world = new MaskedWorld();
    world.recording = 'stopCallRecording sent';
    const session = await world.secure();
    expect(world.did).toEqual(['recording off', 'record', 'lock written', 'close', 'verify']);
    expect(world.locks).toEqual([
      { captureId: 'cap_1', bridge: 'dial', agentLegCallId: 'agent-leg', tag: 'tag' },
    ]);
    const evidence = session.evidence();
    expect(steps(evidence)).toEqual([
      'requested',
      'recording_stopped',
      'listening',
      'locked',
      'guard_closed',
      'verified',
      'secured',
    ]);
    expect(evidence).toMatchObject({ bridge: 'dial', proof: 'engine_acknowledgement', msToSecured: 100 });
    expect(evidence.steps[3]?.detail).toMatch(/close ok; no sentinel listens/);
  });

  it.each(['record', 'close', 'verify'])(
    'is refused when %s is, and what was done is undone',
    async (name) => {
      const world = new MaskedWorld();
      world.recording = 'stopCallRecording sent';
      world.failing.set(name, unreachable());
      const securing = world.start().catch((error: unknown) => error);
      await world.clock.advance(200);
      const refusal = await securing;
      expect(refusal).toBeInstanceOf(MaskingRefused);
      expect(refusal).toMatchObject({ failure: 'masking_unavailable', code: 'masking_unavailable' });
      const undone = name === 'record' ? [] : ['open', 'lock cleared'];
      expect(world.did.slice(world.did.indexOf(name) + 1)).toEqual([
        ...undone,
        'listening off',
        'recording on',
      ]);
      expect((refusal as MaskingRefused).evidence.steps.find(({ step }) => step === 'failed')).toMatchObject({
        detail: 'masking_unavailable: no answer',
      });
      expect(world.clock.pending).toBe(1); // the patience of the refusal, which is over
    },
  );

  it('is refused when it takes too long, at once and for good', async () => {
    const world = new MaskedWorld();
    world.audible = false;
    const securing = world.start('until_proven', 300).catch((error: unknown) => error);
    await world.clock.advance(299);
    expect(world.did).not.toContain('open');
    await world.clock.advance(1);
    expect(await securing).toMatchObject({ failure: 'masking_unavailable' });
    expect(world.did.slice(-3)).toEqual(['open', 'lock cleared', 'listening off']);
  });

  it('leaves the lock on record when its opening is not confirmed', async () => {
    const world = new MaskedWorld();
    world.failing.set('verify', unreachable());
    world.failing.set('open', unreachable());
    const securing = world.start().catch((error: unknown) => error);
    await world.clock.advance(200);
    expect(await securing).toMatchObject({ failure: 'masking_unavailable' });
    expect(world.locks).toHaveLength(1);
    expect(world.laterOpened).toHaveLength(1);
  });

  it('does not lock when the record cannot be written', async () => {
    const world = new MaskedWorld();
    world.lockSavingFails = true;
    const securing = world.start().catch((error: unknown) => error);
    await world.clock.advance(200);
    expect(await securing).toMatchObject({ failure: 'masking_unavailable' });
    expect(world.did).not.toContain('close');
  });

  it('is refused when something breaks meanwhile', async () => {
    const world = new MaskedWorld();
    world.recording = 'sent'; // keeps it securing for a while
    const securing = world.start().catch((error: unknown) => error);
    await world.clock.advance(10);
    world.sink?.lost();
    await world.clock.advance(200);
    expect(await securing).toMatchObject({ failure: 'masking_unavailable' });
  });

  it('is refused or interrupted by a fault of the last moment, whenever that is', async () => {
    const ends = new Set<string>();
    for (let turns = 0; turns < 30; turns += 1) {
      const world = new MaskedWorld();
      const verified = world.holdBack('verify');
      const securing = world.start().then(
        () => 'secured',
        () => 'refused',
      );
      await world.clock.advance(0);
      await world.clock.advance(50);
      verified();
      void afterTurns(turns, () => world.watcher?.mediaServer(false));
      await world.clock.advance(0);
      const end = await securing;
      ends.add(end);
      expect(world.told, `after ${turns} turns`).toEqual(
        end === 'refused' ? [] : ['interrupted media_server_unreachable'],
      );
    }
    expect(ends).toEqual(new Set(['refused', 'secured']));
  });

  it('is refused when the media server was away after it was asked: what it said may be gone with it', async () => {
    const world = new MaskedWorld();
    const securing = world.start().catch((error: unknown) => error);
    await world.clock.advance(10);
    expect(world.did.at(-1)).toBe('verify');
    world.watcher?.mediaServer(false);
    world.watcher?.mediaServer(true);
    await world.clock.advance(100);
    expect(await securing).toMatchObject({ failure: 'masking_unavailable' });
    expect(world.did).toContain('open');
  });

  it('stands a media server that was away before it was asked', async () => {
    const world = new MaskedWorld();
    world.recording = 'sent'; // keeps it securing for a while
    const securing = world.start();
    await world.clock.advance(10);
    world.watcher?.mediaServer(false);
    world.watcher?.mediaServer(true);
    await world.clock.advance(200);
    expect((await securing).evidence().msToSecured).toBe(100);
  });

  it('is refused when the call ends meanwhile, and nothing is opened on a call that is gone', async () => {
    const world = new MaskedWorld();
    world.hanging.add('close');
    const securing = world.start().catch((error: unknown) => error);
    await world.clock.advance(10);
    world.watcher?.ended('caller_hung_up');
    await world.clock.advance(10);
    expect(await securing).toMatchObject({ failure: 'masking_unavailable' });
    expect(world.did).not.toContain('open');
    expect(world.told).toEqual([]);
  });

  it('needs the sentinel where it is the proof, and goes on without one elsewhere', async () => {
    const needed = new MaskedWorld('conference');
    needed.sentinel = { required: true, failing: unreachable() };
    const refused = needed.start().catch((error: unknown) => error);
    await needed.clock.advance(200);
    expect(await refused).toMatchObject({ failure: 'masking_unavailable' });

    const spare = new MaskedWorld('dial');
    spare.sentinel = { required: false, failing: unreachable() };
    expect((await spare.secure()).evidence().proof).toBe('engine_acknowledgement');
  });
});

describe('keys', () => {
  it('are dropped and counted when they went down before the lock', async () => {
    const world = new MaskedWorld();
    const securing = world.start();
    await world.clock.advance(0);
    world.sink?.key(4, 100); // locked by now, yet the press began before
    await world.clock.advance(25);
    const session = await securing;
    await world.clock.advance(100);
    world.sink?.key(5, 100);
    expect(world.told).toEqual([]);
    await world.pressByEvent(6);
    expect(world.told).toEqual(['key 6']);
    expect(session.evidence()).toMatchObject({ keysDelivered: 1, keysDropped: 2, keyEventsSeen: 3 });
  });

  it('are dropped by the beginning of their own tone, whatever key comes after it', async () => {
    const again = new MaskedWorld();
    const securing = again.start();
    again.hearAtOnce(concatenate([keyTone(4, { durationMs: 60 }), silence(60)])); // over before the lock
    await again.clock.advance(0);
    await again.clock.advance(25);
    const session = await securing;
    await again.hear(concatenate([keyTone(4), silence(600)]));
    expect(again.told).toEqual(['key 4']);
    expect(session.evidence()).toMatchObject({ keysDelivered: 1, keysDropped: 1, keyTonesSeen: 2 });

    const another = new MaskedWorld();
    const secured = another.start();
    another.hearAtOnce(concatenate([keyTone(4, { durationMs: 60 }), silence(60)]));
    await another.clock.advance(0);
    await another.clock.advance(25);
    await secured;
    await another.quiet(120);
    another.sink?.key(5, 40); // no event of the first key will come now: it is a key of its own
    expect(another.told).toEqual(['key 5']);
    expect((await secured).evidence()).toMatchObject({ keysDelivered: 1, keysDropped: 1 });
  });

  it('count from the moment that they are asked for, however soon their event comes', async () => {
    const world = new MaskedWorld();
    const securing = world.start();
    await world.clock.advance(0);
    await world.clock.advance(25);
    await securing;
    await world.clock.advance(100 + 63);
    world.sink?.key(4, 100);
    expect(world.told).toEqual(['key 4']);
    world.sink?.lost();
    world.sink?.back();
    await world.clock.advance(0);
    await world.clock.advance(25);
    expect(world.told.at(-1)).toBe('restored');
    await world.clock.advance(100 + 63);
    world.sink?.key(5, 100);
    expect(world.told.at(-1)).toBe('key 5');
  });

  it('are delivered once when seen as several events, and by their tone when there is no event', async () => {
    const world = new MaskedWorld();
    const session = await world.secure();
    await world.quiet(300);
    await world.pressByEvent(7);
    await world.quiet(40);
    world.sink?.key(7, 100);
    await world.quiet(100);
    await world.hear(concatenate([keyTone(8), silence(400)]));
    expect(world.told).toEqual(['key 7', 'key 8']);
    expect(session.evidence()).toMatchObject({ keyEventsSeen: 2, keyTonesSeen: 1, duplicatesDropped: 1 });
  });

  it('are not delivered after release or failure', async () => {
    const world = new MaskedWorld();
    const session = await world.secure();
    const released = session.release();
    await world.pressByEvent(1);
    await world.clock.advance(1000);
    await released;
    await world.pressByEvent(2);
    expect(world.told).toEqual([]);
  });
});

describe('the guard', () => {
  it('opens once an event without any tone before it was seen, and stays open for the next capture', async () => {
    const world = new MaskedWorld();
    const session = await world.secure();
    await world.quiet(400);
    expect(world.did).not.toContain('openGuard');
    await world.pressByEvent(4);
    expect(world.shown).toBe('events');
    expect(world.did).toContain('openGuard');
    expect(steps(session.evidence())).toContain('guard_opened');
    const released = session.release();
    await world.quiet(1000);
    await released;

    world.did.length = 0;
    await world.secure();
    expect(world.did).toContain('openGuard');
  });

  it('does not open for an event whose past was not heard', async () => {
    const world = new MaskedWorld();
    await world.secure();
    await world.pressByEvent(4); // 170 ms of audio: the time before the press is not covered
    expect(world.told).toEqual(['key 4']);
    expect(world.shown).toBe('unknown');
    expect(world.did).not.toContain('openGuard');
  });

  it.each([20, 30, 60])('stays closed for a phone that leads its events by %i ms of tone', async (leadMs) => {
    const world = new MaskedWorld();
    await world.secure();
    await world.quiet(500);
    await pressWithLead(world, 4, leadMs);
    await world.quiet(1000);
    await world.pressByEvent(5); // one without a lead does not mend it
    await world.quiet(1000);
    expect(world.told).toEqual(['key 4', 'key 5']);
    expect(world.shown).toBe('bleed');
    expect(world.did).not.toContain('openGuard');
  });

  it('stays closed for a phone that sends tones', async () => {
    const world = new MaskedWorld();
    await world.secure();
    await world.quiet(500);
    await world.hear(concatenate([keyTone(9), silence(1500)]));
    expect(world.told).toEqual(['key 9']);
    expect(world.shown).toBe('tones');
    expect(world.did).not.toContain('openGuard');
  });

  it('never opens under the policy always', async () => {
    const world = new MaskedWorld();
    world.shown = 'events';
    await world.secure('always');
    await world.quiet(500);
    await world.pressByEvent(4);
    await world.quiet(1000);
    expect(world.told).toEqual(['key 4']);
    expect(world.did).not.toContain('openGuard');
  });

  it('closes within 40 ms of a tone, and is not opened again after a digit of it', async () => {
    const world = new MaskedWorld();
    world.shown = 'events';
    const session = await world.secure();
    await world.quiet(500);
    await world.hear(keyTone(3, { durationMs: 100 }));
    expect(world.did.filter((what) => what.endsWith('Guard'))).toEqual(['openGuard', 'closeGuard']);
    const [ms] = session.evidence().msFromDoubtToGuard;
    expect(ms).toBeGreaterThanOrEqual(15);
    expect(ms).toBeLessThanOrEqual(40);
    await world.quiet(1500);
    expect(world.shown).toBe('bleed');
    expect(world.did.filter((what) => what === 'openGuard')).toHaveLength(1);
  });

  it('opens again after half a second of quiet when the doubt was no digit', async () => {
    const world = new MaskedWorld();
    world.shown = 'events';
    await world.secure();
    await world.quiet(500);
    await world.hear(keyTone(3, { durationMs: 22 }));
    await world.quiet(400);
    expect(world.did.filter((what) => what.endsWith('Guard'))).toEqual(['openGuard', 'closeGuard']);
    await world.quiet(300);
    expect(world.did.filter((what) => what.endsWith('Guard'))).toEqual([
      'openGuard',
      'closeGuard',
      'openGuard',
    ]);
    expect(world.told).toEqual([]);
  });

  it('accepts nothing while its closing is not confirmed', async () => {
    const world = new MaskedWorld();
    world.shown = 'events';
    await world.secure();
    await world.quiet(500);
    world.failing.set('closeGuard', unreachable());
    world.failing.set('reassert', unreachable());
    await world.hear(keyTone(3, { durationMs: 22 }));
    expect(world.told).toEqual(['interrupted media_server_unreachable']);
    await world.pressByEvent(4);
    expect(world.told).toHaveLength(1);
    world.failing.clear();
    await world.clock.advance(5000);
    expect(world.told).toEqual(['interrupted media_server_unreachable', 'restored']);
  });
});

describe('interruptions', () => {
  it('by a lost listen close the guard, drop keys, and end when masking is verified', async () => {
    const world = new MaskedWorld();
    world.shown = 'events';
    await world.secure();
    world.did.length = 0;
    world.sink?.lost();
    await world.clock.advance(0);
    expect(world.told).toEqual(['interrupted listen_lost']);
    expect(world.did).toEqual(['closeGuard']);
    await world.clock.advance(200);
    world.sink?.back();
    await world.clock.advance(0);
    await world.clock.advance(25);
    expect(world.told).toEqual(['interrupted listen_lost', 'restored']);
    expect(world.did).toEqual(['closeGuard', 'verify']);
    world.sink?.key(4, 100); // went down while nothing was heard
    await world.quiet(600);
    expect(world.did.at(-1)).toBe('openGuard');
    await world.pressByEvent(5);
    expect(world.told.slice(2)).toEqual(['key 5']);
  });

  it('by the media server last until it answers and masking stands', async () => {
    const world = new MaskedWorld();
    await world.secure();
    world.watcher?.mediaServer(false);
    world.failing.set('reassert', unreachable());
    world.watcher?.mediaServer(true);
    await world.clock.advance(1000);
    expect(world.told).toEqual(['interrupted media_server_unreachable']);
    world.failing.clear();
    await world.clock.advance(3000);
    expect(world.told.at(-1)).toBe('restored');
  });

  it('by the media server last until the keys that it held back have come', async () => {
    const world = new MaskedWorld();
    await world.secure();
    world.watcher?.mediaServer(false);
    world.watcher?.mediaServer(true);
    await world.quiet(900);
    world.sink?.key(4, 100);
    await world.quiet(900);
    world.sink?.key(5, 100);
    await world.clock.advance(999);
    expect(world.told).toEqual(['interrupted media_server_unreachable']);
    await world.clock.advance(1);
    await world.clock.advance(25);
    expect(world.told).toEqual(['interrupted media_server_unreachable', 'restored']);
    await world.quiet(100);
    await world.pressByEvent(6);
    expect(world.told.slice(2)).toEqual(['key 6']);
  });

  it('by the media server are over in time, also when the caller never stops keying', async () => {
    const world = new MaskedWorld();
    await world.secure();
    world.watcher?.mediaServer(false);
    world.watcher?.mediaServer(true);
    for (let pressed = 0; pressed < 12; pressed += 1) await world.pressByEvent(pressed % 10, 400);
    expect(world.told.slice(0, 2)).toEqual(['interrupted media_server_unreachable', 'restored']);
  });

  it('end in masking_lost when the engine no longer knows the call', async () => {
    const world = new MaskedWorld();
    const session = await world.secure();
    world.failing.set('reassert', lost());
    world.watcher?.mediaServer(false);
    world.watcher?.mediaServer(true);
    await world.clock.advance(100);
    expect(world.told).toEqual(['interrupted media_server_unreachable', 'failed masking_lost']);
    expect(steps(session.evidence())).toContain('failed');
    await world.pressByEvent(4);
    expect(world.told).toHaveLength(2);
  });

  it('end in masking_lost when an engine that answers cannot confirm', async () => {
    const world = new MaskedWorld();
    await world.secure();
    world.failing.set('verify', new Error('no'));
    world.sink?.lost();
    world.sink?.back();
    await world.clock.advance(0);
    await world.clock.advance(20_000);
    expect(world.told).toEqual(['interrupted listen_lost', 'failed masking_lost']);
  });

  it('by a new agent leg lock that leg at once: digits would pass while a record is written', async () => {
    const world = new MaskedWorld();
    await world.secure();
    world.did.length = 0;
    world.watcher?.legRenegotiated();
    await world.clock.advance(0);
    expect(world.did).toEqual(['close', 'record', 'lock written']);
    await world.clock.advance(25);
    expect(world.told).toEqual(['interrupted leg_renegotiated', 'restored']);
  });

  it('that overlap end together', async () => {
    const world = new MaskedWorld();
    await world.secure();
    world.sink?.lost();
    world.watcher?.mediaServer(false);
    world.sink?.back();
    await world.clock.advance(10);
    expect(world.told).toEqual(['interrupted listen_lost', 'interrupted media_server_unreachable']);
    world.watcher?.mediaServer(true);
    await world.clock.advance(10);
    await world.clock.advance(1000);
    await world.clock.advance(25);
    expect(world.told.at(-1)).toBe('restored');
    expect(world.told.filter((what) => what === 'restored')).toHaveLength(1);
  });

  it('by lost control matter in a conference only', async () => {
    const dial = new MaskedWorld('dial');
    await dial.secure();
    dial.watcher?.control(false);
    expect(dial.told).toEqual([]);
    const conference = new MaskedWorld('conference');
    await conference.secure();
    conference.watcher?.control(false);
    conference.watcher?.control(true);
    await conference.clock.advance(10);
    await conference.clock.advance(25);
    expect(conference.told).toEqual(['interrupted control_lost', 'restored']);
  });
});

describe('the sentinel', () => {
  it('ends the capture when it hears one digit', async () => {
    const world = new MaskedWorld('conference');
    world.sentinel = { required: true };
    const session = await world.secure();
    await world.agentHears(silence(400));
    await world.agentHears(concatenate([keyTone(5), silence(100)]));
    expect(world.told).toEqual(['interrupted control_lost', 'failed masking_breached']);
    const evidence = session.evidence();
    expect(evidence.sentinel?.digitsHeard).toBe(1);
    expect(evidence.sentinel?.loudestWhileGuardedDbfs).toBeGreaterThan(-30);
    expect(steps(evidence)).toEqual(expect.arrayContaining(['breached', 'failed']));
    await world.pressByEvent(4);
    expect(world.told).toHaveLength(2);
  });

  it('says how loud the quiet was, and nothing of what came right after the guard closed', async () => {
    const world = new MaskedWorld('conference');
    world.sentinel = { required: true };
    const securing = world.start();
    await world.clock.advance(0);
    await world.clock.advance(25);
    const session = await securing;
    await world.agentHears(new Int16Array(160).fill(9000));
    await world.agentHears(silence(600));
    expect(session.evidence()).toMatchObject({
      proof: 'sentinel',
      sentinel: { listenedMs: 620, digitsHeard: 0, loudestWhileGuardedDbfs: -96 },
    });
  });

  it('hears the caller although the guard is closed: muted again before any key counts', async () => {
    const world = new MaskedWorld('conference');
    world.sentinel = { required: true };
    const session = await world.secure();
    await world.agentHears(silence(200));
    world.did.length = 0;
    await world.agentHears(new Int16Array(160).fill(3000));
    expect(world.told).toEqual(['interrupted control_lost']);
    await world.clock.advance(25);
    expect(world.did).toEqual(['reassert']);
    expect(world.told).toEqual(['interrupted control_lost', 'restored']);
    expect(steps(session.evidence())).toEqual(expect.arrayContaining(['doubt', 'interrupted', 'restored']));
    world.failing.set('reassert', new Error('the agent leg did not fall silent'));
    await world.agentHears(new Int16Array(160).fill(3000));
    await world.clock.advance(20_000);
    expect(world.told.slice(2)).toEqual(['interrupted control_lost', 'failed masking_lost']);
  });

  it('hears the caller while the guard is open: nothing is wrong', async () => {
    const world = new MaskedWorld('conference');
    world.sentinel = { required: true };
    world.shown = 'events';
    await world.secure();
    await world.quiet(500);
    expect(world.did.at(-1)).toBe('openGuard');
    await world.agentHears(new Int16Array(1600).fill(3000));
    expect(world.told).toEqual([]);
  });

  it('is missed: no key counts until it hears again', async () => {
    const world = new MaskedWorld('conference');
    world.sentinel = { required: true };
    await world.secure();
    world.sentinelWatch?.lost();
    await world.pressByEvent(4);
    world.sentinelWatch?.back();
    await world.clock.advance(10);
    await world.clock.advance(25);
    expect(world.told).toEqual(['interrupted listen_lost', 'restored']);
  });
});

describe('release', () => {
  it('waits out the tail, opens, and undoes the rest in order', async () => {
    const world = new MaskedWorld();
    world.recording = 'sent';
    const session = await world.secure();
    await world.quiet(400);
    world.did.length = 0;
    const released = session.release();
    expect(session.release()).toBe(released);
    await world.quiet(280);
    await world.clock.advance(19);
    expect(world.did).toEqual([]);
    await world.clock.advance(1);
    await released;
    expect(world.did).toEqual(['open', 'lock cleared', 'listening off', 'recording on']);
    expect(steps(session.evidence()).slice(-3)).toEqual(['guard_opened', 'released', 'recording_started']);
    expect(world.watcher).toBeUndefined();
  });

  it('does not open while audio of the tail is held up, and a key perhaps with it', async () => {
    const world = new MaskedWorld();
    const session = await world.secure();
    await world.quiet(400);
    world.did.length = 0;
    const released = session.release();
    await world.quiet(100);
    await world.clock.advance(400); // this process, or the way to it, stands still
    expect(world.did).toEqual([]);
    for (let frame = 0; frame < 4; frame += 1) world.sink?.audio(new Int16Array(160));
    world.sink?.key(4, 100);
    for (let frame = 0; frame < 16; frame += 1) world.sink?.audio(new Int16Array(160));
    await world.quiet(420); // sent on to the agent for 140 ms, and the tail
    expect(world.did).toEqual([]);
    await world.quiet(60);
    await released;
    expect(world.did[0]).toBe('open');
  });

  it('waits for the event of a key that was known by its lead and is still down', async () => {
    const world = new MaskedWorld();
    world.shown = 'bleed';
    const session = await world.secure();
    await world.quiet(400);
    await world.hear(keyTone(4, { durationMs: 60 }));
    await world.quiet(400);
    expect(world.told).toEqual(['key 4']);
    world.did.length = 0;
    const released = session.release();
    await world.quiet(900);
    expect(world.did).toEqual([]);
    world.sink?.key(4, 1200); // up now, and sent on to the agent for as long
    await world.quiet(1500);
    expect(world.did).toEqual([]);
    await world.quiet(100);
    await released;
    expect(world.did[0]).toBe('open');
    expect(world.told).toEqual(['key 4']);
  });

  it('opens after two seconds when the audio does not come back', async () => {
    const world = new MaskedWorld();
    const session = await world.secure();
    await world.quiet(400);
    world.did.length = 0;
    const released = session.release();
    await world.clock.advance(1980);
    expect(world.did).toEqual([]);
    await world.clock.advance(60);
    await released;
    expect(world.did[0]).toBe('open');
  });

  it('starts the tail anew for every key, and for as long as one sounds', async () => {
    const world = new MaskedWorld();
    const session = await world.secure();
    await world.quiet(200);
    world.did.length = 0;
    const released = session.release();
    await world.quiet(200);
    world.sink?.key(4, 100);
    await world.quiet(240);
    expect(world.did).toEqual([]);
    await world.hear(keyTone(5, { durationMs: 400 }));
    expect(world.did).toEqual([]);
    await world.quiet(280);
    expect(world.did).toEqual([]);
    await world.quiet(1000);
    await released;
    expect(world.did[0]).toBe('open');
  });

  it('waits for the events that FreeSWITCH still has to send on, duplicates and long presses included', async () => {
    const world = new MaskedWorld();
    const session = await world.secure();
    await world.quiet(400);
    const startedMs = world.clock.monotonicMs();
    for (let key = 0; key < 16; key += 1) {
      await world.quiet(100);
      for (let copy = 0; copy < 3; copy += 1) world.sink?.key(key % 10, 100);
    }
    const released = session.release();
    const sentOnMs = startedMs + 100 + 48 * 120; // 120 ms each, one after the other
    await world.clock.advance(sentOnMs - world.clock.monotonicMs());
    expect(world.did).not.toContain('open');
    await world.clock.advance(2000);
    await released;
    expect(world.did).toContain('open');

    const held = new MaskedWorld();
    const capture = await held.secure();
    held.sink?.key(4, 3000); // reported once it is up, and sent on for as long
    const undone = capture.release();
    await held.clock.advance(3000);
    expect(held.did).not.toContain('open');
    await held.clock.advance(1000);
    await undone;
  });

  it('waits longer when it was deaf, and not for events in a conference', async () => {
    const deaf = new MaskedWorld();
    const session = await deaf.secure();
    deaf.sink?.lost();
    const released = session.release();
    await deaf.clock.advance(1999);
    expect(deaf.did).not.toContain('open');
    await deaf.clock.advance(1);
    await released;

    const conference = new MaskedWorld('conference');
    const capture = await conference.secure();
    conference.sink?.key(4, 3000);
    const undone = capture.release();
    await conference.clock.advance(300);
    await undone;
    expect(conference.did).toContain('open');
  });

  it('keeps the lock and says so when it cannot be opened; everything else is undone', async () => {
    const world = new MaskedWorld();
    world.recording = 'sent';
    const session = await world.secure();
    world.failing.set('open', unreachable());
    const released = session.release().catch((error: unknown) => error);
    await world.clock.advance(400);
    expect(await released).toMatchObject({ code: 'lock_not_opened' });
    expect(world.laterOpened).toHaveLength(1);
    expect(world.did).not.toContain('lock cleared');
    expect(world.did.slice(-2)).toEqual(['listening off', 'recording on']);
  });

  it('is not overtaken by a guard that was opening or closing', async () => {
    const world = new MaskedWorld();
    world.shown = 'events';
    const session = await world.secure();
    const released = session.release();
    await world.quiet(200);
    await world.hear(keyTone(3, { durationMs: 22 }));
    await world.quiet(2000);
    await released;
    expect(world.did.lastIndexOf('open')).toBeGreaterThan(world.did.lastIndexOf('closeGuard'));
    expect(world.did.lastIndexOf('open')).toBeGreaterThan(world.did.lastIndexOf('openGuard'));
  });

  it('locks an agent leg that comes in the tail, and opens it with the rest', async () => {
    const world = new MaskedWorld();
    const session = await world.secure();
    await world.quiet(400);
    world.did.length = 0;
    const released = session.release();
    await world.quiet(100);
    world.watcher?.legRenegotiated();
    await world.quiet(100);
    expect(world.did).toEqual(['close']);
    await world.quiet(300);
    await released;
    expect(world.did.slice(0, 3)).toEqual(['close', 'open', 'lock cleared']);
    expect(world.told).toEqual([]);
  });

  it('locks an agent leg that comes after a failure, and none once it opens', async () => {
    const world = new MaskedWorld();
    world.sentinel = { required: false };
    const session = await world.secure();
    world.ears?.agent.telephoneEvent();
    expect(world.told).toEqual(['failed masking_breached']);
    world.did.length = 0;
    world.failing.set('close', unreachable());
    world.watcher?.legRenegotiated();
    await world.clock.advance(0);
    expect(world.did).toEqual(['close']);
    const opened = world.holdBack('open');
    const released = session.release();
    await world.clock.advance(400);
    expect(world.did).toEqual(['close', 'open']);
    world.watcher?.legRenegotiated();
    opened();
    await released;
    expect(world.did.filter((what) => what === 'close')).toHaveLength(1);
  });

  it('says nothing of every frame that the agent is given in the tail', async () => {
    const world = new MaskedWorld('conference');
    world.sentinel = { required: true };
    const session = await world.secure();
    await world.agentHears(silence(200));
    const released = session.release();
    await world.agentHears(new Int16Array(1600).fill(3000));
    await world.clock.advance(400);
    await released;
    expect(steps(session.evidence())).not.toContain('doubt');
    expect(session.evidence().sentinel?.loudestWhileGuardedDbfs).toBeGreaterThan(-30);
  });

  it('has nothing to open once the call is over', async () => {
    const world = new MaskedWorld();
    world.recording = 'sent';
    const session = await world.secure();
    world.watcher?.ended('agent_hung_up');
    expect(world.told).toEqual(['ended agent_hung_up']);
    await session.release();
    expect(world.did).not.toContain('open');
    expect(world.did).not.toContain('recording on');
    expect(world.did).toContain('listening off');
  });
});
