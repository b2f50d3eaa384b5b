import { HushtoneError } from '../../kernel/errors.ts';
import type { SecretBuffer } from '../../secrets/secret-buffer.ts';

/** How much of the front of a number is kept in the clear, where the number is long enough for it. */
export type BinDigits = 6 | 8;

/**
 * PCI SSC FAQ 1091 (truncation): of 16 digits and more, the first eight and any other four may be kept; of fewer, the
 * first six and any other four.
 */
const SHORTEST_FOR_EIGHT = 16;

/** ISO/IEC 7812-1: 12 is the shortest that a known brand issues, 19 the longest that the standard has. */
export const SHORTEST_CARD_NUMBER = 12;
export const LONGEST_CARD_NUMBER = 19;

const LAST_DIGITS = 4;

/** The only texts that are ever made of a card number. */
export interface TruncatedNumber {
  readonly bin: string;
  readonly last4: string;
}

/** Throws `card_number_malformed` for anything but 12 to 19 ASCII digits. */
export function truncate(cardNumber: SecretBuffer, binDigits: BinDigits): TruncatedNumber {
  return cardNumber.use((bytes) => {
    const { length } = bytes;
    if (
      length < SHORTEST_CARD_NUMBER ||
      length > LONGEST_CARD_NUMBER ||
      !bytes.every((byte) => byte >= 0x30 && byte <= 0x39)
    ) {
      throw new HushtoneError('card_number_malformed', 'internal', 'a card number is 12 to 19 digits');
    }
    const kept = length >= SHORTEST_FOR_EIGHT ? binDigits : 6;
    return {
      bin: String.fromCharCode(...bytes.subarray(0, kept)),
      last4: String.fromCharCode(...bytes.subarray(length - LAST_DIGITS)),
    };
  });
}
