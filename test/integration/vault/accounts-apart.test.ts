import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Queryable } from '../../../src/db/database.ts';
import { newId } from '../../../src/kernel/ids.ts';
import { createTestDatabase, execute, type TestDatabase } from '../../support/database.ts';
import { insertProviderRows } from '../../support/provider-rows.ts';
import { insertAccount, insertCardToken, insertPayment, insertVaultKeys } from '../../support/rows.ts';

const TOKEN = `tok_card_${'b'.repeat(26)}`;

let db: TestDatabase;
let providerId: string;

beforeAll(async () => {
  db = await createTestDatabase();
  await db.database.systemTransaction(insertVaultKeys);
  for (const account of ['acc_a', 'acc_b']) {
    await db.database.transaction(account, async (tx) => await insertAccount(tx, account));
  }
  providerId = await db.database.transaction('acc_b', async (tx) => {
    await insertCardToken(tx, 'acc_b', TOKEN);
    return await insertProviderRows(tx, 'acc_b');
  });
});

afterAll(() => db.close());

test.each<[string, (tx: Queryable) => Promise<unknown>]>([
  ['card_tokens', async (tx) => await insertCardToken(tx, 'acc_b', newId('tok_card'))],
  ['payments', async (tx) => await insertPayment(tx, 'acc_b', 'pay_smuggled')],
  ['providers', async (tx) => await insertProviderRows(tx, 'acc_b')],
  [
    'provider_secrets',
    async (tx) =>
      await tx.query(
        `insert into provider_secrets
           (account_id, provider_id, pointer, version, key_id, wrapped_key, ciphertext, created_at)
         values ('acc_b', $1, '/another', 1, 'key_' || repeat('c', 26), $2, $2, now())`,
        [providerId, Buffer.alloc(40)],
      ),
  ],
  [
    'provider_routing_rules',
    async (tx) =>
      await tx.query(
        `insert into provider_routing_rules (id, account_id, position, mode, providers, created_at)
         values ($1, 'acc_b', 1, 'test', array['default'], now())`,
        [newId('rule')],
      ),
  ],
])('an account adds nothing to %s of another', async (table, insert) => {
  const own = db.database.transaction('acc_a', insert);
  await expect(own).rejects.toThrow(`new row violates row-level security policy for table "${table}"`);
});

test('an account neither reads, changes nor counts the stored card of another', async () => {
  const touched = await db.database.transaction('acc_a', async (tx) => [
    ...(await tx.query('select from card_tokens where id = $1', [TOKEN])),
    ...(await tx.query('select from card_tokens where id = $1 for no key update', [TOKEN])),
    ...(await tx.query('update card_tokens set updated_at = now() where id = $1 returning id', [TOKEN])),
  ]);
  expect(touched).toEqual([]);
});

test('what the server may see of an account is what it may write of it, in every table', async () => {
  const policies = await execute<{ table: string; sees: string; writes: string }>(
    db.url,
    `select tablename as table, qual as sees, coalesce(with_check, qual) as writes from pg_policies
     where schemaname = 'public' and 'hushtone_server' = any (roles) and cmd = 'ALL' order by 1`,
  );
  expect(policies.length).toBeGreaterThan(20);
  expect(policies.filter(({ sees, writes }) => sees !== writes)).toEqual([]);
  const open = policies.filter(
    ({ sees }) => !sees.includes(`id = current_setting('hushtone.account_id'::text, true)`),
  );
  expect(open).toEqual([]);
});
