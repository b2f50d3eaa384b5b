import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { isSupportedCountry, parsePhoneNumberFromString, type CountryCode } from 'libphonenumber-js';
import { HushtoneError } from '../kernel/errors.ts';
import type { Secret } from '../secrets/secret.ts';

/** The first byte of a sealed number: AES-256-GCM, then 12 bytes of nonce, 16 of tag, and the number in UTF-8. */
const VERSION = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEADER_BYTES = 1 + NONCE_BYTES + TAG_BYTES;
const KEY_BYTES = 32;
/** A SIP user name may stand in for a number; what is longer is none that anybody dials. */
const LONGEST_NUMBER = 255;
const SHOWN_DIGITS = 4;
/** What stands for a number that this key cannot open. */
export const UNREADABLE = '';

/** The row that a number belongs to: it cannot be read as that of another. */
export interface NumberOwner {
  readonly accountId: string;
  readonly callId: string;
}

/** Callers' telephone numbers as the database has them: sealed, and found again by equality only. */
export interface Numbers {
  /** E.164 where the text is a telephone number, the text itself where it is not. */
  normalize(text: string): string;
  seal(number: string, owner: NumberOwner): Buffer;
  /** Undefined when it was sealed with another key, for another row, or was changed. */
  open(sealed: Buffer, owner: NumberOwner): string | undefined;
  /** Equal for equal numbers of one account, and for nobody else. */
  index(number: string, accountId: string): Buffer;
}

export interface NumbersOptions {
  /** 32 bytes, in hexadecimal or base64. */
  readonly key: Secret;
  /** ISO 3166-1 country of numbers that are written without a country code. */
  readonly country?: string;
}

/** The key's bytes. Throws `numbers_key_invalid`. */
function readKey(key: Secret): Buffer {
  const text = key.reveal();
  const bytes = Buffer.from(text, /^[0-9a-fA-F]{64}$/.test(text) ? 'hex' : 'base64');
  if (bytes.length === KEY_BYTES) return bytes;
  throw new HushtoneError('numbers_key_invalid', 'internal', 'the key for telephone numbers is not 32 bytes');
}

/** RFC 5869: one key for each use. */
function derive(key: Buffer, use: string): Buffer {
  return Buffer.from(hkdfSync('sha256', key, '', `hushtone numbers ${use} v${VERSION}`, KEY_BYTES));
}

/** No part can run over into the next: none of them holds the separator. */
function bind(use: string, ...parts: string[]): Buffer {
  return Buffer.from([use, ...parts].join('\0'));
}

function readCountry(country: string): CountryCode {
  if (isSupportedCountry(country)) return country;
  throw new HushtoneError('numbers_country_unknown', 'internal', `no country has the code ${country}`);
}

/** Throws `numbers_key_invalid` or `numbers_country_unknown`. */
export function createNumbers({ key, country }: NumbersOptions): Numbers {
  const secret = readKey(key);
  const sealingKey = derive(secret, 'seal');
  const indexKey = derive(secret, 'index');
  secret.fill(0);
  const defaultCountry = country === undefined ? undefined : readCountry(country);

  const normalize = (text: string): string => {
    const trimmed = text.trim().slice(0, LONGEST_NUMBER);
    const parsed = parsePhoneNumberFromString(trimmed, {
      ...(defaultCountry && { defaultCountry }),
      extract: false,
    });
    return parsed?.isPossible() === true ? parsed.number : trimmed;
  };

  return {
    normalize,
    seal(number, { accountId, callId }) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', sealingKey, nonce, { authTagLength: TAG_BYTES });
      cipher.setAAD(bind('number', accountId, callId));
      const text = Buffer.concat([cipher.update(number, 'utf8'), cipher.final()]);
      return Buffer.concat([Buffer.of(VERSION), nonce, cipher.getAuthTag(), text]);
    },
    open(sealed, { accountId, callId }) {
      if (sealed.length < HEADER_BYTES || sealed[0] !== VERSION) return undefined;
      const nonce = sealed.subarray(1, 1 + NONCE_BYTES);
      const decipher = createDecipheriv('aes-256-gcm', sealingKey, nonce, { authTagLength: TAG_BYTES });
      decipher.setAAD(bind('number', accountId, callId));
      decipher.setAuthTag(sealed.subarray(1 + NONCE_BYTES, HEADER_BYTES));
      try {
        return Buffer.concat([decipher.update(sealed.subarray(HEADER_BYTES)), decipher.final()]).toString();
      } catch {
        return undefined;
      }
    },
    index: (number, accountId) =>
      createHmac('sha256', indexKey)
        .update(bind('number', accountId, normalize(number)))
        .digest(),
  };
}

/** An unreadable number must not keep a call from being adopted: it is shown as none. */
export function openOrNothing(numbers: Numbers, sealed: Buffer | null, owner: NumberOwner): string {
  return (sealed && numbers.open(sealed, owner)) ?? UNREADABLE;
}

/** A fixed run: how long a number is, is nobody's business either. */
const HIDDEN = '•••••••';

/** The last four, but never more than half of what there is. */
function maskTail(digits: string): string {
  const shown = Math.min(SHOWN_DIGITS, Math.floor(digits.length / 2));
  return `${HIDDEN}${digits.slice(digits.length - shown)}`;
}

/**
 * What everybody may see of a caller: `+1•••••••2222`, the country code and the last four digits. Of a number that is
 * not E.164 the last digits, of a name nothing.
 */
export function maskNumber(number: string): string {
  const parsed = number.startsWith('+') ? parsePhoneNumberFromString(number, { extract: false }) : undefined;
  if (parsed !== undefined) return `+${parsed.countryCallingCode}${maskTail(parsed.nationalNumber)}`;
  if (!/^\+?[\d\s()./-]+$/.test(number)) return HIDDEN;
  return `${number.startsWith('+') ? '+' : ''}${maskTail(number.replaceAll(/\D/g, ''))}`;
}
