import type { Queryable } from '../../db/database.ts';
import type { Amount, PaymentOutcome, ProviderFailure, Purpose } from '../../payments/contract.ts';

/** One request to a provider. Written before it is sent: no attempt goes out that this table does not know. */
export interface Attempt {
  readonly id: string;
  readonly accountId: string;
  readonly captureId: string;
  readonly provider: string;
  readonly idempotencyKey: string;
  readonly purpose: Purpose;
  readonly amount?: Amount;
  readonly brand?: string;
  readonly last4?: string;
}

export async function insertAttempt(db: Queryable, attempt: Attempt, at: Date): Promise<void> {
  await db.query(
    `INSERT INTO payment_attempts
       (id, account_id, capture_id, provider, idempotency_key, purpose, amount, currency, state, brand, last4, created_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'processing', $9, $10, $11)`,
    [
      attempt.id,
      attempt.accountId,
      attempt.captureId,
      attempt.provider,
      attempt.idempotencyKey,
      attempt.purpose,
      attempt.amount?.value ?? null,
      attempt.amount?.currency ?? null,
      attempt.brand ?? null,
      attempt.last4 ?? null,
      at,
    ],
  );
}

/** The provider's answer. The database refuses a change of a settled attempt. */
export async function settleAttempt(
  db: Queryable,
  attemptId: string,
  outcome: PaymentOutcome,
  at: Date,
): Promise<void> {
  const succeeded = outcome.result === 'succeeded';
  await db.query(
    `UPDATE payment_attempts
     SET state = $2, provider_reference = $3, authorization_code = $4, provider_token = $5,
         decline_reason = $6, raw_code = $7, failure = NULL, finished_at = $8
     WHERE id = $1`,
    [
      attemptId,
      outcome.result,
      outcome.providerReference ?? null,
      succeeded ? (outcome.authorizationCode ?? null) : null,
      succeeded ? (outcome.providerToken ?? null) : null,
      succeeded ? null : outcome.reason,
      succeeded ? null : outcome.rawCode,
      at,
    ],
  );
}

/** No answer: `unknown` when the request may have arrived, `failed` when it is proven that it did not. */
export async function failAttempt(
  db: Queryable,
  attemptId: string,
  failure: ProviderFailure,
  at: Date,
): Promise<void> {
  await db.query('UPDATE payment_attempts SET state = $2, failure = $3, finished_at = $4 WHERE id = $1', [
    attemptId,
    failure === 'unknown_outcome' ? 'unknown' : 'failed',
    failure,
    at,
  ]);
}

/** What a process that died left open may have arrived: it becomes `unknown`, never sent again. */
export async function markAttemptsUnknown(db: Queryable, captureId: string, at: Date): Promise<void> {
  await db.query(
    `UPDATE payment_attempts SET state = 'unknown', failure = 'unknown_outcome', finished_at = $2
     WHERE capture_id = $1 AND state = 'processing'`,
    [captureId, at],
  );
}

export interface UnknownAttempt {
  readonly id: string;
  readonly accountId: string;
  readonly captureId: string;
  readonly idempotencyKey: string;
}

/** Attempts whose outcome is to be looked up, the oldest first; at most 100 a call. */
export async function findUnknownAttempts(db: Queryable, provider: string): Promise<UnknownAttempt[]> {
  return await db.query(
    `SELECT id, account_id AS "accountId", capture_id AS "captureId", idempotency_key AS "idempotencyKey"
     FROM payment_attempts WHERE state = 'unknown' AND provider = $1 ORDER BY created_at LIMIT 100`,
    [provider],
  );
}
