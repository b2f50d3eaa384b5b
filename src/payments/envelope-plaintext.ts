import { CompactEncrypt, type CompactJWEHeaderParameters, type CryptoKey } from 'jose';
import type { KeyObject } from 'node:crypto';
import { HushtoneError } from '../kernel/errors.ts';
import { SecretBuffer } from '../secrets/secret-buffer.ts';
import { ProviderError } from './errors.ts';

/** More than any digits of a card. */
const ANY_DIGITS = '0'.repeat(32);

const QUOTE = 0x22;
const ASCII_ZERO = 0x30;
const ASCII_NINE = 0x39;

export interface SecretDigitsOptions {
  /** In messages. */
  readonly name: string;
  readonly longest: number;
  /** Only these of them, as of `subarray`. */
  readonly start?: number;
  readonly end?: number;
  /** Public digits that are written before them: the century of a year. */
  readonly before?: string;
}

/** Digits in secret memory, or some of them, as a member of an envelope. */
export class SecretDigits {
  readonly #secret: SecretBuffer;
  readonly #options: SecretDigitsOptions;

  constructor(secret: SecretBuffer, options: SecretDigitsOptions) {
    this.#secret = secret;
    this.#options = options;
  }

  /** Only digits pass, so that no value can close its JSON string. Throws `provider_invalid_request`. */
  appendTo(plaintext: SecretBuffer): void {
    const { name, longest, start = 0, end, before } = this.#options;
    this.#secret.use((whole) => {
      const bytes = whole.subarray(start, end);
      const expected = end === undefined ? undefined : end - start;
      if (
        bytes.length === 0 ||
        whole.length > longest ||
        (expected !== undefined && bytes.length !== expected)
      ) {
        throw new ProviderError('invalid_request', `${name} must have 1 to ${longest} digits`);
      }
      if (!bytes.every((byte) => byte >= ASCII_ZERO && byte <= ASCII_NINE)) {
        throw new ProviderError('invalid_request', `${name} must be ASCII digits`);
      }
      if (before !== undefined) appendText(plaintext, before);
      plaintext.appendBytes(bytes);
    });
  }
}

/** A JSON object whose secret members are digits; members that are undefined are left out. */
export interface EnvelopeObject {
  readonly [member: string]: EnvelopeValue | undefined;
}
export type EnvelopeValue = string | number | boolean | SecretDigits | EnvelopeObject;

/**
 * Seals an object as a compact JWE (RFC 7516).
 *
 * The plaintext is put together byte by byte in secret memory: no string ever holds a secret digit, and it is wiped in
 * every outcome. Rejects with `provider_invalid_request` when a secret is not ASCII digits, is empty, too long or wiped,
 * or when there is too much beside it; with `provider_unavailable` when there is no secret memory left.
 */
export async function sealEnvelope(
  object: EnvelopeObject,
  header: CompactJWEHeaderParameters,
  publicKey: CryptoKey | KeyObject,
): Promise<string> {
  using plaintext = memoryFor(object);
  try {
    appendObject(plaintext, object);
  } catch (error) {
    if (error instanceof ProviderError) throw error;
    throw new ProviderError('invalid_request', 'the card details cannot be sealed', { cause: error });
  }
  // The view outlives the call of `use`, but not the await, and the memory is wiped only after that.
  return await plaintext.use((bytes) =>
    new CompactEncrypt(bytes).setProtectedHeader(header).encrypt(publicKey),
  );
}

/** As much as is needed: secret memory is scarce. */
function memoryFor(object: EnvelopeObject): SecretBuffer {
  const longest = JSON.stringify(object, (_name, value: unknown) =>
    value instanceof SecretDigits ? ANY_DIGITS : value,
  );
  try {
    return new SecretBuffer(Buffer.byteLength(longest));
  } catch (error) {
    throw error instanceof HushtoneError && error.code === 'secret_capacity'
      ? new ProviderError('invalid_request', 'there is too much to be sealed', { cause: error })
      : new ProviderError('unavailable', 'there is no memory to seal card details in', { cause: error });
  }
}

function appendObject(plaintext: SecretBuffer, object: EnvelopeObject): void {
  let separator = '{';
  for (const [name, value] of Object.entries(object)) {
    if (value === undefined) continue;
    appendText(plaintext, `${separator}${JSON.stringify(name)}:`);
    appendValue(plaintext, value);
    separator = ',';
  }
  appendText(plaintext, separator === '{' ? '{}' : '}');
}

function appendValue(plaintext: SecretBuffer, value: EnvelopeValue): void {
  if (value instanceof SecretDigits) {
    plaintext.append(QUOTE);
    value.appendTo(plaintext);
    plaintext.append(QUOTE);
  } else if (typeof value === 'object') {
    appendObject(plaintext, value);
  } else {
    appendText(plaintext, JSON.stringify(value));
  }
}

/** Public text only: names, punctuation and values that are no secret. */
function appendText(plaintext: SecretBuffer, text: string): void {
  plaintext.appendBytes(Buffer.from(text, 'utf8'));
}
