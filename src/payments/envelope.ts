import type { CryptoKey } from 'jose';
import type { CardDetails } from './contract.ts';
import { sealEnvelope, SecretDigits } from './envelope-plaintext.ts';

/** The members of the plaintext, in the order in which they are written, with the longest value of each. */
const MEMBERS = [
  { name: 'card_number', field: 'cardNumber', longest: 19 },
  { name: 'expiry', field: 'expiry', longest: 4 },
  { name: 'security_code', field: 'securityCode', longest: 4 },
  { name: 'postal_code', field: 'postalCode', longest: 16 },
] as const satisfies readonly { name: string; field: keyof CardDetails; longest: number }[];

/** Who can open the envelope: the provider's RSA public key and the name it was published under. */
export interface EnvelopeRecipient {
  readonly keyId: string;
  readonly publicKey: CryptoKey;
}

export interface SealOptions {
  readonly recipient: EnvelopeRecipient;
  /** When it is sealed: `iat` in the protected header, seconds, so that a provider can refuse an old envelope. */
  readonly issuedAt: Date;
  /** The enciphered ISO 9564-1 block. `card.pin` itself is never read here. */
  readonly pinBlock?: Uint8Array;
}

/**
 * Seals card details as a compact JWE (RFC 7516): RSA-OAEP-256, A256GCM, `{alg, enc, kid, cty: "json", iat}`.
 *
 * The plaintext is
 * `{"card_number":"…","expiry":"MMYY","security_code":"…","postal_code":"…","pin_block":"<32 upper-case hex>"}`,
 * without the members that are absent. It is put together byte by byte in secret memory: no string ever holds a digit,
 * and it is wiped in every outcome. Beside a token that the provider keeps, the security code goes alone. Rejects with
 * `provider_invalid_request` when a value is not ASCII digits, is empty or is too long; nothing is sent then.
 */
export async function sealCardDetails(card: Partial<CardDetails>, options: SealOptions): Promise<string> {
  const { recipient, issuedAt, pinBlock } = options;
  const members = MEMBERS.map(({ name, field, longest }) => {
    const value = card[field];
    return [name, value && new SecretDigits(value, { name, longest })] as const;
  });
  return await sealEnvelope(
    {
      ...Object.fromEntries(members),
      // Enciphered, so it is no secret.
      pin_block: pinBlock && Buffer.from(pinBlock).toString('hex').toUpperCase(),
    },
    {
      alg: 'RSA-OAEP-256',
      enc: 'A256GCM',
      kid: recipient.keyId,
      cty: 'json',
      iat: Math.floor(issuedAt.getTime() / 1000),
    },
    recipient.publicKey,
  );
}
