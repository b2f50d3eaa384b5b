import { isIPv4 } from 'node:net';
import { TELEPHONE_EVENT_PAYLOAD_TYPE } from '../media-unit.ts';

export interface MediaAddress {
  readonly host: string;
  readonly port: number;
}

export type MediaDirection = 'sendrecv' | 'sendonly' | 'recvonly';

/** A session description of G.711 mu-law with telephone-events (RFC 3264, RFC 4733 § 2.4). */
export function writeSdp(
  address: MediaAddress,
  version: number,
  direction: MediaDirection = 'sendrecv',
): string {
  return [
    'v=0',
    `o=- 1 ${version} IN IP4 ${address.host}`,
    's=-',
    `c=IN IP4 ${address.host}`,
    't=0 0',
    `m=audio ${address.port} RTP/AVP 0 ${TELEPHONE_EVENT_PAYLOAD_TYPE}`,
    'a=rtpmap:0 PCMU/8000',
    `a=rtpmap:${TELEPHONE_EVENT_PAYLOAD_TYPE} telephone-event/8000`,
    `a=fmtp:${TELEPHONE_EVENT_PAYLOAD_TYPE} 0-15`,
    'a=ptime:20',
    `a=${direction}`,
    '',
  ].join('\r\n');
}

/** Where the other side wants its audio. Throws when the description has no audio over IPv4. */
export function readMediaAddress(sdp: string): MediaAddress {
  const audio = /^m=audio (?<port>\d+) RTP\/AVP [\d ]+\r?$/m.exec(sdp);
  const connections = [...sdp.matchAll(/^c=IN IP4 (?<host>[\d.]+)\r?$/gm)];
  // A connection line of the media section stands last and wins over the session's (RFC 8866 § 5.7).
  const host = connections.at(-1)?.groups?.['host'];
  const port = Number(audio?.groups?.['port'] ?? 0);
  if (host === undefined || !isIPv4(host) || port < 1 || port > 65_535) {
    throw new Error('the session description has no audio over IPv4');
  }
  return { host, port };
}
