import type { Queryable } from '../../db/database.ts';
import type { Amount, DeclineReason, Operation, PaymentOutcome } from '../../payments/contract.ts';
import type { Mode } from '../../payments/kind.ts';
import type { PaymentFailure } from '../payments/failures.ts';

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
        created_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'processing', $12, $13, $14, $15, $16, $17, $18, $19, $20)`,
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
    ],
  );
}

/** Writes the provider's answer unless the attempt is settled already. Returns whether it did. */
export async function settleAttempt(
  db: Queryable,
  attemptId: string,
  outcome: PaymentOutcome,
  at: Date,
): Promise<boolean> {
  const succeeded = outcome.result === 'succeeded';
  const rows = await db.query(
    `UPDATE payment_attempts
     SET state = $2, provider_reference = $3, authorization_code = $4, provider_token = $5,
         decline_reason = $6, raw_code = $7, failure = NULL, finished_at = $8
     WHERE id = $1 AND state IN ('processing', 'unknown') RETURNING id`,
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
  return rows.length === 1;
}

/** It is proven that it moved nothing. Returns whether it was still open. */
export async function failAttempt(
  db: Queryable,
  attemptId: string,
  failure: PaymentFailure,
  at: Date,
): Promise<boolean> {
  const rows = await db.query(
    `UPDATE payment_attempts SET state = 'failed', failure = $2, finished_at = $3
     WHERE id = $1 AND state IN ('processing', 'unknown') RETURNING id`,
    [attemptId, failure, at],
  );
  return rows.length === 1;
}

/** The same of one that its provider never saw: only by who holds it, and if nobody has waited for it since. */
export async function failAbsentAttempt(
  db: Queryable,
  attemptId: string,
  { holder, absentSince }: { readonly holder: string; readonly absentSince: Date },
  at: Date,
): Promise<boolean> {
  const rows = await db.query(
    `UPDATE payment_attempts SET state = 'failed', failure = 'never_arrived', finished_at = $4
     WHERE id = $1 AND holder = $2 AND finished_at <= $3 AND state = 'unknown' RETURNING id`,
    [attemptId, holder, absentSince, at],
  );
  return rows.length === 1;
}

/**
 * It may have arrived. `finished_at` is when everybody gave up waiting, at the latest. Returns whether it was still
 * `processing`.
 */
export async function doubtAttempt(
  db: Queryable,
  attemptId: string,
  at: Date,
  leaseUntil: Date,
): Promise<boolean> {
  const rows = await db.query(
    `UPDATE payment_attempts
     SET state = 'unknown', failure = 'unknown_outcome', finished_at = $2, lease_until = $3
     WHERE id = $1 AND state = 'processing' RETURNING id`,
    [attemptId, at, leaseUntil],
  );
  return rows.length === 1;
}

/** The vault has kept the card. */
export async function keepAttempt(db: Queryable, attemptId: string, token: string, at: Date): Promise<void> {
  await db.query(
    `UPDATE payment_attempts SET state = 'succeeded', token = $2, finished_at = $3 WHERE id = $1`,
    [attemptId, token, at],
  );
}

/**
 * Written before an attempt goes out once more under its key. False: somebody else holds it, it is settled, or it went
 * out `most` times.
 */
export async function claimResend(
  db: Queryable,
  attemptId: string,
  claim: {
    readonly holder: string;
    readonly leaseUntil: Date;
    readonly most: number;
    readonly at: Date;
  },
): Promise<boolean> {
  const rows = await db.query(
    `UPDATE payment_attempts
     SET sends = sends + 1, lease_until = GREATEST(lease_until, $3), finished_at = GREATEST($3, $5)
     WHERE id = $1 AND holder = $2 AND state = 'unknown' AND sends < $4 RETURNING id`,
    [attemptId, claim.holder, claim.leaseUntil, claim.most, claim.at],
  );
  return rows.length === 1;
}

/** Nobody waits for an answer any more: from now on the time counts after which a look-up that finds nothing is proof. */
export async function gaveUpAttempt(
  db: Queryable,
  attemptId: string,
  holder: string,
  at: Date,
): Promise<void> {
  await db.query(
    `UPDATE payment_attempts SET finished_at = $3 WHERE id = $1 AND holder = $2 AND state = 'unknown'`,
    [attemptId, holder, at],
  );
}

/** The time after the lease belongs to whoever takes it. */
export async function releaseAttempt(
  db: Queryable,
  attemptId: string,
  holder: string,
  leaseUntil: Date,
): Promise<void> {
  await db.query(
    `UPDATE payment_attempts SET lease_until = $3
     WHERE id = $1 AND holder = $2 AND state IN ('processing', 'unknown')`,
    [attemptId, holder, leaseUntil],
  );
}

/**
 * What a process that is gone left open may have arrived. `ownerIsDead`: nobody can send it any more; otherwise its
 * owner may live somewhere until its lease is over.
 */
export async function doubtAttemptsOfCapture(
  db: Queryable,
  captureId: string,
  ownerIsDead: boolean,
  at: Date,
): Promise<void> {
  await db.query(
    `UPDATE payment_attempts
     SET state = 'unknown', failure = 'unknown_outcome',
         finished_at = CASE WHEN $3 THEN $2 ELSE GREATEST(lease_until, $2) END,
         lease_until = CASE WHEN $3 THEN $2 ELSE lease_until END
     WHERE capture_id = $1 AND state = 'processing'`,
    [captureId, at, ownerIsDead],
  );
}

/** An attempt without an outcome, as it is on record. */
export interface OpenAttempt {
  readonly id: string;
  readonly accountId: string;
  readonly paymentId: string | null;
  readonly captureId: string | null;
  readonly provider: string;
  readonly providerId: string;
  readonly mode: Mode;
  readonly idempotencyKey: string;
  readonly operation: Operation;
  readonly amount: number | null;
  readonly currency: string | null;
  readonly reference: string | null;
  readonly fingerprint: Buffer | null;
  readonly state: 'processing' | 'unknown';
  readonly createdAt: Date;
  readonly finishedAt: Date | null;
  /** Its capture runs, as far as the database knows. */
  readonly captureOpen: boolean;
}

const OPEN_COLUMNS = `
  a.id, a.account_id AS "accountId", a.payment_id AS "paymentId", a.capture_id AS "captureId", a.provider,
  a.provider_id AS "providerId", a.mode, a.idempotency_key AS "idempotencyKey", a.operation, a.amount, a.currency,
  a.reference, a.request_fingerprint AS fingerprint, a.state, a.created_at AS "createdAt",
  a.finished_at AS "finishedAt"`;

export interface AttemptClaim {
  readonly instanceId: string;
  readonly holder: string;
  readonly at: Date;
  readonly leaseUntil: Date;
  /** A capture that is not over looks after its own attempt until that is this far over its lease. */
  readonly lostSince: Date;
}

/**
 * Takes the first open attempt after the id `after` that nobody holds. Several processes at once get different ones:
 * a row that another is about to take is passed over.
 */
export async function claimOpenAttempt(
  db: Queryable,
  after: string,
  { instanceId, holder, at, leaseUntil, lostSince }: AttemptClaim,
): Promise<OpenAttempt | undefined> {
  const rows = await db.query<OpenAttempt>(
    `WITH due AS (
       SELECT a.id, c.id IS NOT NULL AND c.ended_at IS NULL AS open
       FROM payment_attempts a LEFT JOIN captures c ON c.account_id = a.account_id AND c.id = a.capture_id
       WHERE a.state IN ('processing', 'unknown') AND a.id > $1 AND a.lease_until <= $3
         AND (c.id IS NULL OR c.ended_at IS NOT NULL OR a.lease_until <= $5)
       ORDER BY a.id LIMIT 1 FOR UPDATE OF a SKIP LOCKED
     )
     UPDATE payment_attempts a SET holder = $2, lease_until = $4, instance_id = $6 FROM due WHERE a.id = due.id
     RETURNING ${OPEN_COLUMNS}, due.open AS "captureOpen"`,
    [after, holder, at, leaseUntil, lostSince, instanceId],
  );
  return rows[0];
}

/** Attempts that a process under this name had under way. It is gone, or it would not start anew. */
export async function findAttemptsOfInstance(db: Queryable, instanceId: string): Promise<OpenAttempt[]> {
  return await db.query<OpenAttempt>(
    `SELECT ${OPEN_COLUMNS}, false AS "captureOpen" FROM payment_attempts a
     WHERE a.instance_id = $1 AND a.state = 'processing' ORDER BY a.id`,
    [instanceId],
  );
}

/** What it had looked up or sent again is anybody's now. */
export async function releaseAttemptsOfInstance(db: Queryable, instanceId: string, at: Date): Promise<void> {
  await db.query(
    `UPDATE payment_attempts SET lease_until = $2
     WHERE instance_id = $1 AND state = 'unknown' AND lease_until > $2`,
    [instanceId, at],
  );
}

/** The change of a payment that was asked for under a row of idempotency_keys, the latest. */
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
     WHERE idempotency_id = $1 ORDER BY created_at DESC, id LIMIT 1`,
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
