import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Database } from '../../../src/db/database.ts';
import { silentLogger } from '../../../src/kernel/logger.ts';
import { secretMemoryUse } from '../../../src/secrets/arena.ts';
import { cardTokenRekeyables } from '../../../src/vault/tokens/rekey-store.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { createTestKeyRing, type TestKeyRing } from '../../support/key-ring.ts';
import { insertAccount } from '../../support/rows.ts';
import { secretDigits, storeCard, testVault } from '../../support/vault-cards.ts';

const NUMBER = '4242424242424242';

let db: TestDatabase;
let keys: TestKeyRing;

beforeAll(async () => {
  db = await createTestDatabase({ poolSize: 4 });
  await db.database.transaction('acc_a', async (tx) => await insertAccount(tx, 'acc_a'));
  keys = await createTestKeyRing(db);
});

afterAll(async () => {
  await keys.close();
  await db.close();
});

const taken = (): number => secretMemoryUse().takenBytes;

test('of a card nothing is left in the memory for secrets, whatever became of it', async () => {
  const vault = testVault(db, keys.keyRing);
  const before = taken();
  const { id } = await storeCard(db, vault, 'acc_a', NUMBER);
  expect(['stored', taken()]).toEqual(['stored', before]);

  (await vault.reveal('acc_a', id))[Symbol.dispose]();
  expect(['revealed', taken()]).toEqual(['revealed', before]);

  let transactions = 0;
  const failing: Database = {
    ...db.database,
    transaction: async (accountId, work) => {
      transactions += 1;
      if (transactions > 1) throw new Error('the record is refused');
      return await db.database.transaction(accountId, work);
    },
  };
  await expect(testVault({ database: failing }, keys.keyRing).reveal('acc_a', id)).rejects.toThrow(
    'the record is refused',
  );
  expect(['not revealed', taken()]).toEqual(['not revealed', before]);
});

test('nor when keys change while it is stored, nor when it is moved to others', async () => {
  const vault = testVault(db, keys.keyRing);
  using cardNumber = secretDigits(NUMBER);
  const prepared = await vault.prepare({ accountId: 'acc_a', mode: 'test', cardNumber, brand: 'visa' });
  const registry = keys.registry();
  await registry.rotate('card_data');
  await registry.rotate('fingerprints');
  await keys.keyRing.refresh(); // the new keys are in memory from here on
  // The registry's provider has them too.
  const before = taken();
  await db.database.transaction('acc_a', async (tx) => await prepared.write(tx));
  expect(['stored under new keys', taken()]).toEqual(['stored under new keys', before]);

  const [cards, fingerprints] = cardTokenRekeyables({
    database: db.database,
    keyRing: keys.keyRing,
    logger: silentLogger,
  });
  for (const each of [cards, fingerprints]) while ((await each.moveBatch(10)) > 0);
  expect(['moved', taken()]).toEqual(['moved', before]);
});
