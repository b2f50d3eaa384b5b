import type { Database, Queryable } from '../db/database.ts';
import type { ChainLink } from './chain.ts';
import type { AuditBounds, AuditSource } from './verify.ts';

/** Which records are wanted; every part that is there must hold. */
export interface AuditFilter {
  /** Not before this moment. */
  readonly from?: Date;
  /** Before this moment. */
  readonly to?: Date;
  readonly operation?: string;
  readonly subject?: string;
  readonly clientId?: string;
  readonly objectType?: string;
  readonly objectId?: string;
  readonly result?: string;
}

/** Whose turn it is when a long list is read in pages: records below (newest first) or above `at`. */
export interface AuditPosition {
  readonly order: 'newest_first' | 'oldest_first';
  readonly at?: number;
  readonly limit: number;
}

const COLUMNS = {
  operation: 'operation',
  subject: 'subject',
  clientId: 'client_id',
  objectType: 'object_type',
  objectId: 'object_id',
  result: 'result',
} as const;

/** The records of an account that the filter lets through, in the order of the chain or its reverse. */
export async function findAuditRecords(
  db: Queryable,
  accountId: string,
  filter: AuditFilter,
  { order, at, limit }: AuditPosition,
): Promise<ChainLink[]> {
  const values: unknown[] = [accountId];
  const conditions = ['account_id = $1'];
  const add = (condition: string, value: unknown): void => {
    values.push(value);
    conditions.push(`${condition} $${values.length}`);
  };
  for (const [name, column] of Object.entries(COLUMNS)) {
    const value = filter[name as keyof typeof COLUMNS];
    if (value !== undefined) add(`${column} =`, value);
  }
  if (filter.from !== undefined) add('at >=', filter.from.toISOString());
  if (filter.to !== undefined) add('at <', filter.to.toISOString());
  const newest = order === 'newest_first';
  if (at !== undefined) add(newest ? 'sequence <' : 'sequence >', at);
  values.push(limit);
  return await db.query(
    `SELECT sequence, record, hash FROM audit_records WHERE ${conditions.join(' AND ')}
     ORDER BY sequence ${newest ? 'DESC' : 'ASC'} LIMIT $${values.length}`,
    values,
  );
}

/** Where the trail of an account ends, of one moment. */
export async function findAuditBounds(db: Queryable, accountId: string): Promise<AuditBounds> {
  // One statement, hence one snapshot: what is added meanwhile is in none of the parts.
  const [row] = await db.query<{
    readonly sequence: number | null;
    readonly hash: string | null;
    readonly lastRecord: number;
    readonly lastCheckpoint: number;
  }>(
    `SELECT h.sequence, h.hash,
       coalesce((SELECT max(r.sequence) FROM audit_records r WHERE r.account_id = $1), 0) AS "lastRecord",
       coalesce((SELECT max(c.sequence) FROM audit_checkpoints c WHERE c.account_id = $1), 0) AS "lastCheckpoint"
     FROM (SELECT 1) AS one LEFT JOIN audit_heads h ON h.account_id = $1`,
    [accountId],
  );
  const { sequence = null, hash = null, lastRecord = 0, lastCheckpoint = 0 } = row ?? {};
  return {
    head: sequence === null || hash === null ? undefined : { sequence, hash },
    lastRecord,
    lastCheckpoint,
  };
}

/** The signed checkpoints at the records after `after` and up to `upTo`. */
export async function findCheckpoints(
  db: Queryable,
  accountId: string,
  after: number,
  upTo: number,
): Promise<{ sequence: number; jws: string }[]> {
  return await db.query(
    `SELECT sequence, jws FROM audit_checkpoints WHERE account_id = $1 AND sequence > $2 AND sequence <= $3
     ORDER BY sequence`,
    [accountId, after, upTo],
  );
}

/** The last signed checkpoint of an account. */
export async function findLatestCheckpoint(db: Queryable, accountId: string): Promise<string | undefined> {
  const [row] = await db.query<{ jws: string }>(
    'SELECT jws FROM audit_checkpoints WHERE account_id = $1 ORDER BY sequence DESC LIMIT 1',
    [accountId],
  );
  return row?.jws;
}

/** The trail of one account for verification; each read is a transaction of its own. */
export function auditSource(database: Database, accountId: string): AuditSource {
  const read = async <T>(work: (db: Queryable) => Promise<T>): Promise<T> =>
    await database.transaction(accountId, work);
  return {
    bounds: async () => await read(async (db) => await findAuditBounds(db, accountId)),
    records: async (after, upTo, limit) =>
      await read(
        async (db) =>
          await db.query(
            `SELECT sequence, record, hash FROM audit_records
             WHERE account_id = $1 AND sequence > $2 AND sequence <= $3 ORDER BY sequence LIMIT $4`,
            [accountId, after, upTo, limit],
          ),
      ),
    checkpoints: async (after, upTo) =>
      await read(async (db) => await findCheckpoints(db, accountId, after, upTo)),
  };
}

/** The accounts that have a trail, or of whose trail anything is left. */
export async function findAuditedAccounts(database: Database): Promise<string[]> {
  const rows = await database.systemTransaction(
    async (db) =>
      await db.query<{ accountId: string }>(
        // One step through the index for each account, however many records there are.
        `WITH RECURSIVE step (account_id) AS (
           (SELECT account_id FROM audit_records ORDER BY account_id LIMIT 1)
           UNION ALL
           SELECT (SELECT r.account_id FROM audit_records r WHERE r.account_id > step.account_id
                   ORDER BY r.account_id LIMIT 1)
           FROM step WHERE step.account_id IS NOT NULL
         )
         SELECT account_id AS "accountId" FROM step WHERE account_id IS NOT NULL
         UNION SELECT account_id FROM audit_heads
         UNION SELECT account_id FROM audit_checkpoints
         ORDER BY 1`,
      ),
  );
  return rows.map(({ accountId }) => accountId);
}
