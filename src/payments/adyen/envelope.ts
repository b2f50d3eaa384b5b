import type { KeyObject } from 'node:crypto';
import type { SecretBuffer } from '../../secrets/secret-buffer.ts';
import type { CardDetails } from '../contract.ts';
import { sealEnvelope, SecretDigits } from '../envelope-plaintext.ts';
import { ProviderError } from '../errors.ts';

/** Adyen's own header parameter beside those of RFC 7516. */
const HEADER = { alg: 'RSA-OAEP-256', enc: 'A256GCM', version: '1' } as const;

/** Cards expire in this century: an expiry is keyed as MMYY, and Adyen wants four digits of the year. */
const CENTURY = '20';

/**
 * `encryptedCard`: a compact JWE over `{number, expiryMonth, expiryYear, cvc, generationtime}`. Rejects with
 * `provider_invalid_request` when a value is malformed or there is no expiry, which Adyen always wants.
 */
export async function sealCard(card: CardDetails, key: KeyObject, generatedAt: Date): Promise<string> {
  const { cardNumber, expiry, securityCode } = card;
  if (expiry === undefined) throw new ProviderError('invalid_request', 'Adyen needs the expiry of a card');
  return await sealEnvelope(
    {
      number: new SecretDigits(cardNumber, { name: 'card_number', longest: 19 }),
      expiryMonth: new SecretDigits(expiry, { name: 'expiry', longest: 4, start: 0, end: 2 }),
      expiryYear: new SecretDigits(expiry, { name: 'expiry', longest: 4, start: 2, end: 4, before: CENTURY }),
      cvc: securityCode && securityCodeOf(securityCode),
      generationtime: generatedAt.toISOString(),
    },
    HEADER,
    key,
  );
}

/** `encryptedSecurityCode`, for a card that Adyen keeps: the same with the code alone. */
export async function sealSecurityCode(
  securityCode: SecretBuffer,
  key: KeyObject,
  generatedAt: Date,
): Promise<string> {
  const cvc = securityCodeOf(securityCode);
  return await sealEnvelope({ cvc, generationtime: generatedAt.toISOString() }, HEADER, key);
}

function securityCodeOf(securityCode: SecretBuffer): SecretDigits {
  return new SecretDigits(securityCode, { name: 'security_code', longest: 4 });
}
