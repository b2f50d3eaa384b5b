import type { KeyObject } from 'node:crypto';
import { hasCheckDigit } from '../check-digit.ts';
import { openCompactJwe, parseObject } from '../compact-jwe.ts';
import { refusal } from './refusals.ts';

export interface AdyenCard {
  readonly cardNumber: string;
  /** MMYY. */
  readonly expiry: string;
  readonly securityCode?: string;
}

/** An envelope older than this is refused, so that one that was caught cannot be used for long. */
const LONGEST_AGE_MS = 24 * 60 * 60_000;
const CLOCKS_DIFFER_MS = 5 * 60_000;

const SHAPES = {
  number: { shape: /^\d{12,19}$/, code: '101', message: 'Invalid card number' },
  expiryMonth: {
    shape: /^(?:0[1-9]|1[0-2])$/,
    code: '140',
    message: 'Expiry month should be between 1 and 12',
  },
  expiryYear: { shape: /^20\d{2}$/, code: '141', message: 'Expiry year should be between 2000 and 2099' },
  cvc: { shape: /^\d{3,4}$/, code: '103', message: 'CVC is not the right length' },
} as const;

/** Opens `encryptedCard`. Refuses in Adyen's words; no digit is in them. */
export function openCard(jwe: string, key: KeyObject, now: Date): AdyenCard {
  const card = open(jwe, key, now, ['number', 'expiryMonth', 'expiryYear'], ['cvc']);
  const number = read(card, 'number');
  if (!hasCheckDigit(number)) throw refusal(422, '101', 'Invalid card number');
  return {
    cardNumber: number,
    expiry: read(card, 'expiryMonth') + read(card, 'expiryYear').slice(2),
    ...(card['cvc'] !== undefined && { securityCode: read(card, 'cvc') }),
  };
}

/** Opens `encryptedSecurityCode`. */
export function openSecurityCode(jwe: string, key: KeyObject, now: Date): string {
  return read(open(jwe, key, now, ['cvc'], []), 'cvc');
}

function open(
  jwe: string,
  key: KeyObject,
  now: Date,
  required: readonly string[],
  optional: readonly string[],
): Record<string, unknown> {
  let members: Record<string, unknown>;
  try {
    const { header, plaintext } = openCompactJwe(jwe, key);
    const names = Object.keys(header).sort().join();
    if (names !== 'alg,enc,version' || header['version'] !== '1' || header['enc'] !== 'A256GCM') {
      throw new Error('another header');
    }
    members = parseObject(plaintext);
  } catch {
    throw refusal(422, '174', 'Unable to decrypt data');
  }
  const known = [...required, ...optional, 'generationtime'];
  const complete = [...required, 'generationtime'].every((name) => typeof members[name] === 'string');
  if (!complete || Object.keys(members).some((name) => !known.includes(name))) {
    throw refusal(422, '174', 'Unable to decrypt data: another structure');
  }
  requireFresh(String(members['generationtime']), now);
  return members;
}

function requireFresh(generatedAt: string, now: Date): void {
  const age = now.getTime() - Date.parse(generatedAt);
  const isTimestamp = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/.test(
    generatedAt,
  );
  if (!isTimestamp || age > LONGEST_AGE_MS || age < -CLOCKS_DIFFER_MS) {
    throw refusal(422, '174', 'Unable to decrypt data: generationtime');
  }
}

function read(card: Record<string, unknown>, name: keyof typeof SHAPES): string {
  const { shape, code, message } = SHAPES[name];
  const value = card[name];
  if (typeof value !== 'string' || !shape.test(value)) throw refusal(422, code, message);
  return value;
}
