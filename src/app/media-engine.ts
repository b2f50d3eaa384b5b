import { BlockList } from 'node:net';
import type { AddressBlock } from '../config/config.ts';
import type { TelephonyOptions } from '../telephony/jambonz/server.ts';
import { createDialMask } from '../telephony/rtpengine/dial-mask.ts';
import { subscriptionSentinelAllowed } from '../telephony/rtpengine/engine-version.ts';
import { createMediaServerMonitor } from '../telephony/rtpengine/media-server-monitor.ts';
import { createNgClient } from '../telephony/rtpengine/ng-client.ts';
import { subscribeSentinel } from '../telephony/rtpengine/subscription-sentinel.ts';
import type { Startup } from './startup.ts';

type MediaEngine = Pick<TelephonyOptions, 'dialMask' | 'dialSentinel' | 'mediaServer' | 'engineVersion'>;

/** rtpengine, which locks and guards for the dial bridge; nothing for a conference, which does so itself. */
export function startMediaEngine({ config, clock, logger, stopper }: Startup): MediaEngine {
  const { bridge, rtpengine } = config.telephony;
  if (bridge !== 'dial' || rtpengine === undefined) return {};
  const host = rtpengine.host.includes(':') ? `[${rtpengine.host}]` : rtpengine.host;
  const ng = createNgClient(`${rtpengine.protocol}://${host}:${rtpengine.port}`, {
    timeoutMs: rtpengine.timeoutMs,
    logger,
    clock,
  });
  stopper.add('rtpengine', async () => await ng.close());
  const freeswitchAddresses = addressesOf(rtpengine.freeswitchMedia);
  const { version, sentinelAddress } = rtpengine;
  const { allowed, reason } = subscriptionSentinelAllowed(version);
  const listens = allowed && sentinelAddress !== undefined;
  logger.info(listens ? 'the dial bridge has a sentinel' : 'the dial bridge has no sentinel', {
    reason: allowed && !listens ? 'SENTINEL_ADDRESS is not set' : reason,
  });
  return {
    ...(version !== undefined && { engineVersion: version }),
    ...(listens && {
      dialSentinel: async (stream, heard) =>
        await subscribeSentinel({
          ng,
          stream,
          listen: { address: sentinelAddress, port: 0 },
          onAudio: (samples) => heard.audio(samples),
          onTelephoneEvent: () => heard.telephoneEvent(),
          logger,
        }),
    }),
    dialMask: (leg) => createDialMask({ ng, freeswitchAddresses, logger, ...leg }),
    mediaServer: createMediaServerMonitor({ ng, clock, logger }),
  };
}

function addressesOf(blocks: readonly AddressBlock[]): (address: string) => boolean {
  const list = new BlockList();
  for (const { address, prefix, family } of blocks) list.addSubnet(address, prefix, family);
  return (address) => list.check(address, address.includes(':') ? 'ipv6' : 'ipv4');
}
