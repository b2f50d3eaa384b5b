import type { Queryable } from '../../db/database.ts';
import type { SignatureScheme } from './signature.ts';

export interface StoredSecret {
  readonly id: string;
  readonly endpointId: string;
  readonly scheme: SignatureScheme;
  readonly sealed: Buffer;
  readonly publicKey: string | null;
  readonly createdAt: Date;
  /** Null: until it is replaced. */
  readonly expiresAt: Date | null;
}

export async function insertSecret(db: Queryable, accountId: string, secret: StoredSecret): Promise<void> {
  await db.query(
    `INSERT INTO webhook_secrets (id, account_id, endpoint_id, scheme, sealed, public_key, created_at, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [
      secret.id,
      accountId,
      secret.endpointId,
      secret.scheme,
      secret.sealed,
      secret.publicKey,
      secret.createdAt,
      secret.expiresAt,
    ],
  );
}

/** What signs at that moment, the newest first: the current secrets and those of a rotation that overlaps. */
export async function findSecrets(
  db: Queryable,
  endpointIds: readonly string[],
  at: Date,
): Promise<StoredSecret[]> {
  return await db.query(
    `SELECT id, endpoint_id AS "endpointId", scheme, sealed, public_key AS "publicKey", created_at AS "createdAt",
       expires_at AS "expiresAt"
     FROM webhook_secrets WHERE endpoint_id = ANY ($1) AND (expires_at IS NULL OR expires_at > $2)
     ORDER BY scheme DESC, created_at DESC, id`,
    [endpointIds, at],
  );
}

/** The endpoint's current secret of this scheme signs until then and no longer. */
export async function expireCurrentSecret(
  db: Queryable,
  endpointId: string,
  scheme: SignatureScheme,
  at: Date,
): Promise<void> {
  await db.query(
    'UPDATE webhook_secrets SET expires_at = $3 WHERE endpoint_id = $1 AND scheme = $2 AND expires_at IS NULL',
    [endpointId, scheme, at],
  );
}

/** Destroys those of the endpoint that are over; with no time given, all of them. */
export async function destroySecrets(db: Queryable, endpointId: string, expiredBy?: Date): Promise<void> {
  await db.query(
    'DELETE FROM webhook_secrets WHERE endpoint_id = $1 AND ($2::timestamptz IS NULL OR expires_at <= $2)',
    [endpointId, expiredBy ?? null],
  );
}
