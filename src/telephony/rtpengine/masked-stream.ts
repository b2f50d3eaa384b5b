import type { QueriedCall, QueriedTag, StreamAddress } from './commands.ts';

/** One masked stream, and when the engine says that its call and its tag came to be. */
export interface MaskedStream extends StreamAddress {
  /** Undefined for what an earlier process masked. */
  readonly born: string | undefined;
}

export function sameStream(one: StreamAddress, other: StreamAddress): boolean {
  return one.callId === other.callId && one.tag === other.tag;
}

export function bornOf(call: QueriedCall, tag: QueriedTag): string {
  return `${call.created}/${tag.created}`;
}

export function tagOf(call: QueriedCall, stream: MaskedStream): QueriedTag | undefined {
  return call.tags.find(({ tag }) => tag === stream.tag);
}

export function stands(call: QueriedCall, stream: MaskedStream): boolean {
  const tag = tagOf(call, stream);
  return tag !== undefined && (stream.born === undefined || bornOf(call, tag) === stream.born);
}
