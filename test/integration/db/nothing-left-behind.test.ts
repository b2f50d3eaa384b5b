import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Queryable } from '../../../src/db/database.ts';
import { createTestDatabase, execute, type TestDatabase } from '../../support/database.ts';

let db: TestDatabase;

beforeAll(async () => {
  // One connection: whatever a transaction left behind, the next one would find.
  db = await createTestDatabase({ poolSize: 1 });
});

afterAll(() => db.close());

interface Session {
  readonly role: string;
  readonly account: string | null;
  readonly statement: string;
  readonly idle: string;
}

async function sessionOf(tx: Queryable): Promise<Session | undefined> {
  const [session] = await tx.query<Session>(
    `select current_user as role, nullif(current_setting('hushtone.account_id', true), '') as account,
       current_setting('statement_timeout') as statement,
       current_setting('idle_in_transaction_session_timeout') as idle`,
  );
  return session;
}

describe('a transaction', () => {
  test('has the role, the account and the limits that it was given', async () => {
    const limits = { statement: '15s', idle: '30s' };
    expect(await db.database.transaction('acc_a', sessionOf)).toEqual({
      role: 'hushtone_server',
      account: 'acc_a',
      ...limits,
    });
    expect(await db.database.systemTransaction(sessionOf)).toEqual({
      role: 'hushtone_system',
      account: null,
      ...limits,
    });
  });

  test.each(['commit', 'rollback'])('leaves none of it on its connection after a %s', async (end) => {
    const [before] = await execute<Session>(
      db.url,
      `select current_user as role, null as account, current_setting('statement_timeout') as statement,
         current_setting('idle_in_transaction_session_timeout') as idle`,
    );
    // The statement ends the transaction, and the next one shows what a pooler would hand on.
    const seen = await db.database.transaction('acc_a', async (tx) => {
      await tx.query(end);
      return await sessionOf(tx);
    });
    expect(seen).toEqual(before);
  });
});

test('no function that works with the rights of its owner can be called by everybody', async () => {
  const open = await execute<{ name: string }>(
    db.url,
    `select p.oid::regprocedure::text as name
     from pg_proc p join pg_namespace n on n.oid = p.pronamespace,
       aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as acl
     where n.nspname = 'public' and p.prosecdef and acl.grantee = 0 and acl.privilege_type = 'EXECUTE'`,
  );
  expect(open).toEqual([]);
  const [guarded] = await execute<{ count: number }>(
    db.url,
    `select count(*)::int as count from pg_proc p join pg_namespace n on n.oid = p.pronamespace
     where n.nspname = 'public' and p.prosecdef`,
  );
  expect(guarded?.count).toBeGreaterThan(0);
});

test('every function that works with the rights of its owner says where it looks for names', async () => {
  const loose = await execute<{ name: string }>(
    db.url,
    `select p.oid::regprocedure::text as name from pg_proc p join pg_namespace n on n.oid = p.pronamespace
     where n.nspname = 'public' and p.prosecdef
       and not exists (select from unnest(p.proconfig) setting where setting like 'search_path=pg_catalog%')`,
  );
  expect(loose).toEqual([]);
});
