import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { silentLogger } from '../../../src/kernel/logger.ts';
import type { CardVault } from '../../../src/workflows/tokens/contract.ts';
import { createCardVault } from '../../../src/workflows/tokens/card-vault.ts';
import { shredDueCards, startRetention } from '../../../src/workflows/tokens/retention.ts';
import { createTestDatabase, execute, type TestDatabase } from '../../support/database.ts';
import { createTestKeyRing, type TestKeyRing } from '../../support/key-ring.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { insertAccount } from '../../support/rows.ts';
import { storeCard, testVault } from '../../support/vault-cards.ts';

const NUMBER = '4242424242424242';

let db: TestDatabase;
let keys: TestKeyRing;
let vault: CardVault;

beforeAll(async () => {
  db = await createTestDatabase({ poolSize: 8 });
  for (const account of ['acc_a', 'acc_b']) {
    await db.database.transaction(account, async (tx) => await insertAccount(tx, account));
  }
  keys = await createTestKeyRing(db);
  vault = testVault(db, keys.keyRing);
});

afterAll(async () => {
  await keys.close();
  await db.close();
});

interface Sealed {
  readonly ciphertext: Buffer;
  readonly wrapped_key: Buffer;
  readonly fingerprint: Buffer;
}

async function sealedOf(tokenId: string): Promise<Sealed> {
  const [row] = await execute<Sealed>(
    db.url,
    'select ciphertext, wrapped_key, fingerprint from card_tokens where id = $1',
    [tokenId],
  );
  if (row === undefined) throw new Error('there is no such row');
  return row;
}

/** The files of the table and of its indexes, as they are on the disk. */
async function filesOfTable(): Promise<Buffer[]> {
  await execute(db.url, 'checkpoint');
  const rows = await execute<{ directory: string; file: string }>(
    db.url,
    `select current_setting('data_directory') as directory, pg_relation_filepath(oid) as file from pg_class
     where oid = 'card_tokens'::regclass
       or oid in (select indexrelid from pg_index where indrelid = 'card_tokens'::regclass)`,
  );
  expect(rows.length).toBeGreaterThan(5);
  return await Promise.all(rows.map(async ({ directory, file }) => await readFile(join(directory, file))));
}

const isIn = (files: readonly Buffer[], bytes: Buffer): boolean => files.some((file) => file.includes(bytes));

interface Recorded {
  readonly operation: string;
  readonly reason?: string;
  readonly before?: Readonly<Record<string, unknown>>;
}

async function deletionsOf(tokenId: string): Promise<Recorded[]> {
  const rows = await execute<{ record: string }>(
    db.url,
    `select record::text as record from audit_records where record::jsonb -> 'object' ->> 'id' = $1 order by sequence`,
    [tokenId],
  );
  return rows
    .map(({ record }) => JSON.parse(record) as Recorded)
    .filter(({ operation }) => operation === 'card_token.delete');
}

describe('crypto-shredding', () => {
  test('leaves brand and last four, and nothing that could be opened or tells the card again', async () => {
    const { id } = await storeCard(db, testVault(db, keys.keyRing, { lookAlike: true }), 'acc_a', NUMBER, {
      customerReference: 'customer-7',
    });
    await vault.shred('acc_a', id, 'declined');
    const [row] = await execute<Record<string, unknown>>(db.url, 'select * from card_tokens where id = $1', [
      id,
    ]);
    const kept = Object.entries(row ?? {}).filter(([, value]) => value !== null);
    expect(Object.fromEntries(kept)).toEqual({
      id,
      account_id: 'acc_a',
      mode: 'test',
      look_alike: expect.stringMatching(/4242$/) as unknown,
      brand: 'visa',
      last4: '4242',
      version: 1,
      created_at: expect.any(Date) as unknown,
      updated_at: expect.any(Date) as unknown,
      deleted_at: expect.any(Date) as unknown,
      deleted_reason: 'declined',
    });
  });

  test('leaves no byte of it in the files of the table, once they are written anew', async () => {
    const numbers = ['4111111111111111', '5555555555554444', '378282246310005', '6011111111111117'];
    const shredded: string[] = [];
    const kept: string[] = [];
    for (const number of numbers) {
      shredded.push((await storeCard(db, vault, 'acc_a', number)).id);
      kept.push((await storeCard(db, vault, 'acc_b', number)).id);
    }
    const gone = await Promise.all(shredded.map(sealedOf));
    const there = await Promise.all(kept.map(sealedOf));
    const before = await filesOfTable();
    for (const sealed of [...gone, ...there]) {
      for (const bytes of Object.values(sealed) as Buffer[]) expect(isIn(before, bytes)).toBe(true);
    }

    for (const id of shredded) await vault.shred('acc_a', id, 'capture_ended');
    await execute(db.url, 'vacuum full card_tokens');
    const after = await filesOfTable();
    for (const sealed of gone) {
      for (const bytes of Object.values(sealed) as Buffer[]) expect(isIn(after, bytes)).toBe(false);
    }
    for (const sealed of there) {
      for (const bytes of Object.values(sealed) as Buffer[]) expect(isIn(after, bytes)).toBe(true);
    }
  });
});

describe('retention', () => {
  const DAY_MS = 24 * 60 * 60 * 1000;

  const keepFor = (retentionDays: number, clock: ManualClock): CardVault =>
    createCardVault({
      database: db.database,
      keyRing: keys.keyRing,
      policy: { binDigits: 6, lookAlike: false, retentionDays },
      clock,
    });

  async function statesOf(ids: readonly string[]): Promise<(string | null)[]> {
    const rows = await execute<{ id: string; reason: string | null }>(
      db.url,
      'select id, deleted_reason as reason from card_tokens where id = any ($1)',
      [ids],
    );
    return ids.map((id) => rows.find((row) => row.id === id)?.reason ?? null);
  }

  test('shreds what is due in every account, on record, and nothing else', async () => {
    const clock = new ManualClock();
    const due = [
      await storeCard(db, keepFor(10, clock), 'acc_a', NUMBER),
      await storeCard(db, keepFor(10, clock), 'acc_b', NUMBER),
    ].map(({ id }) => id);
    const later = (await storeCard(db, keepFor(11, clock), 'acc_a', NUMBER)).id;
    const deleted = (await storeCard(db, keepFor(10, clock), 'acc_a', NUMBER)).id;
    const always = (await storeCard(db, vault, 'acc_a', NUMBER)).id;
    await vault.shred('acc_a', deleted, 'declined');

    clock.advance(10 * DAY_MS - 1);
    await expect(shredDueCards({ database: db.database, clock })).resolves.toBe(0);
    clock.advance(1);
    await expect(shredDueCards({ database: db.database, clock })).resolves.toBe(2);
    await expect(shredDueCards({ database: db.database, clock })).resolves.toBe(0);
    expect(await statesOf([...due, later, deleted, always])).toEqual([
      'expired',
      'expired',
      null,
      'declined',
      null,
    ]);
    for (const id of due) {
      expect(await deletionsOf(id)).toMatchObject([
        { reason: 'expired', before: { expires_at: expect.any(String) as unknown } },
      ]);
    }
    await expect(keepFor(10, clock).face('acc_a', due[0] ?? '')).rejects.toMatchObject({
      code: 'token_expired',
    });
  });

  test('goes on over many pages, and several processes share them', async () => {
    const clock = new ManualClock('2027-01-01T00:00:00Z');
    const short = keepFor(1, clock);
    const ids: string[] = [];
    for (let count = 0; count < 450; count += 1) {
      ids.push((await storeCard(db, short, count % 2 === 0 ? 'acc_a' : 'acc_b', NUMBER)).id);
    }
    clock.advance(DAY_MS);
    const options = { database: db.database, clock };
    const counts = await Promise.all([
      shredDueCards(options),
      shredDueCards(options),
      shredDueCards(options),
    ]);
    expect(counts.reduce((one, other) => one + other)).toBeGreaterThanOrEqual(ids.length);
    expect(new Set(await statesOf(ids))).toEqual(new Set(['expired']));
    expect(await deletionsOf(ids[0] ?? '')).toHaveLength(1);
  });

  test('runs at the start and then regularly, until it is stopped', async () => {
    const clock = new ManualClock('2028-01-01T00:00:00Z');
    const { id } = await storeCard(db, keepFor(1, clock), 'acc_a', NUMBER);
    const retention = startRetention({ database: db.database, clock, logger: silentLogger });
    await expect.poll(() => clock.pending).toBe(1);
    expect(await statesOf([id])).toEqual([null]);
    clock.advance(DAY_MS);
    await expect.poll(async () => await statesOf([id]), { timeout: 5000 }).toEqual(['expired']);
    await retention.stop();
    expect(clock.pending).toBe(0);
  });
});
