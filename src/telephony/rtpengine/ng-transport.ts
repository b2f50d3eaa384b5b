import type { BencodeValue } from './bencode.ts';

/** Carries frames (`cookie SP bencode`) to rtpengine and back. Two implementations: UDP and TCP. */
export interface NgTransport {
  /** Whether what is sent arrives, or the connection is seen to break. When not, the client sends again. */
  readonly reliable: boolean;
  /** Never throws. A frame that cannot be sent now is dropped: the client sends it again. */
  send(frame: Buffer): void;
  /** A command got no answer in its time. */
  unanswered(): void;
  /** Idempotent. */
  close(): Promise<void>;
}

/** What a transport tells its client. */
export interface NgTransportEvents {
  /** A whole message came, an answer or one that nobody asked for. */
  received(cookie: string, value: BencodeValue): void;
  /** What came under this cookie is no bencode. */
  unreadable(cookie: string): void;
  /** A connection stands; `again` when it is not the first. Frames without an answer must be sent again. */
  connected(again: boolean): void;
}

/** A cookie is a handful of characters: ours 24, rtpengine's notifications 16. */
export const LONGEST_COOKIE = 64;

const SPACE = 0x20;

/** Splits a frame. Undefined when it has no cookie. */
export function splitFrame(frame: Buffer): { cookie: string; bodyStart: number } | undefined {
  const space = frame.subarray(0, LONGEST_COOKIE + 1).indexOf(SPACE);
  return space < 1 ? undefined : { cookie: frame.toString('latin1', 0, space), bodyStart: space + 1 };
}
