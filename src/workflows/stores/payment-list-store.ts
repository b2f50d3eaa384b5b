import type { Queryable } from '../../db/database.ts';
import type { Mode } from '../../payments/kind.ts';
import type { PaymentStatus } from '../payments/contract.ts';
import { PAYMENT_COLUMNS, PAYMENT_TABLES, type PaymentRecord } from './payment-store.ts';

/** A place in the list of payments, the newest first. */
export interface PaymentPosition {
  readonly createdAt: Date;
  readonly paymentId: string;
}

/** Every part that is there must hold. */
export interface PaymentFilter {
  readonly status?: PaymentStatus;
  readonly mode?: Mode;
  readonly reference?: string;
  readonly customerReference?: string;
  readonly captureId?: string;
  readonly token?: string;
  /** Created at this moment or after it. */
  readonly createdFrom?: Date;
  /** Created before this moment. */
  readonly createdTo?: Date;
}

/** The account's payments, the newest first, those after a place in the list only. */
export async function findPayments(
  db: Queryable,
  filter: PaymentFilter,
  { after, limit }: { readonly after?: PaymentPosition; readonly limit: number },
): Promise<PaymentRecord[]> {
  // Only what is asked for stands in the statement, so that the index of just that is used.
  const conditions: string[] = [];
  const values: unknown[] = [];
  const also = (condition: string, ...bound: unknown[]): void => {
    if (bound.includes(undefined)) return;
    conditions.push(condition.replaceAll('?', () => `$${values.push(bound.shift())}`));
  };
  also('p.status = ?', filter.status);
  also('p.mode = ?', filter.mode);
  also('p.reference = ?', filter.reference);
  also('p.customer_reference = ?', filter.customerReference);
  also('p.capture_id = ?', filter.captureId);
  also('p.token = ?', filter.token);
  also('p.created_at >= ?', filter.createdFrom);
  also('p.created_at < ?', filter.createdTo);
  also('(p.created_at, p.id) < (?, ?)', after?.createdAt, after?.paymentId);
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  values.push(limit);
  return await db.query<PaymentRecord>(
    `SELECT ${PAYMENT_COLUMNS} FROM ${PAYMENT_TABLES} ${where}
     ORDER BY p.created_at DESC, p.id DESC LIMIT $${values.length}`,
    values,
  );
}
