import type { Queryable } from '../../db/database.ts';
import type { Operation } from '../../payments/contract.ts';
import type { Mode } from '../../payments/kind.ts';

/** An attempt without an outcome, as it is on record. */
export interface OpenAttempt {
  readonly id: string;
  readonly accountId: string;
  readonly paymentId: string | null;
  readonly captureId: string | null;
  readonly provider: string;
  readonly providerId: string;
  /** That it was written under; null for `default`, and for an attempt from before it was kept. */
  readonly configurationVersion: number | null;
  readonly mode: Mode;
  readonly idempotencyKey: string;
  readonly operation: Operation;
  readonly amount: number | null;
  readonly currency: string | null;
  readonly reference: string | null;
  readonly fingerprint: Buffer | null;
  readonly state: 'processing' | 'unknown';
  /** Whoever may send it and look it up, while their lease lasts; null: nobody. */
  readonly holder: string | null;
  readonly createdAt: Date;
  readonly finishedAt: Date | null;
  /** Its capture runs, as far as the database knows. */
  readonly captureOpen: boolean;
}

const OPEN_COLUMNS = `
  a.id, a.account_id AS "accountId", a.payment_id AS "paymentId", a.capture_id AS "captureId", a.provider,
  a.provider_id AS "providerId", a.configuration_version AS "configurationVersion", a.mode,
  a.idempotency_key AS "idempotencyKey", a.operation, a.amount, a.currency, a.reference,
  a.request_fingerprint AS fingerprint, a.state, a.holder,
  a.created_at AS "createdAt", a.finished_at AS "finishedAt"`;

export interface AttemptClaim {
  readonly instanceId: string;
  readonly holder: string;
  readonly leaseUntil: Date;
  /** Whose lease was over by then. */
  readonly freeSince: Date;
  /** A capture that is not over looks after its own attempt until that is this far over its lease. */
  readonly lostSince: Date;
  /** Providers that have enough to do for now. */
  readonly exceptProviders: readonly string[];
}

/**
 * Takes the open attempt that nobody holds and that has waited longest. Several processes at once get different ones: a
 * row that another is about to take is passed over.
 */
export async function claimOpenAttempt(
  db: Queryable,
  { instanceId, holder, leaseUntil, freeSince, lostSince, exceptProviders }: AttemptClaim,
): Promise<OpenAttempt | undefined> {
  const rows = await db.query<OpenAttempt>(
    `WITH due AS (
       SELECT a.id, c.id IS NOT NULL AND c.ended_at IS NULL AS open
       FROM payment_attempts a LEFT JOIN captures c ON c.account_id = a.account_id AND c.id = a.capture_id
       WHERE a.state IN ('processing', 'unknown') AND a.lease_until <= $2 AND a.provider_id <> ALL ($6)
         AND (c.id IS NULL OR c.ended_at IS NOT NULL OR a.lease_until <= $4)
       ORDER BY a.lease_until, a.id LIMIT 1 FOR UPDATE OF a SKIP LOCKED
     )
     UPDATE payment_attempts a SET holder = $1, lease_until = $3, instance_id = $5 FROM due WHERE a.id = due.id
     RETURNING ${OPEN_COLUMNS}, due.open AS "captureOpen"`,
    [holder, freeSince, leaseUntil, lostSince, instanceId, exceptProviders],
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
    `UPDATE payment_attempts SET lease_until = $2, holder = NULL
     WHERE instance_id = $1 AND state = 'unknown' AND lease_until > $2`,
    [instanceId, at],
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

/** The time after the lease belongs to whoever takes it; until then nobody does anything with it. */
export async function releaseAttempt(
  db: Queryable,
  attemptId: string,
  holder: string,
  leaseUntil: Date,
): Promise<void> {
  await db.query(
    `UPDATE payment_attempts SET lease_until = $3, holder = NULL
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
