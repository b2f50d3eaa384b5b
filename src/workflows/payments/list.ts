import type { Database } from '../../db/database.ts';
import { decodeCursor, encodeCursor } from '../../kernel/cursor.ts';
import { HushtoneError } from '../../kernel/errors.ts';
import { findPayments, type PaymentFilter, type PaymentPosition } from '../stores/payment-list-store.ts';
import type { PaymentListing, PaymentPage } from './contract.ts';
import { paymentDetails } from './resource.ts';

const DEFAULT_PAGE = 50;

/** The account's payments, the newest first. Rejects with `cursor_invalid` or `time_invalid`. */
export async function listPayments(
  database: Database,
  accountId: string,
  listing: PaymentListing,
): Promise<PaymentPage> {
  const { cursor, limit = DEFAULT_PAGE } = listing;
  const after = cursor === undefined ? undefined : positionOf(cursor);
  const filter = filterOf(listing);
  const found = await database.transaction(
    accountId,
    // One more than asked for tells whether there is a next page.
    async (db) => await findPayments(db, filter, { ...(after && { after }), limit: limit + 1 }),
  );
  const payments = found.slice(0, limit);
  const last = found.length > limit ? payments.at(-1) : undefined;
  return {
    payments: payments.map(paymentDetails),
    ...(last && { next_cursor: encodeCursor([last.createdAt.toISOString(), last.id]) }),
  };
}

function filterOf(listing: PaymentListing): PaymentFilter {
  const { status, mode, reference, token } = listing;
  return {
    ...(status !== undefined && { status }),
    ...(mode !== undefined && { mode }),
    ...(reference !== undefined && { reference }),
    ...(listing.customer_reference !== undefined && { customerReference: listing.customer_reference }),
    ...(listing.capture_id !== undefined && { captureId: listing.capture_id }),
    ...(token !== undefined && { token }),
    ...(listing.created_from !== undefined && { createdFrom: momentOf(listing.created_from) }),
    ...(listing.created_to !== undefined && { createdTo: momentOf(listing.created_to) }),
  };
}

/** Throws `time_invalid` for a moment that fits the format and does not exist, such as a leap second. */
function momentOf(text: string): Date {
  const moment = new Date(text);
  if (!Number.isNaN(moment.getTime())) return moment;
  throw new HushtoneError('time_invalid', 'invalid', 'There is no such moment.');
}

function positionOf(cursor: string): PaymentPosition {
  const [createdAt, paymentId] = decodeCursor(
    cursor,
    (value): value is readonly [string, string] =>
      value.length === 2 &&
      typeof value[0] === 'string' &&
      !Number.isNaN(Date.parse(value[0])) &&
      typeof value[1] === 'string' &&
      /^pay_[0-9a-z]+$/.test(value[1]),
  );
  return { createdAt: new Date(createdAt), paymentId };
}
