import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { HushtoneError } from '../kernel/errors.ts';

/** RFC 8037: the public half of an Ed25519 key, as a JWKS (RFC 7517) shows it. */
export interface PublicSigningKey {
  readonly kty: 'OKP';
  readonly crv: 'Ed25519';
  readonly x: string;
  readonly kid: string;
  readonly alg: 'EdDSA';
  readonly use: 'sig';
}

/** The key that signs, and those that are trusted besides it. */
export interface KeyRing {
  readonly current: { readonly kid: string; readonly key: KeyObject };
  /** By `kid`; undefined for a key that is not trusted, or no longer. */
  publicKeyOf(kid: string): KeyObject | undefined;
  /** RFC 7517: what verifiers elsewhere need. */
  readonly jwks: { readonly keys: readonly PublicSigningKey[] };
}

function readKey(read: () => KeyObject): KeyObject {
  let key: KeyObject;
  try {
    key = read();
  } catch (cause) {
    throw new HushtoneError('token_key_invalid', 'internal', 'the token signing key is not a PEM key', {
      cause,
    });
  }
  if (key.asymmetricKeyType === 'ed25519') return key;
  throw new HushtoneError('token_key_invalid', 'internal', 'the token signing key must be an Ed25519 key');
}

/** Reads an Ed25519 private key (PKCS#8 PEM). Throws `token_key_invalid`. */
export function readSigningKey(pem: string): KeyObject {
  return readKey(() => createPrivateKey(pem));
}

/** Reads a key that only verifies: an Ed25519 public key (SPKI PEM), or a private one. Throws `token_key_invalid`. */
export function readVerificationKey(pem: string): KeyObject {
  return readKey(() => createPublicKey(pem));
}

/** RFC 7638 and RFC 8037 appendix A.3: the SHA-256 thumbprint of the required members in this order, base64url. */
function thumbprintOf(x: string): string {
  return createHash('sha256')
    .update(JSON.stringify({ crv: 'Ed25519', kty: 'OKP', x }))
    .digest('base64url');
}

export function publicSigningKeyOf(key: KeyObject): PublicSigningKey {
  const { x } = (key.type === 'private' ? createPublicKey(key) : key).export({ format: 'jwk' });
  if (x === undefined) throw new HushtoneError('token_key_invalid', 'internal', 'the key is no Ed25519 key');
  return { kty: 'OKP', crv: 'Ed25519', x, kid: thumbprintOf(x), alg: 'EdDSA', use: 'sig' };
}

/**
 * A ring of one signing key and any number that verify only. For a change without a gap the next key is first made
 * known to every instance as one that verifies, then signs, while the old one verifies until its last token has run
 * out.
 */
export function createKeyRing(signingKey: KeyObject, others: readonly KeyObject[] = []): KeyRing {
  const trusted = new Map<string, { shown: PublicSigningKey; key: KeyObject }>();
  for (const key of [signingKey, ...others]) {
    const shown = publicSigningKeyOf(key);
    trusted.set(shown.kid, { shown, key: key.type === 'private' ? createPublicKey(key) : key });
  }
  const { kid } = publicSigningKeyOf(signingKey);
  return {
    current: { kid, key: signingKey },
    publicKeyOf: (wanted) => trusted.get(wanted)?.key,
    jwks: { keys: [...trusted.values()].map(({ shown }) => shown) },
  };
}
