import { HushtoneError } from '../kernel/errors.ts';
import { leadingNumber } from './digits.ts';

/** `month`: not 01 to 12. `expired`: its last day has passed. `too_far_ahead`: no issuer prints such a date. */
export type ExpiryFault = 'month' | 'expired' | 'too_far_ahead';

/** Issuers print at most some ten years; beyond 20 the caller has most likely keyed the year first. */
const LONGEST_AHEAD_MONTHS = 20 * 12;

/** A month ends last at UTC−12: until then some caller's card is still good, and the issuer has the last word. */
const LAST_ZONE_BEHIND_UTC_MS = 12 * 60 * 60 * 1000;

/** Two digits name a year of this century, unless that lies further back than this. */
const LONGEST_PAST_YEARS = 50;

/**
 * What is wrong with an expiry date of four ASCII digits, MMYY, at the time `now`; undefined when nothing is. A card
 * is good through the last day of its month (ISO/IEC 7813), wherever the caller is.
 * Throws `expiry_malformed` when `bytes` are not four digits or `now` is not a time.
 */
export function expiryFault(bytes: Uint8Array, now: Date): ExpiryFault | undefined {
  const digits = leadingNumber(bytes, 4);
  const atLastZone = new Date(now.getTime() - LAST_ZONE_BEHIND_UTC_MS);
  if (bytes.length !== 4 || digits === undefined || Number.isNaN(atLastZone.getTime())) {
    throw new HushtoneError('expiry_malformed', 'internal', 'an expiry date is four digits and needs a time');
  }
  const month = Math.floor(digits / 100);
  if (month < 1 || month > 12) return 'month';
  const thisYear = atLastZone.getUTCFullYear();
  const monthsAhead =
    (yearOf(digits % 100, thisYear) - thisYear) * 12 + month - (atLastZone.getUTCMonth() + 1);
  if (monthsAhead < 0) return 'expired';
  return monthsAhead > LONGEST_AHEAD_MONTHS ? 'too_far_ahead' : undefined;
}

/**
 * The month (1 to 12, unless `expiryFault` says otherwise) and the year that four ASCII digits, MMYY, name at the time
 * `now`. Throws `expiry_malformed` when `bytes` are not four digits.
 */
export function expiryDate(bytes: Uint8Array, now: Date): { readonly month: number; readonly year: number } {
  const digits = leadingNumber(bytes, 4);
  if (bytes.length !== 4 || digits === undefined) {
    throw new HushtoneError('expiry_malformed', 'internal', 'an expiry date is four digits');
  }
  return { month: Math.floor(digits / 100), year: yearOf(digits % 100, now.getUTCFullYear()) };
}

function yearOf(twoDigits: number, thisYear: number): number {
  const inThisCentury = Math.floor(thisYear / 100) * 100 + twoDigits;
  return inThisCentury < thisYear - LONGEST_PAST_YEARS ? inThisCentury + 100 : inThisCentury;
}
