import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { Client } from 'pg';
import { createLogger, silentLogger } from '../../../src/kernel/logger.ts';
import { cardTokenRekeyables } from '../../../src/vault/tokens/rekey-store.ts';
import type { Rekeyable } from '../../../src/vault/rekeyable.ts';
import type { CardVault } from '../../../src/workflows/tokens/contract.ts';
import { createTestDatabase, execute, type TestDatabase } from '../../support/database.ts';
import { createTestKeyRing, type TestKeyRing } from '../../support/key-ring.ts';
import { insertAccount } from '../../support/rows.ts';
import { cardNumberAt, seedCards } from '../../support/seed-cards.ts';
import { testVault } from '../../support/vault-cards.ts';

const RECORDS = 50;

let db: TestDatabase;
let keys: TestKeyRing;
let vault: CardVault;
let ids: string[];
let cards: Rekeyable;
let fingerprints: Rekeyable;

beforeAll(async () => {
  db = await createTestDatabase({ poolSize: 4 });
  await db.database.transaction('acc_a', async (tx) => await insertAccount(tx, 'acc_a'));
  keys = await createTestKeyRing(db);
  vault = testVault(db, keys.keyRing);
});

beforeEach(async () => {
  await execute(db.url, 'delete from card_tokens');
  ids = await seedCards(db.url, keys.keyRing, 'acc_a', RECORDS);
  [cards, fingerprints] = cardTokenRekeyables({
    database: db.database,
    keyRing: keys.keyRing,
    logger: silentLogger,
  });
});

afterAll(async () => {
  await keys.close();
  await db.close();
});

async function expectAllOpen(): Promise<void> {
  for (const [index, id] of ids.entries()) {
    using expected = cardNumberAt(index);
    using card = await vault.reveal('acc_a', id);
    expect(card.cardNumber.equals(expected)).toBe(true);
  }
}

test('nothing is moved while there is nothing to move', async () => {
  await expect(cards.moveBatch(10)).resolves.toBe(0);
  await expect(fingerprints.moveBatch(10)).resolves.toBe(0);
});

test('a batch is as large as it is asked to be, and what is left is counted', async () => {
  const { previous, active } = await keys.registry().rotate('card_data');
  const before = await execute<{ ciphertext: Buffer }>(
    db.url,
    'select ciphertext from card_tokens order by id',
  );
  await expect(cards.moveBatch(20)).resolves.toBe(20);
  await expect(cards.remaining(previous.id)).resolves.toBe(30);
  await expect(cards.remaining(active.id)).resolves.toBe(20);
  await expectAllOpen();
  await expect(cards.moveBatch(20)).resolves.toBe(20);
  await expect(cards.moveBatch(20)).resolves.toBe(10);
  await expect(cards.moveBatch(20)).resolves.toBe(0);
  await expect(cards.remaining(previous.id)).resolves.toBe(0);
  await expectAllOpen();
  // Only the data keys were wrapped anew.
  expect(await execute(db.url, 'select ciphertext from card_tokens order by id')).toEqual(before);
  expect(await execute(db.url, 'select distinct version from card_tokens')).toEqual([{ version: 1 }]);
});

test('several movers share the records', async () => {
  const { previous } = await keys.registry().rotate('card_data');
  const counts = await Promise.all([cards.moveBatch(20), cards.moveBatch(20), cards.moveBatch(20)]);
  expect(counts.reduce((one, other) => one + other)).toBe(RECORDS);
  await expect(cards.remaining(previous.id)).resolves.toBe(0);
  await expectAllOpen();
});

test('a record that someone else writes is left for later', async () => {
  const { previous } = await keys.registry().rotate('card_data');
  const client = new Client({ connectionString: db.url });
  await client.connect();
  try {
    await client.query('begin');
    await client.query('select from card_tokens where id = $1 for update', [ids[0]]);
    await expect(cards.moveBatch(100)).resolves.toBe(RECORDS - 1);
    await expect(cards.moveBatch(100)).resolves.toBe(0);
    await expect(cards.remaining(previous.id)).resolves.toBe(1);
    await client.query('commit');
  } finally {
    await client.end();
  }
  await expect(cards.moveBatch(100)).resolves.toBe(1);
});

test('a record that does not open is set aside, told of without a digit, and keeps its key in use', async () => {
  const lines: string[] = [];
  const logger = createLogger('error', { write: (line) => void lines.push(line) });
  const [moving] = cardTokenRekeyables({ database: db.database, keyRing: keys.keyRing, logger });
  await execute(
    db.url,
    `update card_tokens set wrapped_key = decode(repeat('00', 40), 'hex') where id = $1`,
    [ids[0]],
  );
  const registry = keys.registry(moving);
  const { previous } = await registry.rotate('card_data');
  await expect(registry.moveRecords('card_data', 7, () => undefined)).resolves.toBe(RECORDS - 1);
  await expect(moving.remaining(previous.id)).resolves.toBe(1);
  await expect(registry.retire(previous.id)).rejects.toMatchObject({ code: 'key_in_use' });
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain('stays under its key');
  expect(lines[0]).not.toMatch(/424242/);
  // So that the tests that follow can rotate.
  await execute(db.url, 'delete from card_tokens where id = $1', [ids[0]]);
});

test('fingerprints are made anew, the cards and the names of their fingerprints stay', async () => {
  const named = async (): Promise<unknown> =>
    await execute(db.url, 'select id, fingerprint_id, wrapped_key, ciphertext from card_tokens order by id');
  const macs = async (): Promise<Buffer[]> =>
    (await execute<{ mac: Buffer }>(db.url, 'select fingerprint as mac from card_tokens order by id')).map(
      ({ mac }) => mac,
    );
  const [before, macsBefore] = [await named(), await macs()];
  const { previous, active } = await keys.registry().rotate('fingerprints');
  while ((await fingerprints.moveBatch(16)) > 0);
  await expect(fingerprints.remaining(previous.id)).resolves.toBe(0);
  await expect(fingerprints.remaining(active.id)).resolves.toBe(RECORDS);
  expect(await named()).toEqual(before);
  const macsAfter = await macs();
  for (const mac of macsAfter) expect(macsBefore.some((old) => old.equals(mac))).toBe(false);
});

test('while the key of the cards is changed too, fingerprints are made all the same', async () => {
  const registry = keys.registry(cards, fingerprints);
  const prints = await registry.rotate('fingerprints');
  const sealed = await registry.rotate('card_data');
  await fingerprints.moveBatch(10);
  await cards.moveBatch(25);
  await registry.moveRecords('fingerprints', 10, () => undefined);
  await registry.moveRecords('card_data', 10, () => undefined);
  for (const { previous } of [prints, sealed]) {
    await registry.retire(previous.id);
    await registry.destroy(previous.id);
    await expect(keys.provider.has(previous.id)).resolves.toBe(false);
  }
  await expectAllOpen();
});
