import { createPublicKey, X509Certificate, type JsonWebKey, type KeyObject } from 'node:crypto';
import { HushtoneError } from '../kernel/errors.ts';

/** NIST SP 800-131A. */
const SHORTEST_BITS = 2048;

/**
 * The RSA public key that card details are sealed to: PEM of a key or of an X.509 certificate, or a JSON Web Key
 * (RFC 7517). Throws `provider_configuration` with what is wrong.
 */
export function parseEnvelopeKey(source: string | Readonly<Record<string, unknown>>): KeyObject {
  const key = read(source);
  if (key === undefined || key.type !== 'public' || key.asymmetricKeyType !== 'rsa') {
    throw refused('the encryption key is no RSA public key in PEM or as a JWK');
  }
  if ((key.asymmetricKeyDetails?.modulusLength ?? 0) < SHORTEST_BITS) {
    throw refused(`the encryption key is shorter than ${SHORTEST_BITS} bits`);
  }
  return key;
}

function read(source: string | Readonly<Record<string, unknown>>): KeyObject | undefined {
  try {
    if (typeof source !== 'string') {
      // A private key would pass for its public half; whoever pastes one should learn of it.
      return 'd' in source ? undefined : createPublicKey({ key: source as JsonWebKey, format: 'jwk' });
    }
    if (source.includes('PRIVATE KEY')) return undefined;
    return source.includes('BEGIN CERTIFICATE')
      ? new X509Certificate(source).publicKey
      : createPublicKey(source);
  } catch {
    return undefined;
  }
}

function refused(message: string): HushtoneError {
  return new HushtoneError('provider_configuration', 'invalid', message);
}
