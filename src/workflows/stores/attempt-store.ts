import type { Queryable } from '../../db/database.ts';
import type {
  Amount,
  DeclineReason,
  Operation,
  PaymentOutcome,
  ProviderFailure,
  Purpose,
} from '../../payments/contract.ts';

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
       (id, account_id, capture_id, provider, idempotency_key, operation, amount, currency, state, brand, last4, created_at,
        provider_id, mode)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'processing', $9, $10, $11, 'default', 'test')`,
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

export interface OpenAttempt {
  readonly id: string;
  readonly accountId: string;
  readonly captureId: string;
  readonly idempotencyKey: string;
  readonly operation: Operation;
  readonly createdAt: Date;
}

/**
 * Attempts of captures that are over whose outcome is not known, at most `limit` of those after the id `after`. One
 * that is still `processing` there could not be written when its answer, or the lack of one, came.
 */
export async function findOpenAttempts(
  db: Queryable,
  provider: string,
  after: string,
  limit: number,
): Promise<OpenAttempt[]> {
  return await db.query(
    `SELECT a.id, a.account_id AS "accountId", a.capture_id AS "captureId", a.idempotency_key AS "idempotencyKey",
            a.operation, a.created_at AS "createdAt"
     FROM payment_attempts a JOIN captures c ON c.id = a.capture_id
     WHERE a.state IN ('processing', 'unknown') AND a.provider = $1 AND a.id > $2 AND c.ended_at IS NOT NULL
     ORDER BY a.id LIMIT $3`,
    [provider, after, limit],
  );
}

interface AttemptRow {
  readonly state: 'processing' | 'succeeded' | 'declined' | 'failed' | 'unknown';
  readonly reference: string | null;
  readonly code: string | null;
  readonly token: string | null;
  readonly reason: DeclineReason | null;
  readonly rawCode: string | null;
}

/** What is on record of a capture's payment. Undefined: nothing was ever sent. */
export async function findRecordedPayment(
  db: Queryable,
  captureId: string,
): Promise<PaymentOutcome | { readonly result: 'processing' | 'failed' | 'unknown' } | undefined> {
  const [row] = await db.query<AttemptRow>(
    `SELECT state, provider_reference AS reference, authorization_code AS code, provider_token AS token,
            decline_reason AS reason, raw_code AS "rawCode"
     FROM payment_attempts WHERE capture_id = $1 ORDER BY created_at DESC LIMIT 1`,
    [captureId],
  );
  if (row === undefined) return undefined;
  const { state, reference, code, token, reason, rawCode } = row;
  if (state === 'declined') {
    return {
      result: state,
      reason: reason ?? 'generic_decline',
      rawCode: rawCode ?? '',
      ...(reference !== null && { providerReference: reference }),
    };
  }
  if (state !== 'succeeded') return { result: state };
  return {
    result: state,
    providerReference: reference ?? '',
    ...(code !== null && { authorizationCode: code }),
    ...(token !== null && { providerToken: token }),
  };
}
