import { randomInt } from 'node:crypto';
import { passesLuhn } from '../../cards/luhn.ts';

/**
 * ISO/IEC 7812-1 gives 1 to airlines, whose cards (UATP) have 15 digits: no number of 16 digits that begins with it is
 * anybody's card, and none of the ranges of `cards/brands.ts` does. A leading 0 would be lost by what reads a number.
 */
const FIRST_DIGIT = '1';
const RANDOM_DIGITS = 11;

/**
 * A text of 16 digits for systems that have room for a card number and nothing else: random but for the first digit and
 * the last four, which are the card's. It fails the Luhn check, so that whoever looks for card numbers finds none.
 */
export function lookAlike(last4: string): string {
  for (;;) {
    const middle = String(randomInt(10 ** RANDOM_DIGITS)).padStart(RANDOM_DIGITS, '0');
    const text = `${FIRST_DIGIT}${middle}${last4}`;
    if (!passesLuhn(Buffer.from(text))) return text;
  }
}
