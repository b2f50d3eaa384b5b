import type { Queryable } from '../../db/database.ts';
import type { DeclineReason, Modification, Purpose } from '../../payments/contract.ts';
import type { Mode } from '../../payments/kind.ts';
import type { PaymentStatus } from '../payments/contract.ts';

/** A payment's row, with what others know of it: the call of its capture, and a change that is not settled. */
export interface PaymentRecord {
  readonly id: string;
  readonly accountId: string;
  readonly mode: Mode;
  readonly purpose: Exclude<Purpose, 'tokenize'>;
  readonly status: PaymentStatus;
  /** Minor units, as all amounts here. */
  readonly amount: number;
  readonly currency: string;
  readonly amountCaptured: number;
  readonly amountRefunded: number;
  readonly reference: string | null;
  readonly customerReference: string | null;
  readonly initiatedBy: 'cardholder' | 'merchant';
  readonly captureId: string | null;
  readonly callId: string | null;
  /** The vault's. */
  readonly token: string | null;
  readonly tokenToShred: string | null;
  /** The provider's own token that it is paid with. */
  readonly sourceProviderToken: string | null;
  /** The provider's own token that it left behind. */
  readonly providerToken: string | null;
  readonly brand: string | null;
  readonly last4: string | null;
  readonly providerId: string | null;
  readonly providerKind: string | null;
  readonly providerReference: string | null;
  readonly authorizationCode: string | null;
  readonly declineReason: DeclineReason | null;
  readonly failure: string | null;
  readonly pending: Modification | null;
  readonly requestedBy: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

type Given =
  | 'id'
  | 'accountId'
  | 'mode'
  | 'purpose'
  | 'status'
  | 'amount'
  | 'currency'
  | 'requestedBy'
  | 'createdAt'
  | 'updatedAt';

/** A payment that nothing has become of yet. */
export function newPaymentRecord(
  given: Pick<PaymentRecord, Given> & Partial<Omit<PaymentRecord, Given>>,
): PaymentRecord {
  return {
    amountCaptured: 0,
    amountRefunded: 0,
    reference: null,
    customerReference: null,
    initiatedBy: 'cardholder',
    captureId: null,
    callId: null,
    token: null,
    tokenToShred: null,
    sourceProviderToken: null,
    providerToken: null,
    brand: null,
    last4: null,
    providerId: null,
    providerKind: null,
    providerReference: null,
    authorizationCode: null,
    declineReason: null,
    failure: null,
    pending: null,
    ...given,
  };
}

/** The columns of a `PaymentRecord`, of `payments p` and `captures c`. */
export const PAYMENT_COLUMNS = `
  p.id, p.account_id AS "accountId", p.mode, p.purpose, p.status, p.amount, p.currency,
  p.amount_captured AS "amountCaptured", p.amount_refunded AS "amountRefunded", p.reference,
  p.customer_reference AS "customerReference", p.initiated_by AS "initiatedBy", p.capture_id AS "captureId",
  c.call_id AS "callId", p.token, p.token_to_shred AS "tokenToShred",
  p.source_provider_token AS "sourceProviderToken", p.provider_token AS "providerToken", p.brand, p.last4,
  p.provider_id AS "providerId", p.provider_kind AS "providerKind", p.provider_reference AS "providerReference",
  p.authorization_code AS "authorizationCode", p.decline_reason AS "declineReason", p.failure,
  (SELECT a.operation FROM payment_attempts a
   WHERE a.payment_id = p.id AND a.state IN ('processing', 'unknown')
     AND a.operation IN ('capture', 'void', 'refund')) AS pending,
  p.requested_by AS "requestedBy", p.created_at AS "createdAt", p.updated_at AS "updatedAt"`;

export const PAYMENT_TABLES =
  'payments p LEFT JOIN captures c ON c.account_id = p.account_id AND c.id = p.capture_id';

/**
 * Writes a new payment. Returns whether it did: not when its request, which `idempotencyId` names, has one already.
 */
export async function insertPayment(
  db: Queryable,
  payment: PaymentRecord,
  idempotencyId?: string,
): Promise<boolean> {
  const rows = await db.query(
    `INSERT INTO payments
       (id, account_id, mode, purpose, status, amount, currency, reference, customer_reference, initiated_by,
        capture_id, token, source_provider_token, brand, last4, provider_id, provider_kind, requested_by,
        idempotency_key, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $20)
     ON CONFLICT (account_id, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
     RETURNING id`,
    [
      payment.id,
      payment.accountId,
      payment.mode,
      payment.purpose,
      payment.status,
      payment.amount,
      payment.currency,
      payment.reference,
      payment.customerReference,
      payment.initiatedBy,
      payment.captureId,
      payment.token,
      payment.sourceProviderToken,
      payment.brand,
      payment.last4,
      payment.providerId,
      payment.providerKind,
      payment.requestedBy,
      idempotencyId ?? null,
      payment.createdAt,
    ],
  );
  return rows.length === 1;
}

async function find(
  db: Queryable,
  condition: string,
  value: string,
  lock = '',
): Promise<PaymentRecord | undefined> {
  const rows = await db.query<PaymentRecord>(
    `SELECT ${PAYMENT_COLUMNS} FROM ${PAYMENT_TABLES} WHERE ${condition} = $1 ${lock}`,
    [value],
  );
  return rows[0];
}

export async function findPayment(db: Queryable, paymentId: string): Promise<PaymentRecord | undefined> {
  return await find(db, 'p.id', paymentId);
}

/** Nobody else changes it until the transaction ends. */
export async function lockPayment(db: Queryable, paymentId: string): Promise<PaymentRecord | undefined> {
  return await find(db, 'p.id', paymentId, 'FOR UPDATE OF p');
}

export async function findPaymentOfCapture(
  db: Queryable,
  captureId: string,
): Promise<PaymentRecord | undefined> {
  return await find(db, 'p.capture_id', captureId);
}

export async function lockPaymentOfCapture(
  db: Queryable,
  captureId: string,
): Promise<PaymentRecord | undefined> {
  return await find(db, 'p.capture_id', captureId, 'FOR UPDATE OF p');
}

export async function findPaymentByIdempotencyId(
  db: Queryable,
  idempotencyId: string,
): Promise<PaymentRecord | undefined> {
  return await find(db, 'p.idempotency_key', idempotencyId);
}

/** Writes what can change of a payment. The database refuses an illegal transition. */
export async function updatePayment(db: Queryable, payment: PaymentRecord): Promise<void> {
  await db.query(
    `UPDATE payments
     SET status = $2, amount_captured = $3, amount_refunded = $4, token = $5, token_to_shred = $6,
         provider_token = $7, brand = $8, last4 = $9, provider_id = $10, provider_kind = $11, provider_reference = $12,
         authorization_code = $13, decline_reason = $14, failure = $15, updated_at = $16
     WHERE id = $1`,
    [
      payment.id,
      payment.status,
      payment.amountCaptured,
      payment.amountRefunded,
      payment.token,
      payment.tokenToShred,
      payment.providerToken,
      payment.brand,
      payment.last4,
      payment.providerId,
      payment.providerKind,
      payment.providerReference,
      payment.authorizationCode,
      payment.declineReason,
      payment.failure,
      payment.updatedAt,
    ],
  );
}

/** A card whose payment was refused and that is not destroyed yet. */
export interface TokenToShred {
  readonly paymentId: string;
  readonly accountId: string;
  readonly token: string;
  readonly status: PaymentStatus;
}

/** In pages, behind the payment `after`. */
export async function findTokensToShred(
  db: Queryable,
  after: string,
  limit: number,
): Promise<TokenToShred[]> {
  return await db.query(
    `SELECT id AS "paymentId", account_id AS "accountId", token_to_shred AS token, status
     FROM payments WHERE token_to_shred IS NOT NULL AND id > $1 ORDER BY id LIMIT $2`,
    [after, limit],
  );
}

export async function tokenShredded(db: Queryable, paymentId: string, token: string): Promise<void> {
  await db.query('UPDATE payments SET token_to_shred = NULL WHERE id = $1 AND token_to_shred = $2', [
    paymentId,
    token,
  ]);
}
