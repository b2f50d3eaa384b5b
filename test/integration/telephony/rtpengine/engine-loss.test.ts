import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../../src/kernel/clock.ts';
import { silentLogger } from '../../../../src/kernel/logger.ts';
import { createDialMask } from '../../../../src/telephony/rtpengine/dial-mask.ts';
import { createMediaServerMonitor } from '../../../../src/telephony/rtpengine/media-server-monitor.ts';
import { createNgClient } from '../../../../src/telephony/rtpengine/ng-client.ts';
import type { NgClient } from '../../../../src/telephony/rtpengine/ng.ts';
import { startRtpengine, type RtpengineDaemon } from '../../../../simulators/rtpengine/daemon.ts';
import { agentLeg, FREESWITCH_ADDRESS, type AgentLeg } from './call.ts';
import { eventually } from './rtp-peer.ts';

async function engine(
  protocol: 'udp' | 'tcp',
): Promise<{ daemon: RtpengineDaemon; ng: NgClient; leg: AgentLeg }> {
  const daemon = await startRtpengine();
  onTestFinished(() => daemon.stop());
  const { host, port } = protocol === 'udp' ? daemon.ngUdp : daemon.ngTcp;
  const ng = createNgClient(`${protocol}://${host}:${port}`, { logger: silentLogger, timeoutMs: 600 });
  onTestFinished(() => ng.close());
  const leg = await agentLeg(ng);
  onTestFinished(() => leg.close());
  return { daemon, ng, leg };
}

function maskOf(ng: NgClient, leg: AgentLeg) {
  return createDialMask({
    ng,
    agentLegCallId: () => leg.callId,
    freeswitchAddresses: (address) => address === FREESWITCH_ADDRESS,
    logger: silentLogger,
  });
}

test.each(['udp', 'tcp'] as const)(
  'over %s: a silent engine is unreachable, and stands again after it',
  async (protocol) => {
    const { daemon, ng, leg } = await engine(protocol);
    const mask = maskOf(ng, leg);
    await mask.close();
    const changes: string[] = [];
    const monitor = createMediaServerMonitor({ ng, clock: systemClock, logger: silentLogger });
    const stopWatching = monitor.watch({
      unreachable: () => changes.push('unreachable'),
      reachable: () => changes.push('reachable'),
    });
    onTestFinished(stopWatching);

    await daemon.pause();
    await expect(mask.closeGuard()).rejects.toMatchObject({ code: 'rtpengine_unreachable' });
    await expect(mask.verify()).rejects.toMatchObject({ code: 'rtpengine_unreachable' });
    await expect(maskOf(ng, leg).close()).rejects.toMatchObject({
      code: 'masking_unavailable',
      cause: { code: 'rtpengine_unreachable' },
    });
    await eventually('the monitor notices', () => changes.includes('unreachable'), 10_000);
    expect(monitor.reachable).toBe(false);

    daemon.resume();
    await eventually('the monitor sees it back', () => changes.includes('reachable'), 10_000);
    await expect(mask.reassert()).resolves.toEqual({ detail: 'applied again, query: call and tag stand' });
    expect(changes).toEqual(['unreachable', 'reachable']);
  },
);

test.each(['udp', 'tcp'] as const)(
  'over %s: after a restart of the engine the mask is lost, and open says so',
  async (protocol) => {
    const { daemon, ng, leg } = await engine(protocol);
    const mask = maskOf(ng, leg);
    await mask.close();
    await daemon.restart();
    // Over TCP the first command may still wait for the new connection.
    await expect(mask.verify()).rejects.toMatchObject({ code: 'masking_lost' });
    await expect(mask.reassert()).rejects.toMatchObject({ code: 'masking_lost' });
    await expect(mask.closeGuard()).rejects.toMatchObject({ code: 'masking_lost' });
    await expect(mask.open()).resolves.toEqual({
      detail: 'nothing to open: rtpengine no longer knows the stream',
    });
  },
);

test('a call that the restarted engine was told of again is seen as lost, and masked all the same', async () => {
  const { daemon, ng, leg } = await engine('udp');
  const mask = maskOf(ng, leg);
  await mask.close();
  await daemon.restart();
  await leg.negotiate();
  await expect(mask.verify()).rejects.toMatchObject({ code: 'masking_lost' });

  leg.freeswitch.talk();
  await eventually('RTP flows', () => leg.agent.audio().length >= 3);
  await leg.freeswitch.key(7);
  const keyed = performance.now();
  await eventually('RTP flows on', () => leg.agent.audio(keyed).length >= 3);
  expect(leg.agent.events()).toEqual([]);
});

test('a lost TCP connection is made again and its listeners are told', async () => {
  const { daemon, ng } = await engine('tcp');
  let reconnects = 0;
  ng.onReconnect(() => {
    reconnects += 1;
  });
  await daemon.restart();
  await eventually('the client connects again', () => reconnects === 1);
  expect((await ng.command({ command: 'ping' })).get('result')).toEqual(Buffer.from('pong'));
});
