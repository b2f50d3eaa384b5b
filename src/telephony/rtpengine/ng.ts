import type { BencodeDictionary, BencodeInput } from './bencode.ts';

/** One request of the ng protocol, without its cookie. Keys as rtpengine's `ng_control_protocol.md` spells them. */
export interface NgMessage {
  readonly command: string;
  readonly [key: string]: BencodeInput | undefined;
}

/** A reply whose `result` is not `error`. */
export type NgReply = BencodeDictionary;

export interface NgCommandOptions {
  /** How long this command may take. Default: the client's. */
  readonly timeoutMs?: number;
}

/** The control connection to one rtpengine. */
export interface NgClient {
  /**
   * Sends one command and resolves with its reply.
   * Rejects with `rtpengine_unreachable` (no answer in time; it may have been carried out all the same),
   * `rtpengine_unknown_call`, `rtpengine_unknown_tag`, or `rtpengine_refused` (any other error answer).
   */
  command(message: NgMessage, options?: NgCommandOptions): Promise<NgReply>;
  /**
   * Called when a lost connection stands again: the daemon may be a new one. Never over UDP, which has none.
   * Returns the way to stop.
   */
  onReconnect(listener: () => void): () => void;
  /** Idempotent. What is still under way rejects with `rtpengine_unreachable`. */
  close(): Promise<void>;
}
