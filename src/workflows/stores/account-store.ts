import type { Queryable } from '../../db/database.ts';

/** Makes sure that the account exists: routes name accounts, and every row belongs to one. */
export async function ensureAccount(db: Queryable, accountId: string): Promise<void> {
  await db.query('INSERT INTO accounts (id, account_id) VALUES ($1, $1) ON CONFLICT (id) DO NOTHING', [
    accountId,
  ]);
}
