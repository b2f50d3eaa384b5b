import type { Actor } from '../contract.ts';

/** What a voice platform is answered, in the words of its contract. */
export interface ConnectorAnswerBody {
  /** `pay_…`; null when nothing was charged. Of a charge only. */
  readonly charge_id?: string | null;
  /** The provider's own token for the card; null when none was made. Of a tokenization only. */
  readonly token_id?: string | null;
  /** Null when it was done. */
  readonly error_code: string | null;
  readonly error_message: string | null;
  readonly parameters: Readonly<Record<string, string>>;
}

/**
 * 200: it was done, or refused for certain. 400 and 422: the request is refused and nothing was sent. 409: another request
 * under the same `transaction_id` is still being worked on. 503: what became of it is not known, or nothing could be
 * done; the same request is to be sent again under the same `transaction_id`, which moves no money twice.
 */
export interface ConnectorAnswer {
  readonly status: 200 | 400 | 409 | 422 | 503;
  readonly body: ConnectorAnswerBody;
}

/** The gateway as a generic pay connector of other voice platforms. */
export interface ConnectorDesk {
  /**
   * Takes one request. Every piece of the body is wiped as soon as it was read, and nothing of it is ever a text but what
   * is public. Never rejects for what a request says; rejects as the database does before anything was sent.
   */
  take(actor: Actor, body: AsyncIterable<Uint8Array>): Promise<ConnectorAnswer>;
}
