import { CompactEncrypt, type CryptoKey } from 'jose';
import { SecretBuffer } from '../secrets/secret-buffer.ts';
import type { CardDetails } from './contract.ts';
import { ProviderError } from './errors.ts';

/** The members of the plaintext, in the order in which they are written, with the longest value of each. */
const MEMBERS = [
  { name: 'card_number', field: 'cardNumber', longest: 19 },
  { name: 'expiry', field: 'expiry', longest: 4 },
  { name: 'security_code', field: 'securityCode', longest: 4 },
  { name: 'postal_code', field: 'postalCode', longest: 16 },
] as const satisfies readonly { name: string; field: keyof CardDetails; longest: number }[];

/** All members at their longest need 170 bytes. */
const PLAINTEXT_BYTES = 256;

const QUOTE = 0x22;
const HEX = Buffer.from('0123456789ABCDEF', 'ascii');

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
  using plaintext = new SecretBuffer(PLAINTEXT_BYTES);
  writePlaintext(plaintext, card, options.pinBlock);
  // The view outlives the call of `use`, but not the await, and the memory is wiped only after that.
  return await plaintext.use((bytes) =>
    new CompactEncrypt(bytes)
      .setProtectedHeader({
        alg: 'RSA-OAEP-256',
        enc: 'A256GCM',
        kid: options.recipient.keyId,
        cty: 'json',
        iat: Math.floor(options.issuedAt.getTime() / 1000),
      })
      .encrypt(options.recipient.publicKey),
  );
}

function writePlaintext(
  plaintext: SecretBuffer,
  card: Partial<CardDetails>,
  pinBlock: Uint8Array | undefined,
): void {
  for (const { name, field, longest } of MEMBERS) {
    const value = card[field];
    if (value === undefined) continue;
    appendText(plaintext, `${plaintext.length === 0 ? '{' : ','}"${name}":"`);
    value.use((digits) => appendDigits(plaintext, digits, name, longest));
    plaintext.append(QUOTE);
  }
  if (pinBlock !== undefined) {
    appendText(plaintext, ',"pin_block":"');
    for (const byte of pinBlock) {
      plaintext.append(HEX[byte >> 4] ?? 0);
      plaintext.append(HEX[byte & 0x0f] ?? 0);
    }
    plaintext.append(QUOTE);
  }
  appendText(plaintext, '}');
}

/** Only digits pass, so that no value can close its JSON string. */
function appendDigits(plaintext: SecretBuffer, digits: Uint8Array, name: string, longest: number): void {
  if (digits.length === 0 || digits.length > longest) {
    throw new ProviderError('invalid_request', `${name} must have 1 to ${longest} digits`);
  }
  for (const byte of digits) {
    if (byte < 0x30 || byte > 0x39)
      throw new ProviderError('invalid_request', `${name} must be ASCII digits`);
    plaintext.append(byte);
  }
}

/** Public text only: names and punctuation. */
function appendText(plaintext: SecretBuffer, text: string): void {
  plaintext.appendBytes(Buffer.from(text, 'ascii'));
}
