import { isSupportedCountry, parsePhoneNumberFromString, type CountryCode } from 'libphonenumber-js';
import { HushtoneError } from '../kernel/errors.ts';
import { SealedNumbers, type SealedNumbersOptions } from './sealed-numbers.ts';
import type { NumberOwner, StoredNumber } from './stored-number.ts';

/** A SIP user name may stand in for a number; what is longer is none that anybody dials. */
const LONGEST_NUMBER = 255;
const SHOWN_DIGITS = 4;
/** What stands for a number that cannot be opened. */
export const UNREADABLE = '';

/** Callers' telephone numbers as the database has them: sealed, and found again by equality only. */
export interface Numbers {
  /** E.164 where the text is a telephone number, the text itself where it is not. */
  normalize(text: string): string;
  /**
   * Undefined for no number, and for one that cannot be sealed at this moment: a call goes on without it, as its keys
   * may be in a device that is away. That is logged.
   */
  seal(number: string, owner: NumberOwner): Promise<StoredNumber | undefined>;
  /** Undefined when it was sealed with another key, for another row, or was changed. */
  open(sealed: Buffer, owner: NumberOwner): Promise<string | undefined>;
  /** What the rows of calls from this number may have as their index. Rejects as the key ring does. */
  indexes(number: string, accountId: string): Promise<readonly Buffer[]>;
}

export interface NumbersOptions extends SealedNumbersOptions {
  /** ISO 3166-1 country of numbers that are written without a country code. */
  readonly country?: string;
}

function readCountry(country: string): CountryCode {
  if (isSupportedCountry(country)) return country;
  throw new HushtoneError('numbers_country_unknown', 'internal', `no country has the code ${country}`);
}

/** Throws `numbers_country_unknown`. */
export function createNumbers(options: NumbersOptions): Numbers {
  const { country, logger } = options;
  const defaultCountry = country === undefined ? undefined : readCountry(country);
  const sealing = new SealedNumbers(options);

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
    async seal(text, owner) {
      const number = normalize(text);
      if (number === '') return undefined;
      try {
        return await sealing.seal(number, owner);
      } catch (error) {
        logger.error("a caller's number is not kept: it cannot be sealed", { callId: owner.callId, error });
        return undefined;
      }
    },
    open: async (sealed, owner) => await sealing.open(sealed, owner),
    indexes: async (number, accountId) => await sealing.indexes(normalize(number), accountId),
  };
}

/** An unreadable number must not keep a call from being adopted: it is shown as none. */
export async function openOrNothing(
  numbers: Numbers,
  sealed: Buffer | null,
  owner: NumberOwner,
): Promise<string> {
  return (sealed && (await numbers.open(sealed, owner))) ?? UNREADABLE;
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
