/** RFC 6749 section 5.2; the last two, of section 4.1.2.1, are used where HTTP says the same. */
export type OAuthErrorCode =
  | 'invalid_request'
  | 'invalid_client'
  | 'unsupported_grant_type'
  | 'invalid_scope'
  | 'temporarily_unavailable'
  | 'server_error';

/** A refusal of the token endpoint. `message` is its `error_description`: it tells a stranger nothing of a client. */
export class OAuthError extends Error {
  readonly error: OAuthErrorCode;
  /** Seconds after which another attempt is worth while; set when the source is locked for so long. */
  readonly lockedSeconds?: number;

  constructor(error: OAuthErrorCode, description: string, lockedSeconds?: number) {
    super(description);
    this.name = 'OAuthError';
    this.error = error;
    if (lockedSeconds !== undefined) this.lockedSeconds = lockedSeconds;
  }
}
