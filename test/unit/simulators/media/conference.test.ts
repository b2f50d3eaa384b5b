import { afterEach, describe, expect, it } from 'vitest';
import { rmsDbfs } from '../../../../simulators/audio/measure.ts';
import { decodeWithMultimon, multimonInstalled } from '../../../../simulators/audio/multimon.ts';
import type { ConferenceMember, ConferenceOptions } from '../../../../simulators/jambonz/media/contract.ts';
import { answeredCall, heardBetween, keyAll, type Call } from './call.ts';

/** Way from a command at FreeSWITCH to the phone's recording: the frame is there at once. */
const EXACT_MS = 1;

let call: Call;
let thrownOut: string[];
afterEach(async () => {
  await call.media.close();
  call.clock.assertClosedIdle();
});

async function confer(
  caller: Partial<ConferenceOptions> = {},
): Promise<{ caller: ConferenceMember; agent: ConferenceMember }> {
  call = await answeredCall({ caller: { speech: loud() } });
  thrownOut = [];
  const members = {
    caller: call.callerLeg.joinConference('room', { ...caller, onThrownOut: () => thrownOut.push('caller') }),
    agent: call.agentLeg.joinConference('room', {
      memberTag: 'agent',
      onThrownOut: () => thrownOut.push('agent'),
    }),
  };
  await call.clock.advance(300);
  return members;
}

/** A steady sound, so that its edges can be measured. */
function loud(): Int16Array {
  return Int16Array.from(
    { length: 8_000 },
    (_, index) => 9_000 * Math.sin((2 * Math.PI * 500 * index) / 8_000),
  );
}

function heardSince(atMs: number): Int16Array {
  return heardBetween(call.agent, atMs, call.clock.now());
}

/** Where the sound ends, or begins, ms after `atMs`. */
function soundEnds(atMs: number): number {
  return (heardSince(atMs).findLastIndex((sample) => Math.abs(sample) > 300) + 1) / 8;
}

function soundBegins(atMs: number): number {
  return heardSince(atMs).findIndex((sample) => Math.abs(sample) > 300) / 8;
}

describe('a conference', () => {
  it('gives each member the others and not itself', async () => {
    await confer();
    call.caller.setSpeaking(true);
    await call.clock.advance(500);
    expect(rmsDbfs(heardBetween(call.agent, call.clock.now() - 300, call.clock.now() - 20))).toBeGreaterThan(
      -15,
    );
    expect(rmsDbfs(heardBetween(call.caller, call.clock.now() - 300, call.clock.now() - 20))).toBeLessThan(
      -60,
    );
  });

  it.each(['rfc4733', 'info'] as const)('passes no %s key, as event or as sound', async (transport) => {
    await confer();
    const keys: string[] = [];
    call.callerLeg.fork({ mixType: 'mono', onAudio: () => undefined, onKey: ({ dtmf }) => keys.push(dtmf) });
    const from = call.clock.now();
    await keyAll(call.clock, call.caller, '0123456789*#ABCD', { transport });
    expect(keys.join('')).toBe('0123456789*#ABCD');
    expect(call.agent.telephoneEventsHeard()).toEqual([]);
    expect(rmsDbfs(heardSince(from))).toBeLessThan(-60);
  });

  it.skipIf(!multimonInstalled())('passes tones as sound, and none while the caller is muted', async () => {
    const { caller } = await confer();
    await keyAll(call.clock, call.caller, '4012', { transport: 'tones' });
    caller.mute(true);
    await call.clock.advance(100);
    await keyAll(call.clock, call.caller, '8888', { transport: 'tones' });
    caller.mute(false);
    await call.clock.advance(100);
    await keyAll(call.clock, call.caller, '13', { transport: 'tones' });
    expect((await decodeWithMultimon(call.agent.heard().samples)).join('')).toBe('401213');
  });

  it('mutes after 31 ms and opens after 92 ms, and is digitally silent between', async () => {
    const { caller } = await confer();
    call.caller.setSpeaking(true);
    await call.clock.advance(213);
    const mutedAt = call.clock.now();
    caller.mute(true);
    await call.clock.advance(407);
    expect(Math.abs(soundEnds(mutedAt) - 31)).toBeLessThan(EXACT_MS);
    expect(rmsDbfs(heardBetween(call.agent, mutedAt + 32, call.clock.now()))).toBe(-120);
    const openedAt = call.clock.now();
    caller.mute(false);
    await call.clock.advance(400);
    expect(Math.abs(soundBegins(openedAt) - 92)).toBeLessThan(EXACT_MS + 1);
  });

  it('obeys the last of two commands', async () => {
    const { caller } = await confer();
    call.caller.setSpeaking(true);
    caller.mute(true);
    await call.clock.advance(200);
    caller.mute(false);
    await call.clock.advance(20);
    caller.mute(true);
    const from = call.clock.now();
    await call.clock.advance(500);
    expect(rmsDbfs(heardSince(from))).toBe(-120);
  });

  it('leaks nothing of a muted member to one who joins, and 100 ms of a coaching one', async () => {
    const { caller, agent } = await confer();
    call.caller.setSpeaking(true);
    const rejoin = async (): Promise<number> => {
      agent.leave();
      await call.clock.advance(200);
      const joinedAt = call.clock.now();
      call.agentLeg.joinConference('room', { memberTag: 'agent', onThrownOut: () => undefined });
      await call.clock.advance(500);
      return joinedAt;
    };
    caller.mute(true);
    await call.clock.advance(200);
    expect(rmsDbfs(heardSince(await rejoin()))).toBe(-120);
    caller.coach('nobody');
    caller.mute(false);
    await call.clock.advance(200);
    const joinedAt = await rejoin();
    expect(soundBegins(joinedAt)).toBeLessThan(30);
    expect(soundEnds(joinedAt)).toBeGreaterThan(90);
    expect(soundEnds(joinedAt)).toBeLessThan(125);
  });

  it('lets a coaching member be heard by the tag alone, who hears everyone', async () => {
    const { caller } = await confer();
    call.caller.setSpeaking(true);
    call.agent.setSpeaking(true);
    caller.coach('nobody');
    await call.clock.advance(130);
    const from = call.clock.now();
    await call.clock.advance(500);
    expect(rmsDbfs(heardSince(from))).toBe(-120);
    expect(rmsDbfs(heardBetween(call.caller, from, call.clock.now()))).toBeGreaterThan(-40);
    caller.coach('agent');
    await call.clock.advance(500);
    expect(rmsDbfs(heardBetween(call.agent, call.clock.now() - 200, call.clock.now()))).toBeGreaterThan(-15);
  });

  it('under stock caller-controls lets 0 undo the mute, * deaf-mute and # throw out', async () => {
    const { caller } = await confer({ callerControls: 'stock' });
    call.caller.setSpeaking(true);
    call.agent.setSpeaking(true);
    caller.mute(true);
    await call.clock.advance(200);
    await keyAll(call.clock, call.caller, '0', { transport: 'rfc4733' });
    const openAt = call.clock.now();
    await call.clock.advance(300);
    expect(rmsDbfs(heardSince(openAt))).toBeGreaterThan(-20);
    await keyAll(call.clock, call.caller, '*', { transport: 'info' });
    const deafAt = call.clock.now();
    await call.clock.advance(300);
    expect(rmsDbfs(heardSince(deafAt))).toBe(-120);
    expect(rmsDbfs(heardBetween(call.caller, deafAt, call.clock.now()))).toBe(-120);
    await keyAll(call.clock, call.caller, '0#', { transport: 'tones' });
    expect(thrownOut).toEqual([]);
    await keyAll(call.clock, call.caller, '#', { transport: 'rfc4733' });
    expect(thrownOut).toEqual(['caller']);
  });

  it('ignores keys without caller-controls', async () => {
    const { caller } = await confer();
    call.caller.setSpeaking(true);
    caller.mute(true);
    await call.clock.advance(200);
    const from = call.clock.now();
    await keyAll(call.clock, call.caller, '0*#', { transport: 'rfc4733' });
    expect(rmsDbfs(heardSince(from))).toBe(-120);
    expect(thrownOut).toEqual([]);
  });

  it('mixes what is played to a member with the others, unheard by its taps', async () => {
    await confer();
    const given: number[] = [];
    call.agentLeg.fork({
      mixType: 'stereo',
      onAudio: (frame) => {
        for (let at = 2; at < frame.length; at += 4) given.push(frame.readInt16LE(at));
      },
      onKey: () => undefined,
    });
    const from = call.clock.now();
    void call.agentLeg.play(loud().slice(0, 4_000));
    await call.clock.advance(700);
    expect(rmsDbfs(heardBetween(call.agent, from + 30, from + 400))).toBeGreaterThan(-15);
    expect(rmsDbfs(Int16Array.from(given))).toBeLessThan(-60);
  });
});
