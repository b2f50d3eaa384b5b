import { createHash, timingSafeEqual } from 'node:crypto';
import type { Secret } from '../../secrets/secret.ts';

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/**
 * Checks an `Authorization` header against the one user of the websocket (RFC 7617). Both sides are hashed first, so
 * that the comparison takes the same time whatever the length or the first wrong character.
 */
export function createBasicAuth(
  username: string,
  password: Secret,
): (authorization: string | undefined) => boolean {
  const wanted = digest(Buffer.from(`${username}:${password.reveal()}`).toString('base64'));
  return (authorization) => {
    const match = /^basic +([A-Za-z0-9+/=]+)$/i.exec(authorization ?? '');
    return timingSafeEqual(wanted, digest(match?.[1] ?? ''));
  };
}
