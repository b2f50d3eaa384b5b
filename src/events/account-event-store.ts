import type { Queryable } from '../db/database.ts';
import type { AccountEvent } from './types.ts';

interface AccountEventRow {
  readonly id: string;
  readonly sequence: number;
  readonly type: AccountEvent['type'];
  readonly created_at: Date;
  readonly data: AccountEvent['data'];
}

export function toAccountEvent(row: AccountEventRow): AccountEvent {
  return {
    id: row.id,
    sequence: row.sequence,
    type: row.type,
    timestamp: row.created_at.toISOString(),
    data: row.data,
  };
}

/** The account's events after `afterSequence`, in order; at most `limit`. */
export async function readAccountEvents(
  db: Queryable,
  accountId: string,
  afterSequence: number,
  limit: number,
): Promise<AccountEvent[]> {
  const rows = await db.query<AccountEventRow>(
    `SELECT id, sequence, type, created_at, data FROM account_events
     WHERE account_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $3`,
    [accountId, afterSequence, limit],
  );
  return rows.map(toAccountEvent);
}

/** Undefined when the account has no such event. */
export async function findAccountEvent(
  db: Queryable,
  accountId: string,
  sequence: number,
): Promise<AccountEvent | undefined> {
  const [event] = await readAccountEvents(db, accountId, sequence - 1, 1);
  return event?.sequence === sequence ? event : undefined;
}

/** The number of the account's latest event; 0 when it has none. */
export async function lastAccountSequence(db: Queryable, accountId: string): Promise<number> {
  const rows = await db.query<{ last: number }>(
    'SELECT last_sequence AS last FROM account_event_counters WHERE account_id = $1',
    [accountId],
  );
  return rows[0]?.last ?? 0;
}
