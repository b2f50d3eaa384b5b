import type { Queryable } from '../db/database.ts';
import type { AddressBlocks } from './networks.ts';

export interface Account {
  readonly id: string;
  /** From where its clients may come; empty: from anywhere. */
  readonly networks: AddressBlocks;
  readonly createdAt: Date;
}

interface AccountRow {
  readonly id: string;
  readonly networks: string[];
  readonly created_at: Date;
}

const COLUMNS = 'id, networks::text[] as networks, created_at';

const accountOf = (row: AccountRow): Account => ({
  id: row.id,
  networks: row.networks,
  createdAt: row.created_at,
});

/** False when there is such an account already. */
export async function insertAccount(db: Queryable, accountId: string): Promise<boolean> {
  const rows = await db.query(
    'insert into accounts (id, account_id) values ($1, $1) on conflict (id) do nothing returning id',
    [accountId],
  );
  return rows.length === 1;
}

export async function findAccount(db: Queryable, accountId: string): Promise<Account | undefined> {
  const [row] = await db.query<AccountRow>(`select ${COLUMNS} from accounts where id = $1`, [accountId]);
  return row && accountOf(row);
}

/** The same, locked against everyone who would change it; rows that only refer to it can still be written. */
export async function lockAccount(db: Queryable, accountId: string): Promise<Account | undefined> {
  const [row] = await db.query<AccountRow>(
    `select ${COLUMNS} from accounts where id = $1 for no key update`,
    [accountId],
  );
  return row && accountOf(row);
}

/** All that the transaction sees, by id. */
export async function listAccounts(db: Queryable): Promise<Account[]> {
  const rows = await db.query<AccountRow>(`select ${COLUMNS} from accounts order by id`);
  return rows.map(accountOf);
}

export async function saveAccountNetworks(
  db: Queryable,
  accountId: string,
  networks: AddressBlocks,
): Promise<void> {
  await db.query(
    `update accounts set networks =
       (select coalesce(array_agg(network(block::inet)), '{}') from unnest($2::text[]) block) where id = $1`,
    [accountId, networks],
  );
}
