import { randomBytes } from 'node:crypto';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'; // Crockford base 32: no letter that reads as a digit

/** The prefix tells a reader of a log or a database row what the id names. */
export type IdPrefix =
  | 'call'
  | 'cap'
  | 'att'
  | 'evt'
  | 'tok'
  | 'tok_card'
  | 'fp'
  | 'pay'
  | 'prv'
  | 'rule'
  | 'key'
  | 'req'
  | 'chg'
  | 'gnt'
  | 'idk'
  | 'clm'
  | 'cli'
  | 'sec'
  | 'whk'
  | 'whs'
  | 'dlv';

/**
 * A random identifier, `prefix_` and 26 characters (about 127 bits). It never contains a run of digits that a scanner
 * for card numbers could mistake for one: every sixth character is always a letter.
 */
export function newId(prefix: IdPrefix): string {
  const bytes = randomBytes(26);
  let text = '';
  for (const [index, byte] of bytes.entries()) {
    text += index % 6 === 5 ? ALPHABET[10 + (byte % 22)] : ALPHABET[byte & 31];
  }
  return `${prefix}_${text}`;
}

/** An unguessable URL path segment: 256 bits, base64url. */
export function newPathSecret(): string {
  return randomBytes(32).toString('base64url');
}
