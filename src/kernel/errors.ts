/** What kind of failure it is; `http` maps each kind to one status code. */
export type ErrorKind =
  | 'invalid'
  | 'unauthenticated'
  | 'forbidden'
  | 'not_found'
  | 'conflict'
  | 'mismatch'
  | 'limited'
  | 'unavailable'
  | 'internal';

/**
 * The base of every error that Hushtone raises on purpose.
 *
 * `code` is stable snake_case and public. `message` is public too: it never holds a digit, a secret or SQL.
 * What went wrong underneath travels as `cause` and is never shown to a client.
 */
export class HushtoneError extends Error {
  readonly code: string;
  readonly kind: ErrorKind;

  constructor(code: string, kind: ErrorKind, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'HushtoneError';
    this.code = code;
    this.kind = kind;
  }
}
