import type { Queryable } from '../../db/database.ts';

export type DisabledReason = 'by_request' | 'gone' | 'given_up';

export interface Endpoint {
  readonly id: string;
  readonly accountId: string;
  readonly url: string;
  readonly description: string;
  /** Empty: every type. */
  readonly eventTypes: readonly string[];
  readonly ed25519: boolean;
  readonly enabled: boolean;
  readonly disabledReason: DisabledReason | null;
  readonly disabledAt: Date | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

const COLUMNS = `id, account_id AS "accountId", url, description, event_types AS "eventTypes", ed25519, enabled,
  disabled_reason AS "disabledReason", disabled_at AS "disabledAt", created_at AS "createdAt", updated_at AS "updatedAt"`;

export async function insertEndpoint(db: Queryable, endpoint: Endpoint): Promise<void> {
  await db.query(
    `INSERT INTO webhook_endpoints
       (id, account_id, url, description, event_types, ed25519, enabled, disabled_reason, disabled_at, created_at,
        updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)`,
    [
      endpoint.id,
      endpoint.accountId,
      endpoint.url,
      endpoint.description,
      endpoint.eventTypes,
      endpoint.ed25519,
      endpoint.enabled,
      endpoint.disabledReason,
      endpoint.disabledAt,
      endpoint.createdAt,
    ],
  );
}

/** Nobody else adds an endpoint to the account before this transaction is over. */
export async function lockEndpointsOf(db: Queryable, accountId: string): Promise<void> {
  await db.query("SELECT pg_advisory_xact_lock(hashtextextended('webhook_endpoints ' || $1, 0))", [
    accountId,
  ]);
}

/** All endpoints of the account that are not deleted, the oldest first. There are never many. */
export async function listEndpoints(db: Queryable, accountId: string): Promise<Endpoint[]> {
  return await db.query(
    `SELECT ${COLUMNS} FROM webhook_endpoints
     WHERE account_id = $1 AND deleted_at IS NULL ORDER BY created_at, id`,
    [accountId],
  );
}

export async function findEndpoint(db: Queryable, endpointId: string): Promise<Endpoint | undefined> {
  const rows = await db.query<Endpoint>(
    `SELECT ${COLUMNS} FROM webhook_endpoints WHERE id = $1 AND deleted_at IS NULL`,
    [endpointId],
  );
  return rows[0];
}

/** The same, and nobody else changes it before the transaction ends. */
export async function lockEndpoint(db: Queryable, endpointId: string): Promise<Endpoint | undefined> {
  const rows = await db.query<Endpoint>(
    `SELECT ${COLUMNS} FROM webhook_endpoints WHERE id = $1 AND deleted_at IS NULL FOR NO KEY UPDATE`,
    [endpointId],
  );
  return rows[0];
}

export async function updateEndpoint(db: Queryable, endpoint: Endpoint): Promise<void> {
  await db.query(
    `UPDATE webhook_endpoints SET url = $2, description = $3, event_types = $4, ed25519 = $5, enabled = $6,
       disabled_reason = $7, disabled_at = $8, updated_at = $9 WHERE id = $1`,
    [
      endpoint.id,
      endpoint.url,
      endpoint.description,
      endpoint.eventTypes,
      endpoint.ed25519,
      endpoint.enabled,
      endpoint.disabledReason,
      endpoint.disabledAt,
      endpoint.updatedAt,
    ],
  );
}

/** The row stays: the delivery log refers to it. */
export async function deleteEndpoint(db: Queryable, endpointId: string, at: Date): Promise<void> {
  await db.query(
    `UPDATE webhook_endpoints SET enabled = false, disabled_reason = coalesce(disabled_reason, 'by_request'),
       disabled_at = coalesce(disabled_at, $2), deleted_at = $2 WHERE id = $1`,
    [endpointId, at],
  );
}
