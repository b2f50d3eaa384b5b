import { afterAll, beforeAll, beforeEach, afterEach, describe, expect, test, vi } from 'vitest';
import { systemClock } from '../../../src/kernel/clock.ts';
import { silentLogger } from '../../../src/kernel/logger.ts';
import { SecretBuffer } from '../../../src/secrets/secret-buffer.ts';
import { KEY_PURPOSES, type SealContext } from '../../../src/vault/contract.ts';
import { createKeyRing } from '../../../src/vault/keys/key-ring.ts';
import { createKeyStore } from '../../../src/vault/keys/key-store.ts';
import { createTestDatabase, execute, type TestDatabase } from '../../support/database.ts';
import { createTestKeyRing, type TestKeyRing } from '../../support/key-ring.ts';

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

function secretOf(text: string): SecretBuffer {
  const secret = new SecretBuffer(64);
  secret.appendBytes(Buffer.from(text));
  return secret;
}

const activeKey = (purpose: string): string =>
  keys.keyRing.list().find((key) => key.purpose === purpose && key.state === 'active')?.id ?? 'none';

async function reads(ring = keys.keyRing, ...args: Parameters<typeof ring.open>): Promise<string> {
  using opened = await ring.open(...args);
  return opened.use((bytes) => Buffer.from(bytes).toString());
}

describe('a key ring', () => {
  test('has one active key of each purpose', () => {
    expect(
      keys.keyRing
        .list()
        .map(({ purpose, state }) => `${purpose} ${state}`)
        .sort(),
    ).toEqual(KEY_PURPOSES.map((purpose) => `${purpose} active`).sort());
  });

  test('opens what it sealed, in another process too', async () => {
    using secret = secretOf('a value');
    const sealed = await keys.keyRing.seal('card_data', CONTEXT, secret);
    expect(sealed.keyId).toBe(activeKey('card_data'));
    expect(sealed.wrappedKey).toHaveLength(40);
    expect(sealed.ciphertext).toHaveLength(12 + 7 + 16);
    expect(await reads(keys.keyRing, 'card_data', CONTEXT, sealed)).toBe('a value');
    expect(await reads(await keys.open(), 'card_data', CONTEXT, sealed)).toBe('a value');
  });
});
