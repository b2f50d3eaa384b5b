import { createHash, timingSafeEqual } from 'node:crypto';

/** RFC 8705 section 3.1: the member of `cnf` that names the client's certificate. */
export const THUMBPRINT_MEMBER = 'x5t#S256';

/** What the caller has shown besides the token. */
export interface Presented {
  /** `thumbprintOf` the certificate that the TLS client has proved to hold the key of. */
  readonly certificateThumbprint?: string | undefined;
}

/** RFC 8705 section 3.1: the SHA-256 of the DER certificate, base64url. */
export function thumbprintOf(certificate: Uint8Array): string {
  return createHash('sha256').update(certificate).digest('base64url');
}

/**
 * May a token with this `cnf` claim be used by whoever has shown `presented`? A token without one may; one that is
 * bound in a way that is not known here may not.
 */
export function isBoundTo(confirmation: unknown, presented: Presented): boolean {
  if (confirmation === undefined) return true;
  if (typeof confirmation !== 'object' || confirmation === null) return false;
  const methods = Object.keys(confirmation);
  const wanted = (confirmation as Record<string, unknown>)[THUMBPRINT_MEMBER];
  if (methods.length !== 1 || typeof wanted !== 'string') return false;
  const shown = presented.certificateThumbprint;
  if (shown === undefined) return false;
  const [left, right] = [Buffer.from(wanted), Buffer.from(shown)];
  return left.length === right.length && timingSafeEqual(left, right);
}
