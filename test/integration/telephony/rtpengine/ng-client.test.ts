import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { silentLogger } from '../../../../src/kernel/logger.ts';
import {
  blockDtmf,
  ping,
  query,
  silenceMedia,
  unblockDtmf,
  unsilenceMedia,
} from '../../../../src/telephony/rtpengine/commands.ts';
import { createNgClient } from '../../../../src/telephony/rtpengine/ng-client.ts';
import type { NgClient } from '../../../../src/telephony/rtpengine/ng.ts';
import {
  rtpengineVersion,
  startRtpengine,
  type RtpengineDaemon,
} from '../../../../simulators/rtpengine/daemon.ts';
import { agentLeg, FREESWITCH_ADDRESS } from './call.ts';
import { eventually } from './rtp-peer.ts';

let daemon: RtpengineDaemon;

beforeAll(async () => {
  daemon = await startRtpengine({ dtmfNotifications: true });
});

afterAll(() => daemon.stop());

function clientOf(protocol: 'udp' | 'tcp', of: RtpengineDaemon = daemon): NgClient {
  const { host, port } = protocol === 'udp' ? of.ngUdp : of.ngTcp;
  const ng = createNgClient(`${protocol}://${host}:${port}`, { logger: silentLogger });
  onTestFinished(() => ng.close());
  return ng;
}

describe.each(['udp', 'tcp'] as const)('the real engine over %s', (protocol) => {
  test('answers a ping, also many at once', async () => {
    const ng = clientOf(protocol);
    await expect(ping(ng)).resolves.toBeUndefined();
    await expect(Promise.all(Array.from({ length: 50 }, () => ping(ng)))).resolves.toHaveLength(50);
  });

  test('lists the participants of a call with their media addresses', async () => {
    const ng = clientOf(protocol);
    const leg = await agentLeg(ng);
    onTestFinished(() => leg.close());
    const call = await query(ng, leg.callId);
    expect(call.created).toMatch(/^\d+\.\d+$/);
    const freeswitch = call.tags.find(({ tag }) => tag === leg.freeswitchTag);
    expect(freeswitch?.streams[0]?.address).toBe(FREESWITCH_ADDRESS);
    expect(call.tags.map(({ conversing }) => conversing)).toEqual([true, true]);
  });

  test('tells an unknown call and an unknown tag apart, whatever the command', async () => {
    const ng = clientOf(protocol);
    const leg = await agentLeg(ng);
    onTestFinished(() => leg.close());
    const noCall = { callId: 'no-such-call', tag: leg.freeswitchTag };
    const noTag = { callId: leg.callId, tag: 'no-such-tag' };
    await expect(query(ng, 'no-such-call')).rejects.toMatchObject({ code: 'rtpengine_unknown_call' });
    for (const command of [blockDtmf, unblockDtmf, silenceMedia, unsilenceMedia]) {
      await expect(command(ng, noCall)).rejects.toMatchObject({ code: 'rtpengine_unknown_call' });
      await expect(command(ng, noTag)).rejects.toMatchObject({ code: 'rtpengine_unknown_tag' });
    }
    await expect(ng.command({ command: 'version' })).rejects.toMatchObject({
      code: 'rtpengine_refused',
      message: "rtpengine refused 'version': Unrecognized command",
    });
  });
});

test('digit notifications on the same TCP connection disturb no command', async () => {
  const ng = clientOf('tcp');
  const leg = await agentLeg(ng);
  onTestFinished(() => leg.close());
  // Another connection shows that the engine did notify: every connection is told.
  const bystander = connect(daemon.ngTcp.port, daemon.ngTcp.host);
  onTestFinished(() => void bystander.destroy());
  let notified = Buffer.alloc(0);
  bystander.on('data', (chunk: Buffer) => {
    notified = Buffer.concat([notified, chunk]);
  });
  await once(bystander, 'connect');
  leg.freeswitch.talk();
  await eventually('RTP flows', () => leg.agent.audio().length >= 3);
  const keyed = leg.freeswitch.key(5);
  for (let count = 0; count < 20; count += 1) await query(ng, leg.callId);
  await keyed;
  await eventually('the engine notified', () => notified.includes('6:notify6:onDTMF'));
  await expect(query(ng, leg.callId)).resolves.toBeDefined();
});

test('two engines run side by side and know nothing of each other', async () => {
  const other = await startRtpengine();
  onTestFinished(() => other.stop());
  const leg = await agentLeg(clientOf('udp'));
  onTestFinished(() => leg.close());
  await expect(query(clientOf('udp', other), leg.callId)).rejects.toMatchObject({
    code: 'rtpengine_unknown_call',
  });
  expect(other.pid).not.toBe(daemon.pid);
  await other.stop();
  expect(other.pid).toBeUndefined();
});

test('the installed engine tells its version outside ng only', () => {
  expect(rtpengineVersion()).toMatch(/^\d+\.\d+/);
});
