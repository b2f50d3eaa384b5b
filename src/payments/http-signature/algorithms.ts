import {
  constants,
  createHmac,
  createPrivateKey,
  createSecretKey,
  sign as signBytes,
  type KeyObject,
} from 'node:crypto';
import { HushtoneError } from '../../kernel/errors.ts';

/** RFC 9421 section 6.2.2, those with keys that a payment provider gives out. */
export const SIGNATURE_ALGORITHMS = [
  'ed25519',
  'ecdsa-p256-sha256',
  'ecdsa-p384-sha384',
  'rsa-pss-sha512',
  'rsa-v1_5-sha256',
  'hmac-sha256',
] as const;
export type SignatureAlgorithm = (typeof SIGNATURE_ALGORITHMS)[number];

/** RFC 9421 section 3.3.1: salt as long as the digest. */
const SHA512_BYTES = 64;

/** PCI DSS wants strong cryptography: NIST SP 800-131A allows no shorter RSA key. */
const SHORTEST_RSA_BITS = 2048;
/** RFC 2104 section 3: a key shorter than the digest weakens the function. */
const SHORTEST_SECRET_BYTES = 32;

/** A key together with the only algorithm that it is used with (RFC 9421 section 7.3.6: never mix them). */
export interface SigningKey {
  readonly algorithm: SignatureAlgorithm;
  readonly key: KeyObject;
}

/**
 * Reads a key: PEM for the asymmetric algorithms, base64 for `hmac-sha256`. Throws `signing_key_invalid` when it is
 * malformed, of another algorithm or too short; the message never holds a byte of it.
 */
export function parseSigningKey(algorithm: SignatureAlgorithm, text: string): SigningKey {
  const key = algorithm === 'hmac-sha256' ? sharedSecret(text) : privateKey(text);
  if (!FITS[algorithm](key)) throw invalid(`the signing key is not one for ${algorithm}`);
  return { algorithm, key };
}

/** RFC 9421 section 3.3. */
export function signBase({ algorithm, key }: SigningKey, base: Uint8Array): Buffer {
  return SIGN[algorithm](key, base);
}

type Sign = (key: KeyObject, base: Uint8Array) => Buffer;

const SIGN: Readonly<Record<SignatureAlgorithm, Sign>> = {
  ed25519: (key, base) => signBytes(undefined, base, key),
  // Section 3.3.4: r and s side by side, not in DER.
  'ecdsa-p256-sha256': (key, base) => signBytes('sha256', base, { key, dsaEncoding: 'ieee-p1363' }),
  'ecdsa-p384-sha384': (key, base) => signBytes('sha384', base, { key, dsaEncoding: 'ieee-p1363' }),
  'rsa-pss-sha512': (key, base) =>
    signBytes('sha512', base, {
      key,
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength: SHA512_BYTES,
    }),
  'rsa-v1_5-sha256': (key, base) => signBytes('sha256', base, { key, padding: constants.RSA_PKCS1_PADDING }),
  'hmac-sha256': (key, base) => createHmac('sha256', key).update(base).digest(),
};

const modulusLength = (key: KeyObject): number => key.asymmetricKeyDetails?.modulusLength ?? 0;

const FITS: Readonly<Record<SignatureAlgorithm, (key: KeyObject) => boolean>> = {
  ed25519: (key) => key.asymmetricKeyType === 'ed25519',
  'ecdsa-p256-sha256': (key) => key.asymmetricKeyDetails?.namedCurve === 'prime256v1',
  'ecdsa-p384-sha384': (key) => key.asymmetricKeyDetails?.namedCurve === 'secp384r1',
  'rsa-pss-sha512': (key) => modulusLength(key) >= SHORTEST_RSA_BITS,
  'rsa-v1_5-sha256': (key) => key.asymmetricKeyType === 'rsa' && modulusLength(key) >= SHORTEST_RSA_BITS,
  'hmac-sha256': (key) => (key.symmetricKeySize ?? 0) >= SHORTEST_SECRET_BYTES,
};

function sharedSecret(text: string): KeyObject {
  const bytes = Buffer.from(text, 'base64');
  // Buffer.from skips what is not base64, so a passphrase would pass as a few bytes.
  if (bytes.toString('base64') !== text.trim())
    throw invalid('the signing key is not a shared secret in base64');
  return createSecretKey(bytes);
}

function privateKey(text: string): KeyObject {
  try {
    return createPrivateKey(text);
  } catch {
    // The cause may quote the key.
    throw invalid('the signing key is not a private key in PEM');
  }
}

function invalid(message: string): HushtoneError {
  return new HushtoneError('signing_key_invalid', 'invalid', message);
}
