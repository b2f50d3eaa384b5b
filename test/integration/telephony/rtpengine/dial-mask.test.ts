import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { silentLogger } from '../../../../src/kernel/logger.ts';
import type { LockRecord } from '../../../../src/telephony/contract.ts';
import { createDialMask, type DialMask } from '../../../../src/telephony/rtpengine/dial-mask.ts';
import { createNgClient } from '../../../../src/telephony/rtpengine/ng-client.ts';
import type { NgClient } from '../../../../src/telephony/rtpengine/ng.ts';
import { startRtpengine, type RtpengineDaemon } from '../../../../simulators/rtpengine/daemon.ts';
import { agentLeg, FREESWITCH_ADDRESS, type AgentLeg } from './call.ts';
import { EVENT_PACKETS, eventually, peak } from './rtp-peer.ts';

const isFreeswitch = (address: string): boolean => address === FREESWITCH_ADDRESS;
const AUDIBLE = 1_000;
/** What rtpengine sends for silence decodes to the smallest step. */
const SILENT = 8;

let daemon: RtpengineDaemon;
let ng: NgClient;

beforeAll(async () => {
  daemon = await startRtpengine();
  ng = createNgClient(`udp://${daemon.ngUdp.host}:${daemon.ngUdp.port}`, { logger: silentLogger });
});

afterAll(async () => {
  await ng.close();
  await daemon.stop();
});

async function talkingLeg(): Promise<AgentLeg> {
  const leg = await agentLeg(ng);
  onTestFinished(() => leg.close());
  leg.freeswitch.talk();
  leg.agent.talk();
  await audible(leg);
  return leg;
}

function maskOf(leg: AgentLeg, record?: LockRecord): DialMask {
  return createDialMask({
    ng,
    agentLegCallId: () => leg.callId,
    freeswitchAddresses: isFreeswitch,
    logger: silentLogger,
    ...(record !== undefined && { record }),
  });
}

/** The agent hears the caller: waits for a loud packet that came after now. */
async function audible(leg: AgentLeg): Promise<void> {
  const since = performance.now();
  await eventually('the agent hears the caller', () =>
    leg.agent.audio(since).some((heard) => peak(heard) > AUDIBLE),
  );
}

/** Sends keys between packets of audio and waits until audio sent after them has arrived. Events can then not follow. */
async function keyAndSettle(
  leg: AgentLeg,
): Promise<{ eventPackets: number; loudest: number; audioPackets: number }> {
  const since = performance.now();
  for (const event of [4, 2, 10, 11]) {
    await leg.freeswitch.key(event);
    const sent = performance.now();
    await eventually('audio flows', () => leg.agent.audio(sent).length >= 3);
  }
  const audio = leg.agent.audio(since);
  return {
    eventPackets: leg.agent.events(since).length,
    loudest: Math.max(...audio.map(peak)),
    audioPackets: audio.length,
  };
}

async function expectOpen(leg: AgentLeg): Promise<void> {
  await audible(leg);
  const heard = await keyAndSettle(leg);
  expect(heard.eventPackets).toBe(4 * EVENT_PACKETS);
  expect(heard.loudest).toBeGreaterThan(AUDIBLE);
}

async function expectClosed(leg: AgentLeg): Promise<void> {
  // A packet or two that were under way when the engine answered may still come.
  const since = performance.now();
  await eventually('RTP flows', () => leg.agent.audio(since).length >= 3);
  const heard = await keyAndSettle(leg);
  expect(heard.eventPackets).toBe(0);
  expect(heard.loudest).toBeLessThanOrEqual(SILENT);
  expect(heard.audioPackets).toBeGreaterThanOrEqual(12);
}

describe('lock and guard on a live call', () => {
  test('before the lock, audio and events pass; after close, RTP flows with silence and no event', async () => {
    const leg = await talkingLeg();
    const mask = maskOf(leg);
    await expectOpen(leg);

    await expect(mask.close()).resolves.toEqual({
      detail: 'block DTMF ok, silence media ok, query: call and tag stand',
    });
    await expectClosed(leg);
    await expect(mask.verify()).resolves.toEqual({ detail: 'query: call and tag stand' });
  });

  test("the agent's own voice and keys reach the caller all along", async () => {
    const leg = await talkingLeg();
    await maskOf(leg).close();
    const since = performance.now();
    await leg.agent.key(5);
    const keyed = performance.now();
    await eventually('RTP flows', () => leg.freeswitch.audio(keyed).length >= 3);
    expect(leg.freeswitch.events(since).map(({ packet }) => packet.payload[0])).toEqual(
      Array(EVENT_PACKETS).fill(5),
    );
    expect(Math.min(...leg.freeswitch.audio(since).map(peak))).toBeGreaterThan(AUDIBLE);
  });

  test('with the guard open audio passes and events do not; open restores both', async () => {
    const leg = await talkingLeg();
    const mask = maskOf(leg);
    await mask.close();
    await mask.openGuard();
    await audible(leg);
    const heard = await keyAndSettle(leg);
    expect(heard.eventPackets).toBe(0);
    expect(heard.loudest).toBeGreaterThan(AUDIBLE);

    await mask.closeGuard();
    await expectClosed(leg);

    await expect(mask.open()).resolves.toEqual({ detail: 'unsilence media ok, unblock DTMF ok' });
    await expectOpen(leg);
  });

  test('a re-INVITE keeps both', async () => {
    const leg = await talkingLeg();
    const mask = maskOf(leg);
    await mask.close();
    await leg.negotiate();
    await expectClosed(leg);
    await expect(mask.verify()).resolves.toEqual({ detail: 'query: call and tag stand' });
  });

  test('the last intent wins: a guard that is closed right after it was opened ends closed', async () => {
    const leg = await talkingLeg();
    const mask = maskOf(leg);
    await mask.close();
    const opened = mask.openGuard();
    const closed = mask.closeGuard();
    await expect(opened).rejects.toMatchObject({ code: 'masking_superseded' });
    await expect(closed).resolves.toEqual({ detail: 'silence media ok' });
    await expectClosed(leg);
  });

  test('applying again never opens, and keeps an open guard open', async () => {
    const leg = await talkingLeg();
    const mask = maskOf(leg);
    await mask.close();
    await expect(mask.reassert()).resolves.toEqual({ detail: 'applied again, query: call and tag stand' });
    await expectClosed(leg);
    await mask.openGuard();
    await mask.reassert();
    await audible(leg);
    expect((await keyAndSettle(leg)).eventPackets).toBe(0);
  });

  test('a later process opens what the record names', async () => {
    const leg = await talkingLeg();
    const first = maskOf(leg);
    const record = await first.record('cap_1');
    expect(record).toEqual({
      captureId: 'cap_1',
      bridge: 'dial',
      agentLegCallId: leg.callId,
      tag: leg.freeswitchTag,
    });
    await expectOpen(leg);
    await first.close();
    await expectClosed(leg);

    await maskOf(leg, record).open();
    await expectOpen(leg);
  });
});

describe('when the stream is not what it was', () => {
  test('a new tag of FreeSWITCH is masked by verify, and open undoes that too', async () => {
    const leg = await talkingLeg();
    const mask = maskOf(leg);
    await mask.close();
    await leg.negotiate({ freeswitch: 'fs-new', agent: 'agent-new' });
    // The engine applies no block to the new participant: this is what verify is for.
    await audible(leg);

    expect((await mask.verify()).detail).toContain('masked the new one');
    await expectClosed(leg);
    await mask.open();
    await expectOpen(leg);
  });

  test('an unknown call, a call without FreeSWITCH and one with two such streams refuse', async () => {
    const unknown = createDialMask({
      ng,
      agentLegCallId: () => 'no-such-call',
      freeswitchAddresses: isFreeswitch,
      logger: silentLogger,
    });
    await expect(unknown.close()).rejects.toMatchObject({
      code: 'masking_unavailable',
      cause: { code: 'rtpengine_unknown_call' },
    });

    const leg = await talkingLeg();
    for (const [matcher, words] of [
      [() => false, 'no stream'],
      [() => true, '2 streams'],
    ] as const) {
      const mask = createDialMask({
        ng,
        agentLegCallId: () => leg.callId,
        freeswitchAddresses: matcher,
        logger: silentLogger,
      });
      await expect(mask.close()).rejects.toMatchObject({
        code: 'masking_unavailable',
        message: expect.stringContaining(words) as string,
      });
    }
    await expectOpen(leg);
  });

  test('a deleted call still stands for the delete delay: the query lists it and nothing passes', async () => {
    const leg = await talkingLeg();
    const mask = maskOf(leg);
    await mask.close();
    await leg.delete();
    await expect(mask.verify()).resolves.toEqual({ detail: 'query: call and tag stand' });
    await expectClosed(leg);
  });
});
