import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../../src/kernel/logger.ts';
import { createNgClient } from '../../../src/telephony/rtpengine/ng-client.ts';
import type { NgClient } from '../../../src/telephony/rtpengine/ng.ts';
import { rmsDbfs } from '../../../simulators/audio/measure.ts';
import { decodeWithMultimon, multimonInstalled } from '../../../simulators/audio/multimon.ts';
import { agentSpeech, callerSpeech } from '../../../simulators/audio/speech.ts';
import type {
  Media,
  MediaLeg,
  OutboundLeg,
  Phone,
  PhoneOptions,
} from '../../../simulators/jambonz/media/contract.ts';
import { createMediaClock, type MediaClock } from '../../../simulators/jambonz/media/media-clock.ts';
import { createRtpengineMedia } from '../../../simulators/jambonz/media/rtpengine-media.ts';
import {
  rtpengineInstalled,
  startRtpengine,
  type RtpengineDaemon,
} from '../../../simulators/rtpengine/daemon.ts';

const ALL_KEYS = '0123456789*#ABCD';

describe.skipIf(!rtpengineInstalled())('media through a real rtpengine', () => {
  let engine: RtpengineDaemon;
  let ng: NgClient;
  let clock: MediaClock;
  let media: Media;
  let caller: Phone;
  let agent: Phone;
  let callerLeg: MediaLeg;
  let agentLeg: OutboundLeg;

  beforeEach(async () => {
    engine = await startRtpengine({ deleteDelaySeconds: 0 });
    ng = createNgClient(`udp://${engine.ngUdp.host}:${engine.ngUdp.port}`, { logger: silentLogger });
    clock = createMediaClock();
    media = createRtpengineMedia({ ng: engine.ngUdp, clock });
  });

  afterEach(async () => {
    await media.close();
    await ng.close();
    await engine.stop();
  });

  /** By the media clock: when it is late, so is everything else. */
  async function pass(ms: number): Promise<void> {
    await new Promise<void>((resolve) => clock.after(ms, resolve));
  }

  async function connect(options: { caller?: Partial<PhoneOptions> } = {}): Promise<void> {
    caller = media.createPhone({ number: '15551112222', speech: callerSpeech(), ...options.caller });
    agent = media.createPhone({ number: '2000', speech: agentSpeech(), ringMs: 20 });
    callerLeg = await media.inbound(caller, () => undefined);
    await callerLeg.answer();
    agentLeg = await media.outbound(agent, {
      timeoutMs: 5_000,
      ringing: () => undefined,
      onHangUp: () => undefined,
    });
    expect(await agentLeg.final).toEqual({ result: 'answered' });
    media.bridge(callerLeg, agentLeg);
    await pass(200);
  }

  function eventsEnded(): number[] {
    const events = agent.telephoneEventsHeard();
    return events
      .filter(({ end }, index) => end && events[index - 1]?.end !== true)
      .map(({ event }) => event);
  }

  function loudness(phone: Phone, lastMs: number): number {
    const { samples } = phone.heard();
    return rmsDbfs(samples, samples.length - lastMs * 8);
  }

  /** FreeSWITCH's tag on the agent leg: the agent-bound stream. */
  async function agentBoundTag(): Promise<string> {
    const reply = await ng.command({ command: 'query', 'call-id': agentLeg.sipCallId });
    const tags = [...(reply.get('tags') as unknown as Map<string, unknown>).entries()];
    const found = tags.find(([, value]) => JSON.stringify(plain(value)).includes(media.freeswitchAddress));
    if (found === undefined) throw new Error('FreeSWITCH is not in the call');
    return found[0];
  }

  it('carries speech both ways', async () => {
    await connect();
    caller.setSpeaking(true);
    await pass(1_000);
    expect(loudness(agent, 800)).toBeGreaterThan(-35);
    expect(loudness(caller, 800)).toBeLessThan(-60);
    caller.setSpeaking(false);
    agent.setSpeaking(true);
    await pass(1_000);
    expect(loudness(caller, 800)).toBeGreaterThan(-35);
    expect(loudness(agent, 800)).toBeLessThan(-60);
  });

  it.each(['rfc4733', 'info'] as const)('gives the agent 16 events for 16 %s keys', async (transport) => {
    await connect();
    await caller.key(ALL_KEYS, { transport });
    await pass(400);
    expect(eventsEnded()).toEqual(Array.from(ALL_KEYS, (_, event) => event));
    expect(agent.telephoneEventsHeard().every(({ payloadType }) => payloadType === 101)).toBe(true);
  });

  it.skipIf(!multimonInstalled())('carries tones that an independent decoder reads', async () => {
    await connect();
    await caller.key(ALL_KEYS, { transport: 'tones' });
    await pass(300);
    expect((await decodeWithMultimon(agent.heard().samples)).join('')).toBe(ALL_KEYS);
    expect(agent.telephoneEventsHeard()).toEqual([]);
  });

  it('is silenced by the lock and the guard on the agent-bound stream, and opened again', async () => {
    await connect();
    const selector = {
      'call-id': agentLeg.sipCallId,
      'from-tag': await agentBoundTag(),
      flags: ['directional'],
    };
    await ng.command({ command: 'block DTMF', ...selector });
    await ng.command({ command: 'silence media', ...selector });
    const keys: string[] = [];
    callerLeg.fork({ mixType: 'mono', onAudio: () => undefined, onKey: ({ dtmf }) => keys.push(dtmf) });
    caller.setSpeaking(true);
    await caller.key('4242', { transport: 'rfc4733' });
    await caller.key('42', { transport: 'tones' });
    await pass(500);
    expect(keys).toEqual(['4', '2', '4', '2']);
    expect(agent.telephoneEventsHeard()).toEqual([]);
    expect(loudness(agent, 1_500)).toBeLessThan(-90);
    await ng.command({ command: 'unsilence media', ...selector });
    await ng.command({ command: 'unblock DTMF', ...selector });
    await pass(600);
    expect(loudness(agent, 400)).toBeGreaterThan(-40);
    await caller.key('7', { transport: 'rfc4733' });
    await pass(300);
    expect(eventsEnded()).toEqual([7]);
  });

  it('reports keys on a fork in their order, each after the 140 ms of its event', async () => {
    await connect();
    const samples: number[] = [];
    const keys: { dtmf: string; atSample: number }[] = [];
    callerLeg.fork({
      mixType: 'mono',
      onAudio: (frame) => {
        for (let at = 0; at < frame.length; at += 2) samples.push(frame.readInt16LE(at));
      },
      onKey: ({ dtmf }) => keys.push({ dtmf, atSample: samples.length }),
    });
    await caller.key('0123#', { transport: 'bleed', toneLeadMs: 40 });
    await pass(300);
    expect(keys.map(({ dtmf }) => dtmf).join('')).toBe('0123#');
    for (const { atSample } of keys) {
      const before = (fromMs: number, toMs: number) =>
        Int16Array.from(samples.slice(atSample - fromMs * 8, atSample - toMs * 8));
      expect(new Set(before(140, 0)).size).toBe(1);
      expect(rmsDbfs(before(180, 140))).toBeGreaterThan(-15);
    }
  });

  it('goes on through a new port of either phone', async () => {
    await connect();
    for (const leg of [callerLeg, agentLeg]) {
      const before = leg.sdp;
      await leg.renegotiate();
      expect(leg.sdp).not.toBe(before);
    }
    caller.setSpeaking(true);
    agent.setSpeaking(true);
    await pass(1_000);
    expect(loudness(agent, 600)).toBeGreaterThan(-40);
    expect(loudness(caller, 600)).toBeGreaterThan(-40);
    await caller.key('13', { transport: 'rfc4733' });
    await pass(300);
    expect(eventsEnded()).toEqual([1, 3]);
  });

  it('loses packets on the way from a phone with losses', async () => {
    await connect({ caller: { impairments: { packetLoss: 0.3, jitterMs: 10 } } });
    caller.setSpeaking(true);
    await pass(2_000);
    const { samples } = agent.heard();
    let lost = 0;
    let run = 0;
    for (const sample of samples.subarray(samples.length - 12_000)) {
      run = sample === 0 ? run + 1 : 0;
      if (run === 150) lost += 1;
    }
    expect(lost).toBeGreaterThan(5);
    expect(loudness(agent, 1_500)).toBeGreaterThan(-45);
  });

  it('hears nothing lost by a stall of the process', async () => {
    await connect();
    await pass(200);
    const wakeAt = performance.now() + 400;
    while (performance.now() < wakeAt); // a stalled event loop
    await pass(300);
    const { samples } = agent.heard();
    let longest = 0;
    let run = 0;
    for (const sample of samples.subarray(samples.length - 800 * 8, samples.length - 50 * 8)) {
      run = sample === 0 ? run + 1 : 0;
      longest = Math.max(longest, run);
    }
    expect(longest).toBeLessThan(100);
  });

  it('leaves nothing behind when a leg ends', async () => {
    await connect();
    for (const callId of [callerLeg.sbcCallId, agentLeg.sipCallId]) {
      await ng.command({ command: 'query', 'call-id': callId });
    }
    caller.hangUp();
    agentLeg.hangUp();
    await media.close();
    for (const callId of [callerLeg.sbcCallId, agentLeg.sipCallId]) {
      await expect(ng.command({ command: 'query', 'call-id': callId })).rejects.toMatchObject({
        code: 'rtpengine_unknown_call',
      });
    }
    const open = process.getActiveResourcesInfo().filter((name) => name.startsWith('UDP'));
    expect(open).toHaveLength(1); // this test's own control socket
  });

  it('closes although rtpengine is gone', async () => {
    await connect();
    await engine.kill();
    await expect(media.close()).resolves.toBeUndefined();
  });
});

function plain(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return value.toString('latin1');
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map)
    return Object.fromEntries([...value].map(([key, inner]) => [String(key), plain(inner)]));
  return typeof value === 'bigint' ? Number(value) : value;
}
