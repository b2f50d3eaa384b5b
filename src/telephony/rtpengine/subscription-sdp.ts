import { HushtoneError } from '../../kernel/errors.ts';
import type { G711Law } from './g711.ts';

/** What each payload type of an offered stream carries. */
export interface OfferedAudio {
  readonly g711: ReadonlyMap<number, G711Law>;
  readonly telephoneEvents: ReadonlySet<number>;
  /** The `m=` line's payload types and the `a=rtpmap`/`a=fmtp` lines, as offered. */
  readonly formats: readonly string[];
  readonly attributes: readonly string[];
}

/**
 * Reads the sendonly offer (RFC 4566) of a `subscribe request`. Throws `sentinel_unsupported` when it is not one
 * RTP/AVP audio stream with G.711.
 */
export function readSubscriptionOffer(sdp: string): OfferedAudio {
  const lines = sdp.split(/\r?\n/);
  const media = lines.filter((line) => line.startsWith('m='));
  const audio = /^m=audio \d+ RTP\/AVP(?<formats>(?: \d{1,3})+)$/.exec(media[0] ?? '');
  if (media.length !== 1 || audio === null) throw unsupported('not one audio stream of plain RTP');
  const formats = (audio.groups?.['formats'] ?? '').trim().split(' ');
  const attributes = lines.filter((line) => /^a=(?:rtpmap|fmtp):\d{1,3} /.test(line));

  // Static payload types (RFC 3551, table 4) need no rtpmap.
  const g711 = new Map<number, G711Law>();
  if (formats.includes('0')) g711.set(0, 'PCMU');
  if (formats.includes('8')) g711.set(8, 'PCMA');
  const telephoneEvents = new Set<number>();
  for (const line of attributes) {
    const map = /^a=rtpmap:(?<type>\d{1,3}) (?<name>[\w.-]+)\/8000/.exec(line);
    const name = map?.groups?.['name']?.toUpperCase();
    const type = Number(map?.groups?.['type']);
    if (name === 'PCMU' || name === 'PCMA') g711.set(type, name);
    if (/^a=rtpmap:\d{1,3} telephone-event\//i.test(line)) telephoneEvents.add(Number(/\d+/.exec(line)?.[0]));
  }
  if (g711.size === 0) throw unsupported('no G.711');
  return { g711, telephoneEvents, formats, attributes };
}

/**
 * A recvonly answer that accepts every offered format: the engine refuses an answer that leaves one out, and without
 * telephone-event the sentinel would not be given the events that it is there to find.
 */
export function subscriptionAnswer(offer: OfferedAudio, address: string, port: number): string {
  const family = address.includes(':') ? 'IP6' : 'IP4';
  const lines = [
    'v=0',
    `o=- 0 0 IN ${family} ${address}`,
    's=-',
    `c=IN ${family} ${address}`,
    't=0 0',
    `m=audio ${port} RTP/AVP ${offer.formats.join(' ')}`,
    ...offer.attributes,
    'a=recvonly',
  ];
  return `${lines.join('\r\n')}\r\n`;
}

function unsupported(what: string): HushtoneError {
  return new HushtoneError('sentinel_unsupported', 'unavailable', `the sentinel cannot listen: ${what}`);
}
