import type { Queryable } from '../../db/database.ts';
import type { Operation } from '../../payments/contract.ts';
import type { Mode } from '../../payments/kind.ts';
import type { PaymentStatus } from '../payments/contract.ts';

/** An attempt of a payment whose outcome is not known, with what an operator looks for it by. */
export interface UnsettledRecord {
  readonly attemptId: string;
  readonly accountId: string;
  readonly paymentId: string;
  readonly captureId: string | null;
  readonly paymentStatus: PaymentStatus;
  readonly operation: Exclude<Operation, 'tokenize'>;
  /** Minor units; that of the payment where the operation has none of its own (`void`). */
  readonly amount: number;
  /** What the attempt itself asked for. */
  readonly askedAmount: number | null;
  readonly currency: string;
  readonly provider: string;
  readonly providerId: string;
  /** That it was written under; null for `default`, and for an attempt from before it was kept. */
  readonly configurationVersion: number | null;
  readonly mode: Mode;
  readonly idempotencyKey: string;
  readonly reference: string | null;
  /** The provider's name of the payment that is changed. */
  readonly providerReference: string | null;
  readonly state: 'processing' | 'unknown';
  readonly holder: string | null;
  readonly leaseUntil: Date;
  readonly sends: number;
  readonly createdAt: Date;
}

const UNSETTLED = `
  SELECT a.id AS "attemptId", a.account_id AS "accountId", a.payment_id AS "paymentId", a.capture_id AS "captureId",
    p.status AS "paymentStatus", a.operation, coalesce(a.amount, p.amount) AS amount, a.amount AS "askedAmount",
    p.currency, a.provider, a.provider_id AS "providerId", a.configuration_version AS "configurationVersion", a.mode,
    a.idempotency_key AS "idempotencyKey", a.reference,
    p.provider_reference AS "providerReference", a.state, a.holder, a.lease_until AS "leaseUntil", a.sends,
    a.created_at AS "createdAt"
  FROM payment_attempts a JOIN payments p ON p.account_id = a.account_id AND p.id = a.payment_id
  WHERE a.state IN ('processing', 'unknown')`;

/** Of one account, or of all that the transaction sees; the oldest first. */
export async function listUnsettled(db: Queryable, accountId?: string): Promise<UnsettledRecord[]> {
  return await db.query<UnsettledRecord>(
    `${UNSETTLED} AND ($1::text IS NULL OR a.account_id = $1) ORDER BY a.created_at, a.id`,
    [accountId ?? null],
  );
}

/** The one of a payment: there is never a second. */
export async function findUnsettled(db: Queryable, paymentId: string): Promise<UnsettledRecord | undefined> {
  return (await db.query<UnsettledRecord>(`${UNSETTLED} AND a.payment_id = $1`, [paymentId]))[0];
}

/**
 * Takes an attempt whose outcome is not known and that nobody holds, as the reconciler does, for this transaction.
 * Returns whether it was to be had.
 */
export async function takeUnsettled(
  db: Queryable,
  attemptId: string,
  holder: string,
  at: Date,
): Promise<boolean> {
  const rows = await db.query(
    `UPDATE payment_attempts SET holder = $2, lease_until = GREATEST(lease_until, $3)
     WHERE id = $1 AND state = 'unknown' AND (holder IS NULL OR lease_until <= $3) RETURNING id`,
    [attemptId, holder, at],
  );
  return rows.length === 1;
}

/** Who said what became of it, and how they know. */
export async function signSettlement(
  db: Queryable,
  attemptId: string,
  settledBy: string,
  reason: string,
): Promise<void> {
  await db.query('UPDATE payment_attempts SET settled_by = $2, settlement_reason = $3 WHERE id = $1', [
    attemptId,
    settledBy,
    reason,
  ]);
}

/** The end that an operator has given an attempt. */
export interface SettledByHand {
  readonly attemptId: string;
  readonly operation: Exclude<Operation, 'tokenize'>;
  readonly state: 'succeeded' | 'declined' | 'failed';
  readonly providerReference: string | null;
  readonly authorizationCode: string | null;
  readonly settledBy: string;
}

/** The last one of a payment. */
export async function findSettledByHand(
  db: Queryable,
  paymentId: string,
): Promise<SettledByHand | undefined> {
  const rows = await db.query<SettledByHand>(
    `SELECT id AS "attemptId", operation, state, provider_reference AS "providerReference",
       authorization_code AS "authorizationCode", settled_by AS "settledBy"
     FROM payment_attempts WHERE payment_id = $1 AND settled_by IS NOT NULL ORDER BY finished_at DESC, id LIMIT 1`,
    [paymentId],
  );
  return rows[0];
}
