import { byteOf } from '../../cards/digits.ts';
import { expiryFault } from '../../cards/expiry.ts';
import { HushtoneError } from '../../kernel/errors.ts';
import type { CardToken } from '../../vault/tokens/card-token-store.ts';
import type { CardExpiry, CardTokenChanges } from './contract.ts';

/** ISO/IEC 7812-1: a card number has 12 digits or more. */
const CARD_NUMBER_LIKE = /\d{12}/;

/** A card may be kept no longer than this from now on, where the installation sets no shorter time. */
export const LONGEST_RETENTION_DAYS = 7300;
const DAY_MS = 24 * 60 * 60 * 1000;

/** Four ASCII digits, MMYY. */
export function expiryBytes({ month, year }: CardExpiry): Uint8Array {
  const digits = [Math.floor(month / 10), month % 10, Math.floor(year / 10) % 10, year % 10];
  return Uint8Array.from(digits, byteOf);
}

/** The token with the changes. Throws `expiry_invalid`, `expires_at_invalid`, `time_invalid` or `customer_reference_like_card`. */
export function changedCardToken(
  token: CardToken,
  { expiry, customer_reference: customerReference, expires_at: expiresAt }: CardTokenChanges,
  now: Date,
  retentionDays = LONGEST_RETENTION_DAYS,
): CardToken {
  if (expiry !== undefined) refusePastExpiry(expiry, now);
  if (
    customerReference !== undefined &&
    customerReference !== null &&
    CARD_NUMBER_LIKE.test(customerReference)
  ) {
    throw invalid(
      'customer_reference_like_card',
      'The customer_reference holds as many digits in a row as a card number has.',
    );
  }
  return {
    ...token,
    ...(expiry && { expiryMonth: expiry.month, expiryYear: expiry.year }),
    ...(customerReference !== undefined && { customerReference }),
    ...(expiresAt !== undefined && { expiresAt: endOf(expiresAt, now, retentionDays) }),
    updatedAt: now,
  };
}

/** The rule of a keyed expiry: the card is good now, and was not printed by a dreamer. */
function refusePastExpiry(expiry: CardExpiry, now: Date): void {
  const fault = expiryFault(expiryBytes(expiry), now);
  if (fault === undefined) return;
  throw invalid(
    'expiry_invalid',
    fault === 'expired' ? 'The expiry date is over.' : 'No card has this expiry date.',
  );
}

function endOf(text: string, now: Date, retentionDays: number): Date {
  const end = new Date(text);
  if (Number.isNaN(end.getTime())) throw invalid('time_invalid', 'There is no such moment.');
  if (end.getTime() > now.getTime() && end.getTime() <= now.getTime() + retentionDays * DAY_MS) return end;
  throw invalid(
    'expires_at_invalid',
    `expires_at is a moment from now on, at most ${retentionDays} days ahead.`,
  );
}

function invalid(code: string, message: string): HushtoneError {
  return new HushtoneError(code, 'invalid', message);
}
