import { HushtoneError } from '../../kernel/errors.ts';
import { bencodeText, isBencodeDictionary, type BencodeDictionary, type BencodeValue } from './bencode.ts';
import type { NgClient, NgCommandOptions, NgReply } from './ng.ts';

/**
 * The ng commands that Hushtone sends, typed. Every one rejects as `NgClient.command` does.
 *
 * The only DTMF mode here is `drop`: rtpengine takes a misspelt mode without complaint, and the other modes let
 * events or their tones through on some engines.
 */

/** One direction of one call: the stream that comes from the participant `tag`. */
export interface StreamAddress {
  readonly callId: string;
  /** The tag's bytes as Latin-1, so that any tag goes back as it came. */
  readonly tag: string;
}

export interface QueriedStream {
  /** Where the participant's media comes from; undefined until it is known. */
  readonly address: string | undefined;
}

export interface QueriedTag {
  readonly tag: string;
  /** Seconds since 1970; differs when the participant was created anew. */
  readonly created: string;
  /**
   * Whether somebody is talked with. Not so for what a `subscribe request` made: it stays listed, with its address,
   * even after `unsubscribe`.
   */
  readonly conversing: boolean;
  /** Its audio streams, RTP and RTCP. */
  readonly streams: readonly QueriedStream[];
}

export interface QueriedCall {
  /** Differs when the engine lost the call and was told of it anew. */
  readonly created: string;
  readonly tags: readonly QueriedTag[];
}

export async function ping(ng: NgClient, options?: NgCommandOptions): Promise<void> {
  const reply = await ng.command({ command: 'ping' }, options);
  if (bencodeText(reply.get('result')) !== 'pong') throw unexpected('ping');
}

/**
 * The call as the engine holds it. Which of its streams are blocked is **not** in the answer. A call that was deleted
 * is still listed, and still relayed and blocked, for the engine's delete delay (30 s unless configured).
 */
export async function query(ng: NgClient, callId: string): Promise<QueriedCall> {
  const reply = await ng.command({ command: 'query', 'call-id': callId });
  const tags = reply.get('tags');
  if (!isBencodeDictionary(tags)) throw unexpected('query');
  return {
    created: `${scalar(reply.get('created'))}.${scalar(reply.get('created_us'))}`,
    tags: [...tags.values()].filter(isBencodeDictionary).map(queriedTag),
  };
}

/** No telephone-event packet of this stream is passed on. Events of a payload type outside the SDP still are. */
export async function blockDtmf(ng: NgClient, stream: StreamAddress): Promise<void> {
  await directional(ng, 'block DTMF', stream, { 'DTMF-security': 'drop' });
}

export async function unblockDtmf(ng: NgClient, stream: StreamAddress): Promise<void> {
  await directional(ng, 'unblock DTMF', stream);
}

/** Every audio packet of this stream (G.711 and G.722 only) is passed on as silence. Telephone-events still pass. */
export async function silenceMedia(ng: NgClient, stream: StreamAddress): Promise<void> {
  await directional(ng, 'silence media', stream);
}

export async function unsilenceMedia(ng: NgClient, stream: StreamAddress): Promise<void> {
  await directional(ng, 'unsilence media', stream);
}

/** Asks for a copy of a stream. Resolves with the engine's sendonly offer. */
export async function subscribeRequest(
  ng: NgClient,
  stream: StreamAddress,
  subscriberTag: string,
): Promise<{ readonly sdp: string }> {
  const reply = await ng.command({
    command: 'subscribe request',
    'call-id': stream.callId,
    'from-tag': tagBytes(stream.tag),
    'to-tag': subscriberTag,
    flags: ['directional'],
  });
  const sdp = bencodeText(reply.get('sdp'));
  if (sdp === undefined) throw unexpected('subscribe request');
  return { sdp };
}

export async function subscribeAnswer(
  ng: NgClient,
  callId: string,
  subscriberTag: string,
  sdp: string,
): Promise<void> {
  await ok(ng, 'subscribe answer', { 'call-id': callId, 'to-tag': subscriberTag, sdp });
}

export async function unsubscribe(ng: NgClient, callId: string, subscriberTag: string): Promise<void> {
  await ok(ng, 'unsubscribe', { 'call-id': callId, 'to-tag': subscriberTag });
}

/** Without the flag `directional` newer engines ignore the tag and act on the whole call. */
async function directional(
  ng: NgClient,
  command: string,
  stream: StreamAddress,
  more: Readonly<Record<string, string>> = {},
): Promise<void> {
  const target = { 'call-id': stream.callId, 'from-tag': tagBytes(stream.tag), flags: ['directional'] };
  await ok(ng, command, { ...target, ...more });
}

async function ok(
  ng: NgClient,
  command: string,
  message: Readonly<Record<string, string | Uint8Array | readonly string[]>>,
): Promise<NgReply> {
  const reply = await ng.command({ command, ...message });
  if (bencodeText(reply.get('result')) !== 'ok') throw unexpected(command);
  return reply;
}

function queriedTag(tag: BencodeDictionary): QueriedTag {
  const medias = list(tag.get('medias'));
  const partners = ['subscriptions', 'subscribers'].map((key) => tag.get(key));
  // Before 10.0 there were no subscriptions, nor these lists.
  const listed = partners.some((list) => list !== undefined);
  return {
    tag: bencodeText(tag.get('tag')) ?? '',
    created: scalar(tag.get('created')),
    conversing:
      !listed ||
      partners.flatMap(list).some((partner) => bencodeText(partner.get('type')) === 'offer/answer'),
    streams: medias
      .filter((media) => bencodeText(media.get('type')) === 'audio')
      .flatMap((media) => list(media.get('streams')))
      .map((stream) => {
        const endpoint = stream.get('endpoint');
        return { address: isBencodeDictionary(endpoint) ? bencodeText(endpoint.get('address')) : undefined };
      }),
  };
}

function tagBytes(tag: string): Buffer {
  return Buffer.from(tag, 'latin1');
}

function list(value: BencodeValue | undefined): BencodeDictionary[] {
  return Array.isArray(value) ? value.filter(isBencodeDictionary) : [];
}

function scalar(value: BencodeValue | undefined): string {
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  return bencodeText(value) ?? '';
}

function unexpected(command: string): HushtoneError {
  return new HushtoneError(
    'rtpengine_refused',
    'unavailable',
    `rtpengine's answer to '${command}' is not understood`,
  );
}
