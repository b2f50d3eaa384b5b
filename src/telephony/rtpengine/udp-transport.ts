import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import type { Logger } from '../../kernel/logger.ts';
import { decodeBencode, type BencodeValue } from './bencode.ts';
import { splitFrame, type NgTransport, type NgTransportEvents } from './ng-transport.ts';

/** ng over UDP (`--listen-ng`): one frame a datagram. */
export function createUdpTransport(
  peer: { readonly host: string; readonly port: number },
  events: NgTransportEvents,
  logger: Logger,
): NgTransport {
  const socket = createSocket(isIPv6(peer.host) ? 'udp6' : 'udp4');
  let closed: Promise<void> | undefined;

  socket.on('message', (datagram) => {
    const frame = splitFrame(datagram);
    if (frame === undefined) return;
    let value: BencodeValue;
    try {
      value = decodeBencode(datagram.subarray(frame.bodyStart));
    } catch (error) {
      logger.warn('a datagram from rtpengine is not an ng message', { error });
      events.unreadable(frame.cookie);
      return;
    }
    events.received(frame.cookie, value);
  });
  // An ICMP "port unreachable" or a failed name look-up: the client sends again until its time is up.
  socket.on('error', (error) => logger.debug('rtpengine control socket', { error }));

  return {
    reliable: false,
    send(frame) {
      if (closed !== undefined) return;
      socket.send(frame, peer.port, peer.host, (error) => {
        if (error !== null) logger.debug('rtpengine control socket', { error });
      });
    },
    unanswered() {},
    close() {
      closed ??= once(socket.close(), 'close').then(() => undefined);
      return closed;
    },
  };
}
