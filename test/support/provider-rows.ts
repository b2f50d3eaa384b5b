import type { Queryable } from '../../src/db/database.ts';
import { newId } from '../../src/kernel/ids.ts';

/** A provider of the account with a secret and a rule, as rows only: nothing of it opens. After `insertVaultKeys`. */
export async function insertProviderRows(tx: Queryable, accountId: string): Promise<string> {
  const id = newId('prv');
  await tx.query(
    `insert into providers (id, account_id, kind, name, mode, configuration, created_at, updated_at)
     values ($1, $2, 'sandbox', 'Main', 'test', '{}', now(), now())`,
    [id, accountId],
  );
  await tx.query(
    `insert into provider_secrets (account_id, provider_id, pointer, version, key_id, wrapped_key, ciphertext, created_at)
     values ($1, $2, '/secret_key', 1, 'key_' || repeat('c', 26), $3, $3, now())`,
    [accountId, id, Buffer.alloc(40)],
  );
  await tx.query(
    `insert into provider_routing_rules (id, account_id, position, mode, providers, created_at)
     values ($1, $2, 0, 'test', array[$3], now())`,
    [newId('rule'), accountId, id],
  );
  return id;
}
