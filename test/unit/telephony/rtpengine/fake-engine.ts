import { HushtoneError } from '../../../../src/kernel/errors.ts';
import {
  decodeBencode,
  encodeBencode,
  type BencodeInput,
} from '../../../../src/telephony/rtpengine/bencode.ts';
import { refusal, unreachable } from '../../../../src/telephony/rtpengine/ng-errors.ts';
import type { NgClient, NgMessage, NgReply } from '../../../../src/telephony/rtpengine/ng.ts';

export interface FakeTag {
  address?: string;
  created?: number;
  blocked?: boolean;
  silenced?: boolean;
  /** Listed without a partner, as an ended subscription is. */
  alone?: boolean;
}

/** What rtpengine does with the commands of a mask, without the daemon: the state is there to look at. */
export class FakeEngine implements NgClient {
  readonly calls = new Map<string, { created: number; tags: Map<string, FakeTag> }>();
  readonly sent: NgMessage[] = [];
  /** While false, commands are carried out or not as `carriesOut` says, but never answered. */
  answers = true;
  carriesOut = true;
  /** When set, the next command waits for it. */
  gate: Promise<void> | undefined;
  readonly #listeners = new Set<() => void>();

  addCall(callId: string, tags: Record<string, FakeTag>, created = 1): void {
    this.calls.set(callId, { created, tags: new Map(Object.entries(tags)) });
  }

  tag(callId: string, tag: string): FakeTag {
    const found = this.calls.get(callId)?.tags.get(tag);
    if (found === undefined) throw new Error('the test asks for a tag that is not there');
    return found;
  }

  commands(): string[] {
    return this.sent.map(({ command }) => command);
  }

  async command(message: NgMessage): Promise<NgReply> {
    this.sent.push(message);
    const gate = this.gate;
    this.gate = undefined;
    await gate;
    if (!this.answers && !this.carriesOut) throw unreachable(message.command);
    const reply = this.#carryOut(message);
    if (!this.answers) throw unreachable(message.command);
    return decodeBencode(encodeBencode(reply)) as NgReply;
  }

  onReconnect(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  reconnect(): void {
    for (const listener of this.#listeners) listener();
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  async close(): Promise<void> {}

  #carryOut(message: NgMessage): BencodeInput {
    if (message.command === 'ping') return { result: 'pong' };
    const call = this.calls.get(message['call-id'] as string);
    if (call === undefined) throw refusal(message.command, 'Unknown call-ID');
    if (message.command === 'query') return queryReply(call);
    const flags = message['flags'];
    if (!Array.isArray(flags) || !flags.includes('directional')) {
      throw new HushtoneError('test', 'internal', 'a command without the flag directional');
    }
    const tag = call.tags.get(Buffer.from(message['from-tag'] as Uint8Array).toString('latin1'));
    if (tag === undefined) throw refusal(message.command, 'From-tag given, but no such tag exists');
    if (message.command === 'block DTMF') {
      if (message['DTMF-security'] !== 'drop')
        throw new HushtoneError('test', 'internal', 'not the mode drop');
      tag.blocked = true;
    } else if (message.command === 'unblock DTMF') tag.blocked = false;
    else if (message.command === 'silence media') tag.silenced = true;
    else if (message.command === 'unsilence media') tag.silenced = false;
    else throw refusal(message.command, 'Unrecognized command');
    return { result: 'ok' };
  }
}

function queryReply(call: { created: number; tags: Map<string, FakeTag> }): BencodeInput {
  const tags: Record<string, BencodeInput> = {};
  for (const [name, { address, created = 1, alone }] of call.tags) {
    const partners = alone === true ? [] : [{ tag: 'other', type: 'offer/answer' }];
    tags[name] = {
      tag: Buffer.from(name, 'latin1'),
      created,
      subscriptions: partners,
      subscribers: partners,
      medias: [
        {
          type: 'audio',
          streams: [{ endpoint: address === undefined ? {} : { family: 'IPv4', address, port: 4000 } }],
        },
      ],
    };
  }
  return { created: call.created, created_us: 5, tags, result: 'ok' };
}
