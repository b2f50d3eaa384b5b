import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { silentLogger } from '../../../../src/kernel/logger.ts';
import { agentBoundTags } from '../../../../src/telephony/rtpengine/agent-bound-stream.ts';
import { query } from '../../../../src/telephony/rtpengine/commands.ts';
import { createDialMask } from '../../../../src/telephony/rtpengine/dial-mask.ts';
import { createNgClient } from '../../../../src/telephony/rtpengine/ng-client.ts';
import type { NgClient } from '../../../../src/telephony/rtpengine/ng.ts';
import { subscribeSentinel } from '../../../../src/telephony/rtpengine/subscription-sentinel.ts';
import { startRtpengine, type RtpengineDaemon } from '../../../../simulators/rtpengine/daemon.ts';
import { agentLeg, FREESWITCH_ADDRESS } from './call.ts';
import { eventually } from './rtp-peer.ts';

/** The exchange and the media only: that a subscription harms the agent's stream on 10.5 is why it is off there. */
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

test('the sentinel hears what the agent is given: audio and keys before the lock, neither after it', async () => {
  const leg = await agentLeg(ng);
  onTestFinished(() => leg.close());
  leg.freeswitch.talk();
  leg.agent.talk();
  let loudest = 0;
  let packets = 0;
  let events = 0;
  const sentinel = await subscribeSentinel({
    ng,
    stream: { callId: leg.callId, tag: leg.freeswitchTag },
    listen: { address: FREESWITCH_ADDRESS, port: 0 },
    onAudio: (samples) => {
      packets += 1;
      loudest = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), loudest);
    },
    onTelephoneEvent: () => {
      events += 1;
    },
    logger: silentLogger,
  });
  onTestFinished(() => sentinel.close());
  await eventually('audio arrives', () => packets > 3 && loudest > 1_000);
  await leg.freeswitch.key(9);
  await eventually('the key is heard', () => events === 1);

  const mask = createDialMask({
    ng,
    agentLegCallId: () => leg.callId,
    freeswitchAddresses: (address) => address === FREESWITCH_ADDRESS,
    logger: silentLogger,
  });
  // The subscriber sits on FreeSWITCH's address too and must not be taken for the agent-bound stream.
  await mask.close();
  const settled = packets;
  await eventually('audio flows on', () => packets >= settled + 3);
  loudest = 0;
  await leg.freeswitch.key(9);
  const keyed = packets;
  await eventually('audio flows on after the key', () => packets >= keyed + 3);
  expect(events).toBe(1);
  expect(loudest).toBeLessThanOrEqual(8);

  await sentinel.close();
  await sentinel.close();
  const call = await query(ng, leg.callId);
  expect(agentBoundTags(call, (address) => address === FREESWITCH_ADDRESS).map(({ tag }) => tag)).toEqual([
    leg.freeswitchTag,
  ]);
});

test('for a call that is not there it refuses and leaves no socket behind', async () => {
  const listen = { address: '127.0.0.1', port: 0 };
  await expect(
    subscribeSentinel({
      ng,
      stream: { callId: 'no-such-call', tag: 'none' },
      listen,
      onAudio: () => undefined,
      onTelephoneEvent: () => undefined,
      logger: silentLogger,
    }),
  ).rejects.toMatchObject({ code: 'rtpengine_unknown_call' });
});
