import { requireMembers } from './exchange.ts';
import { Problem } from './problem.ts';

/** Card details as a provider sees them once the envelope is open. */
export interface Card {
  readonly cardNumber: string;
  /** MMYY. */
  readonly expiry?: string;
  readonly securityCode?: string;
  readonly postalCode?: string;
  /** 32 hexadecimal digits. */
  readonly pinBlock?: string;
}

const SHAPES = {
  card_number: /^\d{12,19}$/,
  expiry: /^(0[1-9]|1[0-2])\d{2}$/,
  security_code: /^\d{3,4}$/,
  postal_code: /^\d{3,16}$/,
  pin_block: /^[0-9A-F]{32}$/,
} as const;

/** Reads an opened envelope strictly. Throws a `Problem` with 400; no digit is in it. */
export function parseCard(plaintext: Record<string, unknown>): Card {
  requireMembers(plaintext, ['card_number'], ['expiry', 'security_code', 'postal_code', 'pin_block']);
  const read = (name: keyof typeof SHAPES): string | undefined => {
    const value = plaintext[name];
    if (value === undefined) return undefined;
    if (typeof value !== 'string' || !SHAPES[name].test(value)) {
      throw new Problem(400, 'invalid_card', `${name} is malformed`);
    }
    return value;
  };
  const cardNumber = read('card_number') ?? '';
  const [expiry, securityCode, postalCode, pinBlock] = [
    read('expiry'),
    read('security_code'),
    read('postal_code'),
    read('pin_block'),
  ];
  return {
    cardNumber,
    ...(expiry !== undefined && { expiry }),
    ...(securityCode !== undefined && { securityCode }),
    ...(postalCode !== undefined && { postalCode }),
    ...(pinBlock !== undefined && { pinBlock }),
  };
}

/** Reads what is sealed beside a token: the security code alone. Throws a `Problem` with 400. */
export function parseSecurityCode(plaintext: Record<string, unknown>): string {
  requireMembers(plaintext, ['security_code'], []);
  const code = plaintext['security_code'];
  if (typeof code !== 'string' || !SHAPES.security_code.test(code)) {
    throw new Problem(400, 'invalid_card', 'security_code is malformed');
  }
  return code;
}

/** ISO/IEC 7812-1 annex B, on its own so that it checks the gateway's. */
export function hasCheckDigit(cardNumber: string): boolean {
  const sum = Array.from(cardNumber)
    .toReversed()
    .map((digit, index) => Number(digit) * (index % 2 === 0 ? 1 : 2))
    .reduce((total, value) => total + (value > 9 ? value - 9 : value), 0);
  return sum % 10 === 0;
}

/** A card is good until the end of its month, UTC. */
export function isExpired(expiry: string, now: Date): boolean {
  const month = Number(expiry.slice(0, 2));
  const year = 2000 + Number(expiry.slice(2));
  return now.getTime() >= Date.UTC(year, month, 1);
}
