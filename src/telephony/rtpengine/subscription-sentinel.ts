import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { HushtoneError } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/logger.ts';
import { subscribeAnswer, subscribeRequest, unsubscribe, type StreamAddress } from './commands.ts';
import { decodeG711 } from './g711.ts';
import { hasCode } from './ng-errors.ts';
import type { NgClient } from './ng.ts';
import { parseRtpPacket } from './rtp-packet.ts';
import { readSubscriptionOffer, subscriptionAnswer, type OfferedAudio } from './subscription-sdp.ts';

export interface SubscriptionSentinelOptions {
  readonly ng: NgClient;
  /** The agent-bound stream. */
  readonly stream: StreamAddress;
  /** The address of this host that rtpengine can send to; `port` 0 takes a free one. */
  readonly listen: { readonly address: string; readonly port: number };
  /** What the agent is given: 8 kHz linear samples, one packet (160 samples as a rule) a call, zeroed after it. */
  readonly onAudio: (samples: Int16Array) => void;
  /** A telephone-event packet reached the agent: a digit was heard. Once for each event, not for each packet. */
  readonly onTelephoneEvent: () => void;
  readonly logger: Logger;
}

export interface SubscriptionSentinel {
  /** Idempotent. The engine stops sending, and the socket is closed whether or not it answers. */
  close(): Promise<void>;
}

/**
 * Listens to a copy of what rtpengine gives the agent, with block and silence applied. Ask
 * `subscriptionSentinelAllowed` first: on an old engine a subscription can starve the agent's own stream.
 * Rejects with `sentinel_unsupported`, `sentinel_port`, or as `NgClient.command` does; nothing is then left behind.
 */
export async function subscribeSentinel(options: SubscriptionSentinelOptions): Promise<SubscriptionSentinel> {
  const { ng, stream, listen, logger } = options;
  const tag = `hushtone-sentinel-${randomBytes(9).toString('base64url')}`;
  const socket = await bind(listen);
  socket.on('error', (error) => logger.warn('sentinel socket', { error }));

  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    try {
      await unsubscribe(ng, stream.callId, tag);
    } catch (error) {
      // The call may be over, or the engine out of reach: the subscription ends with the call.
      if (!hasCode(error, 'rtpengine_unknown_call', 'rtpengine_unknown_tag')) {
        logger.warn('the sentinel could not be unsubscribed', { error });
      }
    } finally {
      await once(socket.close(), 'close');
    }
  };

  try {
    const { sdp } = await subscribeRequest(ng, stream, tag);
    const offer = readSubscriptionOffer(sdp);
    socket.on('message', receiver(offer, options));
    await subscribeAnswer(
      ng,
      stream.callId,
      tag,
      subscriptionAnswer(offer, listen.address, socket.address().port),
    );
  } catch (error) {
    await close();
    throw error;
  }
  return {
    close() {
      closing ??= close();
      return closing;
    },
  };
}

function receiver(
  offer: OfferedAudio,
  { onAudio, onTelephoneEvent }: SubscriptionSentinelOptions,
): (datagram: Buffer) => void {
  let lastEvent: string | undefined;
  return (datagram) => {
    const packet = parseRtpPacket(datagram);
    if (packet === undefined) return;
    const law = offer.g711.get(packet.payloadType);
    if (law !== undefined) {
      const samples = decodeG711(law, packet.payload);
      onAudio(samples);
      samples.fill(0); // what is heard here when masking fails is a key's tone
    }
    if (offer.telephoneEvents.has(packet.payloadType)) {
      // All packets of one event carry its start as their timestamp (RFC 4733, section 2.2.1).
      const event = `${packet.ssrc}/${packet.timestamp}`;
      if (event !== lastEvent) onTelephoneEvent();
      lastEvent = event;
    }
    datagram.fill(0);
  };
}

async function bind(listen: { readonly address: string; readonly port: number }): Promise<Socket> {
  const socket = createSocket(isIPv6(listen.address) ? 'udp6' : 'udp4');
  try {
    socket.bind(listen.port, listen.address);
    await once(socket, 'listening');
    return socket;
  } catch (error) {
    socket.close();
    throw new HushtoneError('sentinel_port', 'unavailable', 'the sentinel cannot open its port', {
      cause: error,
    });
  }
}
