import type { Queryable } from '../../src/db/database.ts';

/** A client with a secret and a spent assertion, with no more than what the tables ask for. */
export async function insertClientRows(tx: Queryable, accountId: string): Promise<void> {
  const id = accountId.replaceAll(/[^0-9a-z]/g, '').padEnd(26, '0');
  await tx.query(
    `insert into clients (id, account_id, name, roles, scopes, created_at)
     values ('cli_' || $1, $2, 'CRM', '{integrator}', '{captures:read}', now())`,
    [id, accountId],
  );
  await tx.query(
    `insert into client_secrets (id, account_id, client_id, hash, created_at)
     values ('sec_' || $1, $2, 'cli_' || $1, '$argon2id$', now())`,
    [id, accountId],
  );
  await tx.query(
    `insert into client_assertions (account_id, client_id, jti_hash, expires_at)
     values ($2, 'cli_' || $1, sha256('x'), now())`,
    [id, accountId],
  );
}
