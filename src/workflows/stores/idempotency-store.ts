import type { Queryable } from '../../db/database.ts';
import type { StoredAnswer } from '../contract.ts';

export interface NewIdempotencyKey {
  readonly id: string;
  readonly accountId: string;
  readonly keyDigest: Buffer;
  readonly clientId: string;
  readonly subject: string;
  readonly operation: string;
  readonly fingerprint: Buffer;
  readonly claim: string;
  readonly at: Date;
}

export interface IdempotencyRow {
  readonly id: string;
  readonly fingerprint: Buffer;
  readonly state: 'in_flight' | 'done';
  readonly claim: string;
  readonly claimedAt: Date;
  readonly status: number | null;
  readonly body: unknown;
  readonly location: string | null;
}

/**
 * Takes a key that nobody has, or whose row is from before `keptSince`. The unique index decides between two at once.
 * Returns whether it was taken.
 */
export async function insertIdempotencyKey(
  db: Queryable,
  row: NewIdempotencyKey,
  keptSince: Date,
): Promise<boolean> {
  const rows = await db.query(
    `INSERT INTO idempotency_keys AS kept
       (id, account_id, key_digest, client_id, subject, operation, fingerprint, claim, claimed_at, created_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)
     ON CONFLICT (account_id, key_digest) DO UPDATE SET
       id = excluded.id, client_id = excluded.client_id, subject = excluded.subject, operation = excluded.operation,
       fingerprint = excluded.fingerprint, state = 'in_flight', claim = excluded.claim,
       claimed_at = excluded.claimed_at, created_at = excluded.created_at, status = NULL, body = NULL, location = NULL
     WHERE kept.created_at <= $10
     RETURNING id`,
    [
      row.id,
      row.accountId,
      row.keyDigest,
      row.clientId,
      row.subject,
      row.operation,
      row.fingerprint,
      row.claim,
      row.at,
      keptSince,
    ],
  );
  return rows.length === 1;
}

export async function findIdempotencyKey(
  db: Queryable,
  keyDigest: Buffer,
): Promise<IdempotencyRow | undefined> {
  const rows = await db.query<IdempotencyRow>(
    `SELECT id, fingerprint, state, claim, claimed_at AS "claimedAt", status, body, location
     FROM idempotency_keys WHERE key_digest = $1`,
    [keyDigest],
  );
  return rows[0];
}

/** Returns whether the row was still in flight under the claim `from`: one of several that try gets it. */
export async function takeOverIdempotencyKey(
  db: Queryable,
  id: string,
  from: string,
  to: { readonly claim: string; readonly at: Date },
): Promise<boolean> {
  const rows = await db.query(
    `UPDATE idempotency_keys SET claim = $3, claimed_at = $4
     WHERE id = $1 AND claim = $2 AND state = 'in_flight' RETURNING id`,
    [id, from, to.claim, to.at],
  );
  return rows.length === 1;
}

/** Only while the claim holds: what was taken over is the business of another. */
export async function finishIdempotencyKey(
  db: Queryable,
  { id, claim }: { readonly id: string; readonly claim: string },
  answer: StoredAnswer,
): Promise<void> {
  await db.query(
    `UPDATE idempotency_keys SET state = 'done', status = $3, body = $4, location = $5
     WHERE id = $1 AND claim = $2 AND state = 'in_flight'`,
    [
      id,
      claim,
      answer.status,
      answer.body === undefined ? null : JSON.stringify(answer.body),
      answer.location ?? null,
    ],
  );
}

/** Only while the claim holds. */
export async function releaseIdempotencyKey(
  db: Queryable,
  { id, claim }: { readonly id: string; readonly claim: string },
): Promise<void> {
  await db.query(`DELETE FROM idempotency_keys WHERE id = $1 AND claim = $2 AND state = 'in_flight'`, [
    id,
    claim,
  ]);
}

/** As if its process had died long ago: the next one takes it over. Only while the claim holds. */
export async function abandonIdempotencyKey(
  db: Queryable,
  { id, claim }: { readonly id: string; readonly claim: string },
): Promise<void> {
  await db.query(
    `UPDATE idempotency_keys SET claimed_at = to_timestamp(0)
     WHERE id = $1 AND claim = $2 AND state = 'in_flight'`,
    [id, claim],
  );
}

/** Of all accounts. Returns how many there were. */
export async function deleteIdempotencyKeys(db: Queryable, keptSince: Date, limit: number): Promise<number> {
  const rows = await db.query(
    `DELETE FROM idempotency_keys WHERE id IN
       (SELECT id FROM idempotency_keys WHERE created_at <= $1 ORDER BY created_at LIMIT $2)
     RETURNING id`,
    [keptSince, limit],
  );
  return rows.length;
}
