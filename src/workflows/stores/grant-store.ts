import type { Queryable } from '../../db/database.ts';
import type { Amount, Purpose } from '../../payments/contract.ts';
import type { FieldRequest } from '../contract.ts';

/** A capture grant as it is kept. */
export interface Grant {
  readonly id: string;
  readonly accountId: string;
  readonly agentId: string;
  readonly callId?: string;
  readonly purpose: Purpose;
  readonly amount?: Amount;
  readonly fields?: readonly FieldRequest[];
  readonly uses: 'once' | 'many';
  readonly useCount: number;
  readonly clientId: string;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly revokedAt?: Date;
}

interface GrantRow {
  readonly id: string;
  readonly account_id: string;
  readonly agent_id: string;
  readonly call_id: string | null;
  readonly purpose: Purpose;
  readonly amount: number | null;
  readonly currency: string | null;
  readonly fields: readonly FieldRequest[] | null;
  readonly uses: 'once' | 'many';
  readonly use_count: number;
  readonly client_id: string;
  readonly created_by: string;
  readonly created_at: Date;
  readonly expires_at: Date;
  readonly revoked_at: Date | null;
}

export async function insertGrant(db: Queryable, grant: Grant): Promise<void> {
  await db.query(
    `INSERT INTO capture_grants
       (id, account_id, agent_id, call_id, purpose, amount, currency, fields, uses, client_id, created_by, created_at,
        expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
    [
      grant.id,
      grant.accountId,
      grant.agentId,
      grant.callId ?? null,
      grant.purpose,
      grant.amount?.value ?? null,
      grant.amount?.currency ?? null,
      grant.fields === undefined ? null : JSON.stringify(grant.fields),
      grant.uses,
      grant.clientId,
      grant.createdBy,
      grant.createdAt,
      grant.expiresAt,
    ],
  );
}

export async function findGrant(db: Queryable, grantId: string): Promise<Grant | undefined> {
  const [row] = await db.query<GrantRow>('SELECT * FROM capture_grants WHERE id = $1', [grantId]);
  return row && toGrant(row);
}

/** Revokes it unless it is revoked already. Returns whether this call did it. */
export async function revokeGrant(db: Queryable, grantId: string, at: Date): Promise<boolean> {
  const rows = await db.query(
    'UPDATE capture_grants SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL RETURNING id',
    [grantId, at],
  );
  return rows.length === 1;
}

/**
 * Counts a use, in the transaction of what it is used for. The row's lock lets one of two at once through. Returns the
 * grant as it stands now; undefined when it is used up, revoked or expired.
 */
export async function useGrant(db: Queryable, grantId: string, at: Date): Promise<Grant | undefined> {
  const [row] = await db.query<GrantRow>(
    `UPDATE capture_grants SET use_count = use_count + 1
     WHERE id = $1 AND revoked_at IS NULL AND expires_at > $2 AND (uses = 'many' OR use_count = 0)
     RETURNING *`,
    [grantId, at],
  );
  return row && toGrant(row);
}

/** Does it stand, and is it this agent's? */
export async function isGrantStanding(
  db: Queryable,
  grantId: string,
  agentId: string,
  at: Date,
): Promise<boolean> {
  const rows = await db.query(
    'SELECT id FROM capture_grants WHERE id = $1 AND agent_id = $2 AND revoked_at IS NULL AND expires_at > $3',
    [grantId, agentId, at],
  );
  return rows.length === 1;
}

/** Those of the grants, of any account, that have ended. */
export async function findEndedGrants(
  db: Queryable,
  grantIds: readonly string[],
  at: Date,
): Promise<string[]> {
  const rows = await db.query<{ id: string }>(
    'SELECT id FROM capture_grants WHERE id = ANY ($1) AND (revoked_at IS NOT NULL OR expires_at <= $2)',
    [grantIds, at],
  );
  return rows.map(({ id }) => id);
}

function toGrant(row: GrantRow): Grant {
  return {
    id: row.id,
    accountId: row.account_id,
    agentId: row.agent_id,
    ...(row.call_id !== null && { callId: row.call_id }),
    purpose: row.purpose,
    ...(row.amount !== null &&
      row.currency !== null && { amount: { value: row.amount, currency: row.currency } }),
    ...(row.fields !== null && { fields: row.fields }),
    uses: row.uses,
    useCount: row.use_count,
    clientId: row.client_id,
    createdBy: row.created_by,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    ...(row.revoked_at !== null && { revokedAt: row.revoked_at }),
  };
}
