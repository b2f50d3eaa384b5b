import type { KeyObject } from 'node:crypto';
import { parseEnvelopeKey } from '../envelope-key.ts';

/** `10001|9699D5…`: how the Customer Area shows the key, exponent and modulus in hexadecimal digits. */
const EXPONENT_AND_MODULUS = /^([0-9A-Fa-f]{1,16})\|([0-9A-Fa-f]{256,2048})$/;

/**
 * The public key of a merchant account: as the Customer Area shows it, as PEM (of the certificate that is downloaded
 * there, or of the key) or as a JWK. Throws `provider_configuration`.
 */
export function parseEncryptionKey(source: string | Readonly<Record<string, unknown>>): KeyObject {
  const shown = typeof source === 'string' ? EXPONENT_AND_MODULUS.exec(source.trim()) : null;
  if (shown === null) return parseEnvelopeKey(source);
  const [, exponent = '', modulus = ''] = shown;
  return parseEnvelopeKey({ kty: 'RSA', e: base64url(exponent), n: base64url(modulus) });
}

function base64url(hex: string): string {
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex').toString('base64url');
}
