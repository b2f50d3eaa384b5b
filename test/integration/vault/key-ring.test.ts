import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  KEY_PURPOSES,
  type KeyRing,
  type SealContext,
  type SealedValue,
} from '../../../src/vault/contract.ts';
import { createTestDatabase, execute, type TestDatabase } from '../../support/database.ts';
import { createTestKeyRing, type TestKeyRing } from '../../support/key-ring.ts';
import { secretOf } from '../../support/secret-bytes.ts';

const CONTEXT: SealContext = { accountId: 'acc_a', recordId: 'tok_card_1', field: 'card_number', version: 1 };

let db: TestDatabase;
let keys: TestKeyRing;

beforeEach(async () => {
  db = await createTestDatabase();
  keys = await createTestKeyRing(db);
});

afterEach(async () => {
  await keys.close();
  await db.close();
});

const states = (ring: KeyRing, purpose = 'card_data'): string[] =>
  ring
    .list()
    .filter((key) => key.purpose === purpose)
    .map(({ state }) => state);

async function seal(ring: KeyRing): Promise<SealedValue> {
  using secret = secretOf('a value');
  return await ring.seal('card_data', CONTEXT, secret);
}

async function reads(ring: KeyRing, sealed: SealedValue): Promise<string> {
  using opened = await ring.open('card_data', CONTEXT, sealed);
  return opened.use((bytes) => Buffer.from(bytes).toString());
}

/** Waits until the ring has heard of it: nothing else tells a process. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await delay(10);
}

describe('the key ring of an installation', () => {
  test('has one active key of each purpose', () => {
    const found = keys.keyRing.list().map(({ purpose, state }) => `${purpose} ${state}`);
    expect(found.sort()).toEqual(KEY_PURPOSES.map((purpose) => `${purpose} active`).sort());
  });

  test('opens in one process what another has sealed', async () => {
    const other = await keys.open();
    expect(await reads(other, await seal(keys.keyRing))).toBe('a value');
    expect(await reads(keys.keyRing, await seal(other))).toBe('a value');
  });

  test('hears of a rotation that another process made, and seals under the new key', async () => {
    const before = await seal(keys.keyRing);
    const { active } = await keys.registry().rotate('card_data');
    await until(() => states(keys.keyRing).length === 2);
    expect(states(keys.keyRing)).toEqual(['active', 'decrypt_only']);
    expect((await seal(keys.keyRing)).keyId).toBe(active.id);
    expect(await reads(keys.keyRing, before)).toBe('a value');
  });

  test('hears of it after the connection that listens was lost, too', async () => {
    await execute(
      db.url,
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and application_name = 'hushtone events'`,
    );
    await keys.registry().rotate('card_data');
    await until(() => states(keys.keyRing).length === 2);
    expect(states(keys.keyRing)).toEqual(['active', 'decrypt_only']);
  });

  test('opens nothing under a key that was retired, and again when it was reinstated', async () => {
    const before = await seal(keys.keyRing);
    const { previous } = await keys.registry().rotate('card_data');
    await keys.registry().retire(previous.id);
    await keys.keyRing.refresh();
    await expect(reads(keys.keyRing, before)).rejects.toMatchObject({ code: 'key_unusable' });
    await keys.registry().reinstate(previous.id);
    expect(await reads(keys.keyRing, before)).toBe('a value');
  });

  test('closes without waiting for anything', async () => {
    const other = await keys.open();
    await other.close();
    await keys.registry().rotate('grants');
    expect(states(other, 'grants')).toEqual(['active']);
  });
});
