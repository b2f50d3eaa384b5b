import type { Queryable } from '../../db/database.ts';
import type { StoredNumber } from '../stored-number.ts';

export interface NumberRow {
  /** Of the call. */
  readonly id: string;
  readonly accountId: string;
  readonly sealed: Buffer;
}

export async function countNumbersOfKey(db: Queryable, keyId: string): Promise<number> {
  const [row] = await db.query<{ count: number }>(
    'SELECT count(*) AS count FROM calls WHERE caller_number_key_id = $1 AND caller_number IS NOT NULL',
    [keyId],
  );
  return row?.count ?? 0;
}

/** Numbers under these keys, locked; with `withoutKey` those from before the key ring, too. What others hold is left. */
export async function lockNumbers(
  db: Queryable,
  keyIds: readonly string[],
  { withoutKey, except, limit }: { withoutKey: boolean; except: readonly string[]; limit: number },
): Promise<NumberRow[]> {
  return await db.query(
    `SELECT id, account_id AS "accountId", caller_number AS sealed FROM calls
     WHERE caller_number IS NOT NULL AND id <> ALL ($2)
       AND (caller_number_key_id = ANY ($1) OR ($3 AND caller_number_key_id IS NULL))
     LIMIT $4 FOR NO KEY UPDATE SKIP LOCKED`,
    [keyIds, except, withoutKey, limit],
  );
}

export async function saveNumber(db: Queryable, callId: string, number: StoredNumber): Promise<void> {
  await db.query('UPDATE calls SET caller_number = $2, caller_number_index = $3 WHERE id = $1', [
    callId,
    number.sealed,
    number.index,
  ]);
}
