import type { Queryable } from '../../db/database.ts';
import type { PaymentOutcome } from '../../payments/contract.ts';
import type { PaymentFailure } from '../payments/failures.ts';

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

/**
 * It is proven that it moved nothing: only by who holds it, as another may be sending it again. Returns whether it was
 * still open and theirs.
 */
export async function failAttempt(
  db: Queryable,
  { id, holder }: { readonly id: string; readonly holder: string },
  failure: PaymentFailure,
  at: Date,
): Promise<boolean> {
  const rows = await db.query(
    `UPDATE payment_attempts SET state = 'failed', failure = $3, finished_at = $4
     WHERE id = $1 AND holder = $2 AND state IN ('processing', 'unknown') RETURNING id`,
    [id, holder, failure, at],
  );
  return rows.length === 1;
}

/**
 * The same of one that its provider never saw. This is the one place that decides it: whoever holds it has asked, and
 * since `absentSince` nobody has waited for an answer. Returns whether that is so.
 */
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

/** Who gave an attempt up, when, and until when it stays theirs. */
export interface GivenUp {
  readonly holder: string;
  readonly givenUpAt: Date;
  readonly leaseUntil: Date;
}

/**
 * It may have arrived. `finished_at` is when everybody gave up waiting, at the latest. Returns whether it was still
 * `processing`; the lease of another is left as it is.
 */
export async function doubtAttempt(
  db: Queryable,
  attemptId: string,
  { holder, givenUpAt, leaseUntil }: GivenUp,
): Promise<boolean> {
  const rows = await db.query(
    `UPDATE payment_attempts
     SET state = 'unknown', failure = 'unknown_outcome', finished_at = GREATEST(finished_at, $2),
         lease_until = CASE WHEN holder = $4 THEN $3 ELSE lease_until END
     WHERE id = $1 AND state = 'processing' RETURNING id`,
    [attemptId, givenUpAt, leaseUntil, holder],
  );
  if (rows.length === 1) return true;
  await gaveUpAttempt(db, attemptId, holder, givenUpAt);
  return false;
}

/**
 * Nobody waits for an answer any more: from now on the time counts after which a look-up that finds nothing is proof.
 * From one that lost its lease meanwhile it only ever puts that time off.
 */
export async function gaveUpAttempt(
  db: Queryable,
  attemptId: string,
  holder: string,
  at: Date,
): Promise<void> {
  await db.query(
    `UPDATE payment_attempts
     SET finished_at = CASE WHEN holder = $2 THEN $3 ELSE GREATEST(finished_at, $3) END
     WHERE id = $1 AND state = 'unknown'`,
    [attemptId, holder, at],
  );
}

/**
 * The provider says of an attempt that is settled what cannot be: a success of what is on record as another end, or a
 * refusal of what is on record as a success. The end stays; what was said is kept with it. Returns the state on record
 * if it contradicts, once.
 */
export async function contradictAttempt(
  db: Queryable,
  attemptId: string,
  outcome: PaymentOutcome,
  at: Date,
): Promise<'succeeded' | 'declined' | 'failed' | undefined> {
  const rows = await db.query<{ state: 'succeeded' | 'declined' | 'failed' }>(
    `UPDATE payment_attempts
     SET contradicted_at = $3, provider_reference = coalesce(provider_reference, $4)
     WHERE id = $1 AND contradicted_at IS NULL AND state IN ('succeeded', 'declined', 'failed')
       AND (state = 'succeeded') <> ($2 = 'succeeded')
     RETURNING state`,
    [attemptId, outcome.result, at, outcome.providerReference ?? null],
  );
  return rows[0]?.state;
}
