import { afterAll, beforeAll, expect, test } from 'vitest';
import { violatedConstraint } from '../../../src/db/errors.ts';
import { createTestDatabase, execute, type TestDatabase } from '../../support/database.ts';
import { insertProviderRows } from '../../support/provider-rows.ts';
import { insertAccount, insertVaultKeys } from '../../support/rows.ts';

/** What the rows of tests are under. */
const KEY = `key_${'c'.repeat(26)}`;
const CARD_KEY = `key_${'a'.repeat(26)}`;

let db: TestDatabase;

beforeAll(async () => {
  db = await createTestDatabase();
  await db.database.systemTransaction(insertVaultKeys);
  await db.database.transaction('acc_a', async (tx) => await insertAccount(tx, 'acc_a'));
});

afterAll(() => db.close());

const store = async (): Promise<string> =>
  await db.database.transaction('acc_a', async (tx) => await insertProviderRows(tx, 'acc_a'));

async function move(providerId: string, keyId: string): Promise<void> {
  await db.database.systemTransaction(
    async (tx) =>
      await tx.query('update provider_secrets set key_id = $2 where provider_id = $1', [providerId, keyId]),
  );
}

const constraintOf = async (work: Promise<unknown>): Promise<string | undefined> =>
  await work.then(() => 'none', violatedConstraint);

test('credentials are put under a key of theirs that opens, and under no other', async () => {
  const stored = await store();
  for (const [state, expected] of [
    ['active', 'none'],
    ['decrypt_only', 'none'],
    ['retired', 'vault_key_usable'],
    ['destroyed', 'vault_key_usable'],
  ] as const) {
    // There is one rule of a place.
    await execute(db.url, 'delete from provider_routing_rules');
    await execute(db.url, 'update vault_keys set state = $2 where id = $1', [KEY, state]);
    expect([state, await constraintOf(store())]).toEqual([state, expected]);
  }
  expect(await constraintOf(move(stored, CARD_KEY))).toBe('vault_key_usable');
  expect(await constraintOf(move(stored, `key_${'d'.repeat(26)}`))).toBe('vault_key_usable');
});
