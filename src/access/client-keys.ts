import { createHash, createPublicKey } from 'node:crypto';
import { HushtoneError } from '../kernel/errors.ts';

/** The algorithms that a client may sign assertions with (RFC 7518, RFC 8037). None is symmetric. */
export const ASSERTION_ALGORITHMS = ['EdDSA', 'ES256', 'PS256'] as const;

export type AssertionAlgorithm = (typeof ASSERTION_ALGORITHMS)[number];

/** One that signs, the next one, and some room. */
export const MOST_CLIENT_KEYS = 5;

/** NIST SP 800-131A: no RSA key below 2048 bits. Above 4096 a check costs too much. */
const RSA_BITS = { least: 2048, most: 4096 };

const KID = /^[A-Za-z0-9._~:-]{1,128}$/;

/** A client's public key (RFC 7517) with nothing in it that is not needed to check a signature. */
export interface ClientKey {
  readonly kid: string;
  readonly alg: AssertionAlgorithm;
  readonly kty: string;
  readonly crv?: string;
  readonly x?: string;
  readonly y?: string;
  readonly n?: string;
  readonly e?: string;
}

function refuse(index: number, what: string): never {
  throw new HushtoneError('client_keys_invalid', 'invalid', `key ${index + 1}: ${what}`);
}

const kindOf = (jwk: Record<string, unknown>): AssertionAlgorithm | undefined => {
  if (jwk['kty'] === 'OKP' && jwk['crv'] === 'Ed25519') return 'EdDSA';
  if (jwk['kty'] === 'EC' && jwk['crv'] === 'P-256') return 'ES256';
  if (jwk['kty'] === 'RSA') return 'PS256';
  return undefined;
};

/** The members that RFC 7638 section 3.2 takes the thumbprint of, in its order. */
const REQUIRED: Record<AssertionAlgorithm, readonly string[]> = {
  EdDSA: ['crv', 'kty', 'x'],
  ES256: ['crv', 'kty', 'x', 'y'],
  PS256: ['e', 'kty', 'n'],
};

function readClientKey(jwk: unknown, index: number): ClientKey {
  if (typeof jwk !== 'object' || jwk === null) refuse(index, 'is no JSON object');
  const members = jwk as Record<string, unknown>;
  // RFC 7517 section 4 and RFC 7518 section 6: `d`, `p`… are private, `k` is a shared secret.
  if (['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'].some((name) => Object.hasOwn(members, name))) {
    refuse(index, 'is not public; make a new pair and give its public half only');
  }
  const alg = kindOf(members);
  if (alg === undefined) refuse(index, 'is none of Ed25519, P-256, RSA');
  if (members['alg'] !== undefined && members['alg'] !== alg) refuse(index, `its alg must be ${alg}`);
  if (members['use'] !== undefined && members['use'] !== 'sig') refuse(index, 'its use must be sig');
  const needed = Object.fromEntries(REQUIRED[alg].map((name) => [name, members[name]]));
  let bits: number | undefined;
  try {
    bits = createPublicKey({ key: needed, format: 'jwk' }).asymmetricKeyDetails?.modulusLength;
  } catch {
    refuse(index, 'cannot be read');
  }
  if (alg === 'PS256' && !(bits !== undefined && bits >= RSA_BITS.least && bits <= RSA_BITS.most)) {
    refuse(index, `an RSA key has ${RSA_BITS.least} to ${RSA_BITS.most} bits`);
  }
  const kid = members['kid'] ?? createHash('sha256').update(JSON.stringify(needed)).digest('base64url');
  if (typeof kid !== 'string' || !KID.test(kid)) refuse(index, 'its kid is too long or has odd characters');
  return { kid, alg, ...needed } as ClientKey;
}

/**
 * Reads a JWK set, `{"keys": […]}`, of 0 to 5 public keys: Ed25519, P-256 or RSA. A key without a `kid` gets its
 * thumbprint (RFC 7638). Throws `client_keys_invalid`.
 */
export function readClientKeys(document: unknown): ClientKey[] {
  const keys = (document as { keys?: unknown } | null)?.keys;
  if (!Array.isArray(keys)) {
    throw new HushtoneError('client_keys_invalid', 'invalid', 'a JWK set is an object with the member keys');
  }
  if (keys.length > MOST_CLIENT_KEYS) {
    throw new HushtoneError(
      'client_keys_invalid',
      'invalid',
      `a client has at most ${MOST_CLIENT_KEYS} keys`,
    );
  }
  const read = keys.map(readClientKey);
  if (new Set(read.map(({ kid }) => kid)).size !== read.length) {
    throw new HushtoneError('client_keys_invalid', 'invalid', 'two keys have the same kid');
  }
  return read;
}
