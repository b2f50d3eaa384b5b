import { importJWK } from 'jose';
import type { EnvelopeRecipient } from '../envelope.ts';
import { readJsonObject } from '../transport/json.ts';
import type { TransportAnswer } from '../transport/transport.ts';

const KEY_ID = /^[\x21-\x7e]{1,128}$/;
const BASE64URL = /^[A-Za-z0-9_-]+$/;
const SHORTEST_MODULUS_BYTES = 256; // 2048 bits: NIST SP 800-131A

/**
 * The first key of a JSON Web Key Set (RFC 7517) that card details may be sealed to: RSA of at least 2048 bits for
 * encryption, with a `kid`. Undefined when there is none.
 */
export async function readRecipient(answer: TransportAnswer): Promise<EnvelopeRecipient | undefined> {
  const keys = readJsonObject(answer.body)?.['keys'];
  if (!Array.isArray(keys)) return undefined;
  for (const key of keys as unknown[]) {
    if (typeof key !== 'object' || key === null) continue;
    const { kty, use, alg, kid, n, e } = key as Record<string, unknown>;
    const fits =
      kty === 'RSA' && use === 'enc' && (alg === undefined || alg === 'RSA-OAEP-256') && isText(kid, KEY_ID);
    if (!fits || !isText(n, BASE64URL) || !isText(e, BASE64URL)) continue;
    if (Buffer.from(n, 'base64url').length < SHORTEST_MODULUS_BYTES) continue;
    const publicKey = await importJWK({ kty, n, e }, 'RSA-OAEP-256');
    if (!(publicKey instanceof Uint8Array)) return { keyId: kid, publicKey };
  }
  return undefined;
}

function isText(value: unknown, shape: RegExp): value is string {
  return typeof value === 'string' && shape.test(value);
}
