import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDatabase, type Database } from '../../../src/db/database.ts';
import { migrate } from '../../../src/db/migrate.ts';
import { silentLogger } from '../../../src/kernel/logger.ts';
import { cardTokenRekeyables } from '../../../src/vault/tokens/rekey-store.ts';
import { createEmptyDatabase, execute } from '../../support/database.ts';
import { createTestKeyRing, type TestKeyRing } from '../../support/key-ring.ts';
import { insertAccount } from '../../support/rows.ts';
import { digitsOf, storeCard, testVault } from '../../support/vault-cards.ts';

/** As in production: the user of DATABASE_URL owns the tables, and row-level security binds it. */
const OWNER = 'vault_owner';
const NUMBER = '4242424242424242';

let database: Database;
let keys: TestKeyRing;

beforeAll(async () => {
  const superuser = await createEmptyDatabase();
  // The roles belong to the whole cluster: a first migration makes them, and the owner must be let into them.
  await migrate(await createEmptyDatabase());
  await execute(superuser, `create role ${OWNER} login password 'owner' nosuperuser nobypassrls`);
  await execute(superuser, `grant hushtone_server, hushtone_system to ${OWNER}`);
  await execute(superuser, `alter database ${new URL(superuser).pathname.slice(1)} owner to ${OWNER}`);
  const url = new URL(superuser);
  url.username = OWNER;
  url.password = 'owner';
  await migrate(url.href);
  database = openDatabase({ url: url.href, poolSize: 4 });
  keys = await createTestKeyRing({ database, url: url.href });
  await database.transaction('acc_a', async (tx) => await insertAccount(tx, 'acc_a'));
});

afterAll(async () => {
  await keys.close();
  await database.close();
});

test('cards are stored, opened, moved to another key and shredded', async () => {
  const vault = testVault({ database }, keys.keyRing);
  const { id } = await storeCard({ database }, vault, 'acc_a', NUMBER);
  const moving = cardTokenRekeyables({ database, keyRing: keys.keyRing, logger: silentLogger });
  for (const each of moving) {
    const registry = keys.registry(each);
    const { previous } = await registry.rotate(each.purpose);
    // The trigger sees the cards of all accounts, and the registry, which counts nothing, is held up by it.
    await expect(keys.registry().retire(previous.id)).rejects.toMatchObject({
      constraint: 'vault_keys_without_cards',
    });
    await expect(registry.moveRecords(each.purpose, 10, () => undefined)).resolves.toBe(1);
    await expect(registry.retire(previous.id)).resolves.toMatchObject({ state: 'retired' });
  }
  using card = await vault.reveal('acc_a', id);
  expect(digitsOf(card.cardNumber)).toBe(NUMBER);
  await vault.shred('acc_a', id, 'declined');
  await expect(vault.face('acc_a', id)).rejects.toMatchObject({ code: 'token_deleted' });
});
