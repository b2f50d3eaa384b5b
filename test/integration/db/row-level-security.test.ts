import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { appendAudit } from '../../../src/audit/store.ts';
import type { Queryable } from '../../../src/db/database.ts';
import { createTestDatabase, execute, type TestDatabase } from '../../support/database.ts';
import {
  insertAccount,
  insertAttempt,
  insertCall,
  insertCapture,
  insertCardToken,
  insertGrant,
  insertIdempotencyKey,
  insertPayment,
  insertVaultKeys,
} from '../../support/rows.ts';
import { insertClientRows } from '../../support/client-rows.ts';
import { insertProviderRows } from '../../support/provider-rows.ts';
import { insertWebhookRows } from '../../support/webhook-rows.ts';

const TABLES = [
  'account_event_counters',
  'account_events',
  'webhook_attempts',
  'webhook_deliveries',
  'webhook_endpoints',
  'webhook_secrets',
  'audit_checkpoints',
  'audit_heads',
  'audit_records',
  'accounts',
  'calls',
  'captures',
  'card_tokens',
  'capture_events',
  'capture_grants',
  'client_assertions',
  'client_secrets',
  'clients',
  'idempotency_keys',
  'payment_attempts',
  'payments',
  'provider_routing_rules',
  'provider_secrets',
  'providers',
];

/** Tasks of the system have nothing to look for in these. */
const NOT_FOR_THE_SYSTEM = [
  'client_assertions',
  'client_secrets',
  'provider_routing_rules',
  'webhook_attempts',
  'webhook_secrets',
];

let db: TestDatabase;

beforeAll(async () => {
  db = await createTestDatabase();
  await db.database.systemTransaction(insertVaultKeys);
  for (const account of ['acc_a', 'acc_b']) {
    await db.database.transaction(account, async (tx) => {
      await insertAccount(tx, account);
      await insertCall(tx, account, `call_${account}`);
      await insertCapture(tx, account, `call_${account}`, `cap_${account}`);
      await insertAttempt(tx, account, `cap_${account}`, `att_${account}`);
      await insertPayment(tx, account, `pay_${account.slice(-1)}`);
      await insertGrant(tx, account, `call_${account}`, `gnt_${account}`);
      await tx.query(
        `insert into capture_events (account_id, capture_id, sequence, type, payload) values ($1, $2, 1, 'x', '{}')`,
        [account, `cap_${account}`],
      );
      await insertWebhookRows(tx, account);
      await insertProviderRows(tx, account);
      await insertClientRows(tx, account);
      await insertIdempotencyKey(tx, account);
      await insertCardToken(tx, account, `tok_card_${account.slice(-1).repeat(26)}`);
      await appendAudit(tx, [
        {
          accountId: account,
          actor: { kind: 'system' },
          operation: 'capture.create',
          object: { type: 'capture', id: `cap_${account}` },
          result: 'done',
        },
      ]);
    });
    await db.database.systemTransaction(
      async (tx) =>
        await tx.query(`insert into audit_checkpoints (account_id, sequence, jws) values ($1, 1, 'x')`, [
          account,
        ]),
    );
  }
});

afterAll(() => db.close());

async function accountsSeen(tx: Queryable, table: string): Promise<string[]> {
  const rows = await tx.query<{ account_id: string }>(`select account_id from ${table} order by 1`);
  return rows.map((row) => row.account_id);
}

describe.each(TABLES)('%s', (table) => {
  test('shows an account its own rows only', async () => {
    const seen = await db.database.transaction('acc_a', (tx) => accountsSeen(tx, table));
    expect(seen).toEqual(['acc_a']);
  });

  test('shows nothing when no account, or an unknown one, is named', async () => {
    await expect(db.database.transaction('acc_c', (tx) => accountsSeen(tx, table))).resolves.toEqual([]);
    await expect(countWithoutAccount(table)).resolves.toBe(0);
  });

  test('has row-level security that binds its owner too', async () => {
    const [row] = await execute(
      db.url,
      'select relrowsecurity as enabled, relforcerowsecurity as forced from pg_class where oid = $1::regclass',
      [table],
    );
    expect(row).toEqual({ enabled: true, forced: true });
  });
});

test.each(TABLES.filter((table) => !NOT_FOR_THE_SYSTEM.includes(table)))(
  '%s shows recovery the rows of all accounts',
  async (table) => {
    const seen = await db.database.systemTransaction((tx) => accountsSeen(tx, table));
    expect(seen).toEqual(['acc_a', 'acc_b']);
  },
);

test.each(NOT_FOR_THE_SYSTEM)('%s is not for recovery', async (table) => {
  const attempt = db.database.systemTransaction((tx) => accountsSeen(tx, table));
  await expect(attempt).rejects.toMatchObject({ code: '42501' });
});

/** In the role of the server, in a session that has never named an account. */
async function countWithoutAccount(table: string): Promise<number> {
  const client = new Client({ connectionString: db.url });
  await client.connect();
  try {
    await client.query('set role hushtone_server');
    const { rows } = await client.query<{ count: string }>(`select count(*) from ${table}`);
    return Number(rows[0]?.count);
  } finally {
    await client.end();
  }
}

test('every table with an account is covered above', async () => {
  const rows = await execute<{ name: string }>(
    db.url,
    `select table_name as name from information_schema.columns where column_name = 'account_id' order by 1`,
  );
  expect(rows.map((row) => row.name)).toEqual([...TABLES].sort());
});

test('a row of another account cannot be inserted', async () => {
  const attempt = db.database.transaction('acc_a', (tx) => insertCall(tx, 'acc_b', 'call_smuggled'));
  await expect(attempt).rejects.toThrow(/row-level security/);
});

test('a row cannot be moved to another account', async () => {
  const attempt = db.database.transaction('acc_a', (tx) =>
    tx.query(`update calls set account_id = 'acc_b' where id = 'call_acc_a'`),
  );
  await expect(attempt).rejects.toThrow(/row-level security/);
});

test('a row of another account is not changed', async () => {
  const changed = await db.database.transaction('acc_a', (tx) =>
    tx.query(`update captures set reason = 'x' where id = 'cap_acc_b' returning id`),
  );
  expect(changed).toEqual([]);
});

test('a capture cannot hang on the call of another account', async () => {
  await db.database.transaction('acc_b', (tx) => insertCall(tx, 'acc_b', 'call_target'));
  const attempt = db.database.transaction('acc_a', (tx) =>
    insertCapture(tx, 'acc_a', 'call_target', 'cap_across'),
  );
  await expect(attempt).rejects.toMatchObject({ constraint: 'captures_account_id_call_id_fkey' });
});

test.each([
  'delete from capture_events',
  'delete from account_events',
  'delete from webhook_attempts',
  `update webhook_attempts set error = null`,
  'select * from graphile_worker._private_jobs',
  `select graphile_worker.add_job('webhook_delivery')`,
  'delete from payment_attempts',
  'delete from providers',
  `update providers set mode = 'live'`,
  `update capture_events set type = 'y'`,
  'truncate captures',
  'alter table captures disable row level security',
  'select * from hushtone_migrations',
])('the server may not: %s', async (sql) => {
  const attempt = db.database.transaction('acc_a', (tx) => tx.query(sql));
  await expect(attempt).rejects.toMatchObject({ code: '42501' });
});

test('neither role can log in, own, or bypass anything', async () => {
  const rows = await execute(
    db.url,
    `select rolcanlogin, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb,
       exists (select from pg_class where relowner = r.oid) as owns
     from pg_roles r where rolname in ('hushtone_server', 'hushtone_system')`,
  );
  const nothing = {
    rolcanlogin: false,
    rolsuper: false,
    rolbypassrls: false,
    rolcreaterole: false,
    rolcreatedb: false,
    owns: false,
  };
  expect(rows).toEqual([nothing, nothing]);
});
