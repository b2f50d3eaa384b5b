import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { KeysConfig } from '../../../src/config/config.ts';
import { openDatabase } from '../../../src/db/database.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { newId } from '../../../src/kernel/ids.ts';
import type { Logger } from '../../../src/kernel/logger.ts';
import { startKeyRing } from '../../../src/key-ring.ts';
import { secretMemoryUse } from '../../../src/secrets/arena.ts';
import { KEY_PURPOSES, type KeyRing } from '../../../src/vault/contract.ts';
import { openFileKeys } from '../../../src/vault/keys/file/provider.ts';
import { loadCryptoki, returnValueOf } from '../../../src/vault/keys/pkcs11/cryptoki.ts';
import { createTestDatabase, execute, type TestDatabase } from '../../support/database.ts';
import { createSoftHsm } from '../../support/softhsm.ts';

let folder: string;
let db: TestDatabase;
let warnings: string[];

const logger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: (message) => warnings.push(message),
  error: (message) => warnings.push(message),
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hushtone-keys-'));
  db = await createTestDatabase();
  warnings = [];
  await writeFile(join(folder, 'passphrase'), 'correct horse battery staple');
});

afterEach(async () => {
  await db.close();
  await rm(folder, { recursive: true });
});

const start = async (keys: KeysConfig): Promise<KeyRing> =>
  await startKeyRing({ keys, database: { dataDir: folder, poolSize: 1 } }, db.database, db.url, logger);

const file = (): KeysConfig => ({
  provider: 'file',
  previous: [],
  file: { path: join(folder, 'keys.json'), passphraseFile: join(folder, 'passphrase') },
});

/** Whether something in this process uses the library of a token: whoever closes it ends it (C_Finalize). */
async function isInitialized(module: string): Promise<boolean> {
  const cryptoki = await loadCryptoki(module);
  try {
    cryptoki.C_GetSlotList(true);
    return true;
  } catch (error) {
    if (returnValueOf(error) !== 'CKR_CRYPTOKI_NOT_INITIALIZED') throw error;
    return false;
  } finally {
    cryptoki.close();
  }
}

describe('a gateway that starts', () => {
  test('makes the keys of development, once, whichever of several is the first', async () => {
    const keys = { provider: 'development', previous: [] } as const;
    const rings = await Promise.all([start(keys), start(keys), start(keys)]);
    for (const ring of rings) {
      await ring.refresh();
      expect(
        ring
          .list()
          .map(({ purpose }) => purpose)
          .sort(),
      ).toEqual([...KEY_PURPOSES].sort());
      await ring.close();
    }
    const again = await start(keys);
    expect(again.list()).toHaveLength(KEY_PURPOSES.length);
    await again.close();
  });

  test('makes no others: it says that there are none', async () => {
    await expect(start(file())).rejects.toMatchObject({ code: 'key_file_missing' });
    const { path = '', ...unlocking } = file().file ?? {};
    await (await openFileKeys({ path, unlocking, create: true, clock: systemClock })).close();
    const ring = await start(file());
    expect(ring.list()).toEqual([]);
    expect(warnings).toEqual(['the vault has no keys: hushtone keys generate']);
    await ring.close();
  });

  test('does not start beside the wrong keys', async () => {
    await (await start({ provider: 'development', previous: [] })).close();
    await rm(join(folder, 'keys'), { recursive: true });
    await expect(start({ provider: 'env', previous: [], environment: [] })).rejects.toMatchObject({
      code: 'key_missing',
      message: expect.stringContaining('development, which is not set up') as string,
    });
    await expect(
      start({ provider: 'env', previous: ['development'], environment: [] }),
    ).rejects.toMatchObject({
      code: 'key_missing',
      message: expect.stringMatching(
        /the key provider development does not have the key key_\w{26}/,
      ) as string,
    });
  });

  test('has no key in memory, and no session with a token, when the keys of development cannot be made', async () => {
    const { path = '', ...unlocking } = file().file ?? {};
    const made = await openFileKeys({ path, unlocking, create: true, clock: systemClock });
    await made.generate(newId('key'), 'card_data');
    await made.close();
    const hsm = await createSoftHsm();
    const { module, tokenLabel, pinFile } = hsm;
    try {
      const lost = openDatabase({ url: db.url, poolSize: 1 });
      await lost.close();
      const before = secretMemoryUse().takenBytes;
      const keys: KeysConfig = {
        ...file(),
        provider: 'development',
        previous: ['file', 'pkcs11'],
        pkcs11: { module, tokenLabel, pinFile },
      };
      await expect(
        startKeyRing({ keys, database: { dataDir: folder, poolSize: 1 } }, lost, db.url, logger),
      ).rejects.toMatchObject({ code: 'database_unavailable' });
      expect(secretMemoryUse().takenBytes).toBe(before);
      expect(await isInitialized(module)).toBe(false);
    } finally {
      await hsm.remove();
    }
  });

  test('does not start with a passphrase that is wrong', async () => {
    const { path = '', ...unlocking } = file().file ?? {};
    await (await openFileKeys({ path, unlocking, create: true, clock: systemClock })).close();
    await writeFile(join(folder, 'passphrase'), 'another long passphrase');
    await expect(start(file())).rejects.toMatchObject({ code: 'key_file_locked' });
    const [row] = await execute<{ count: string }>(db.url, 'select count(*) from vault_keys');
    expect(row?.count).toBe('0');
  });
});
