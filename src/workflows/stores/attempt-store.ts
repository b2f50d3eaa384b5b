import type { Queryable } from '../../db/database.ts';
import type { Amount, DeclineReason, Operation } from '../../payments/contract.ts';
import type { Mode } from '../../payments/kind.ts';

/** One request to a provider. Written before it is sent: no attempt goes out that this table does not know. */
export interface Attempt {
  readonly id: string;
  readonly accountId: string;
  /** Absent for a tokenization only, which moves no money. */
  readonly paymentId?: string;
  readonly captureId?: string;
  /** The provider's kind. */
  readonly provider: string;
  readonly providerId: string;
  /** Of the provider when the attempt was written; absent where its configuration never changes. */
  readonly configurationVersion?: number;
  readonly mode: Mode;
  readonly idempotencyKey: string;
  readonly operation: Operation;
  readonly amount?: Amount;
  readonly reference?: string;
  readonly brand?: string;
  readonly last4?: string;
  /** SHA-256, see `fingerprint.ts`. */
  readonly fingerprint: Buffer;
  /** The row of idempotency_keys that a change of a payment was asked for under. */
  readonly idempotencyId?: string;
  readonly instanceId: string;
  /** Who may send it and look it up, and until when. */
  readonly holder: string;
  readonly leaseUntil: Date;
  readonly createdAt: Date;
}

export async function insertAttempt(db: Queryable, attempt: Attempt): Promise<void> {
  await db.query(
    `INSERT INTO payment_attempts
       (id, account_id, payment_id, capture_id, provider, provider_id, mode, idempotency_key, operation, amount,
        currency, state, reference, brand, last4, request_fingerprint, idempotency_id, instance_id, holder, lease_until,
        created_at, configuration_version)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'processing', $12, $13, $14, $15, $16, $17, $18, $19, $20,
             $21)`,
    [
      attempt.id,
      attempt.accountId,
      attempt.paymentId ?? null,
      attempt.captureId ?? null,
      attempt.provider,
      attempt.providerId,
      attempt.mode,
      attempt.idempotencyKey,
      attempt.operation,
      attempt.amount?.value ?? null,
      attempt.amount?.currency ?? null,
      attempt.reference ?? null,
      attempt.brand ?? null,
      attempt.last4 ?? null,
      attempt.fingerprint,
      attempt.idempotencyId ?? null,
      attempt.instanceId,
      attempt.holder,
      attempt.leaseUntil,
      attempt.createdAt,
      attempt.configurationVersion ?? null,
    ],
  );
}

/** The vault has kept the card. */
export async function keepAttempt(db: Queryable, attemptId: string, token: string, at: Date): Promise<void> {
  await db.query(
    `UPDATE payment_attempts SET state = 'succeeded', token = $2, finished_at = $3 WHERE id = $1`,
    [attemptId, token, at],
  );
}

/** The change of a payment that was asked for under a row of idempotency_keys: the latest, a failed one last. */
export interface RecordedChange {
  readonly paymentId: string;
  readonly state: 'processing' | 'succeeded' | 'declined' | 'failed' | 'unknown';
  readonly declineReason: DeclineReason | null;
}

export async function findChangeByIdempotencyId(
  db: Queryable,
  idempotencyId: string,
): Promise<RecordedChange | undefined> {
  const rows = await db.query<RecordedChange>(
    `SELECT payment_id AS "paymentId", state, decline_reason AS "declineReason" FROM payment_attempts
     WHERE idempotency_id = $1 ORDER BY state = 'failed', created_at DESC, id LIMIT 1`,
    [idempotencyId],
  );
  return rows[0];
}

/** Whether the provider has given this token to this account. */
export async function knowsProviderToken(
  db: Queryable,
  providerId: string,
  providerToken: string,
): Promise<boolean> {
  const rows = await db.query(
    'SELECT id FROM payment_attempts WHERE provider_id = $1 AND provider_token = $2 LIMIT 1',
    [providerId, providerToken],
  );
  return rows.length === 1;
}

/** What is on record of the attempt that decides over a capture's payment. */
export interface RecordedAttempt {
  readonly paymentId: string | null;
  readonly state: 'processing' | 'succeeded' | 'declined' | 'failed' | 'unknown';
  readonly reference: string | null;
  readonly code: string | null;
  readonly token: string | null;
  readonly reason: DeclineReason | null;
}

/** Undefined: nothing was ever sent. A change of the payment is none of it. */
export async function findRecordedAttempt(
  db: Queryable,
  captureId: string,
): Promise<RecordedAttempt | undefined> {
  const rows = await db.query<RecordedAttempt>(
    `SELECT a.payment_id AS "paymentId", a.state, a.provider_reference AS reference, a.authorization_code AS code,
            coalesce(a.token, CASE p.purpose WHEN 'charge_and_save' THEN p.token END, a.provider_token) AS token, a.decline_reason AS reason
     FROM payment_attempts a LEFT JOIN payments p ON p.account_id = a.account_id AND p.id = a.payment_id
     WHERE a.capture_id = $1 AND a.operation NOT IN ('capture', 'void', 'refund')
     ORDER BY a.created_at DESC, a.state = 'failed' LIMIT 1`,
    [captureId],
  );
  return rows[0];
}
