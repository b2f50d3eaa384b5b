import { silentLogger } from '../../../src/kernel/logger.ts';
import { createNgClient } from '../../../src/telephony/rtpengine/ng-client.ts';
import type { Media } from './contract.ts';
import { createMediaClock, type MediaClock } from './media-clock.ts';
import { openRtpengineCarrier } from './rtpengine-carrier.ts';
import { SimulatedMedia } from './simulated-media.ts';

export interface RtpengineMediaOptions {
  /** `--listen-ng` of an rtpengine with the interfaces `external` and `internal`. */
  readonly ng: { readonly host: string; readonly port: number };
  readonly clock?: MediaClock;
  /** The same seed: the same noise, losses, delays and duplicates. Default 1. */
  readonly seed?: number;
}

/**
 * Phones and FreeSWITCH speak RTP through a real rtpengine, one rtpengine call a leg, as with jambonz: the inbound
 * leg's call-id is `sbcCallId`, an outbound leg's is `sipCallId`.
 */
export function createRtpengineMedia(options: RtpengineMediaOptions): Media {
  const { ng, clock = createMediaClock(), seed = 1 } = options;
  const client = createNgClient(`udp://${ng.host}:${ng.port}`, { logger: silentLogger });
  return new SimulatedMedia({
    clock,
    seed,
    ngAddress: ng,
    openCarrier: (leg) => openRtpengineCarrier(client, leg),
    closeCarriers: () => client.close(),
  });
}
