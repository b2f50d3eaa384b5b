import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { auditSource } from '../../../src/audit/record-store.ts';
import { appendAudit } from '../../../src/audit/store.ts';
import { openDatabase, type Database } from '../../../src/db/database.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { openFileKeys } from '../../../src/vault/keys/file/provider.ts';
import { newShareSet, setPassphrase, splitKeyFile } from '../../../src/vault/keys/file/relock.ts';
import type { UnlockingFiles } from '../../../src/vault/keys/file/unlock.ts';
import { INSTALLATION_ACCOUNT } from '../../../src/vault/keys/key-record-store.ts';
import { KeyRegistry, type Relocking } from '../../../src/vault/keys/key-registry-store.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';

let folder: string;
let path: string;
let unlocking: UnlockingFiles;
let db: TestDatabase;
/** The database as the command has it: another one looks behind the scenes. */
let own: Database;
let registry: KeyRegistry;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hushtone-relock-'));
  path = join(folder, 'keys.json');
  unlocking = { passphraseFile: join(folder, 'passphrase') };
  await writeFile(join(folder, 'passphrase'), 'correct horse battery staple');
  await writeFile(join(folder, 'next'), 'another and a longer passphrase');
  await (await openFileKeys({ path, unlocking, create: true, clock: systemClock })).close();
  db = await createTestDatabase();
  own = openDatabase({ url: db.url, poolSize: 1 });
  const actor = { kind: 'operator', subject: 'tester' } as const;
  registry = new KeyRegistry({ database: own, providers: [], rekeyables: [], append: appendAudit, actor });
});

afterEach(async () => {
  await own.close();
  await db.close();
  await rm(folder, { recursive: true });
});

async function trail(): Promise<Record<string, unknown>[]> {
  const links = await auditSource(db.database, INSTALLATION_ACCOUNT).records(0, 1000, 1000);
  return links.map(({ record }) => JSON.parse(record) as Record<string, unknown>);
}

const opensWith = async (means: UnlockingFiles): Promise<boolean> =>
  await openFileKeys({ path, unlocking: means, clock: systemClock }).then(
    async (provider) => {
      await provider.close();
      return true;
    },
    () => false,
  );

const set = newShareSet();
const SPLIT: Relocking = { operation: 'vault_key.split', set, threshold: 2, shares: 3 };
const split = async (): Promise<readonly string[]> =>
  (await splitKeyFile({ path, unlocking, set, threshold: 2, shares: 3, folder: join(folder, 'shares') }))
    .files;

const ABOUT_TO = {
  operation: 'vault_key.relock',
  object: { type: 'vault_key_file', id: set },
  result: 'done',
  actor: { kind: 'operator', subject: 'tester' },
  after: { threshold: 2, shares: 3 },
};

describe('what opens the key file is changed', () => {
  test('after it is on record that it is about to be, under the name that the file then has', async () => {
    let during: unknown[] = [];
    await registry.relock(SPLIT, async () => {
      during = await trail();
      return await split();
    });
    expect(during).toMatchObject([ABOUT_TO]);
    expect(await trail()).toMatchObject([ABOUT_TO, { ...ABOUT_TO, operation: 'vault_key.split' }]);
    expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ unlocking: { by: 'shares', set } });
  });

  test('and the database is lost just then: the record of the attempt stands, and it is told', async () => {
    let files: readonly string[] = [];
    const relocking = registry.relock(SPLIT, async () => {
      files = await split();
      await own.close();
    });
    await expect(relocking).rejects.toMatchObject({
      code: 'key_record_missing',
      message: expect.stringMatching(/^what opens the key file was changed/) as string,
      cause: { code: 'database_unavailable' },
    });
    expect(await opensWith({ shareFiles: files })).toBe(true);
    expect(await opensWith(unlocking)).toBe(false);
    expect(await trail()).toMatchObject([ABOUT_TO]);
  });

  test('to another passphrase, and the database is lost just then', async () => {
    const next = join(folder, 'next');
    const relocking = registry.relock({ operation: 'vault_key.passphrase' }, async () => {
      await setPassphrase(path, unlocking, next);
      await own.close();
    });
    await expect(relocking).rejects.toMatchObject({ code: 'key_record_missing' });
    expect(await opensWith({ passphraseFile: next })).toBe(true);
    expect(await trail()).toMatchObject([
      { operation: 'vault_key.relock', object: { type: 'vault_key_file', id: 'passphrase' }, result: 'done' },
    ]);
  });

  test('not at all while the database is away', async () => {
    await own.close();
    const before = await readFile(path, 'utf8');
    await expect(registry.relock(SPLIT, split)).rejects.toMatchObject({ code: 'database_unavailable' });
    expect(await readFile(path, 'utf8')).toBe(before);
    expect(await trail()).toEqual([]);
  });

  test('not with the wrong means: that it failed, and why, is on record', async () => {
    const wrong = { passphraseFile: join(folder, 'next') };
    const relocking = registry.relock(
      { operation: 'vault_key.passphrase' },
      async () => await setPassphrase(path, wrong, join(folder, 'next')),
    );
    await expect(relocking).rejects.toMatchObject({ code: 'key_file_locked' });
    expect(await trail()).toMatchObject([
      { operation: 'vault_key.relock', result: 'done' },
      { operation: 'vault_key.passphrase', result: 'failed', reason: 'key_file_locked' },
    ]);
  });

  test('and it fails when the database is lost, too: what failed first is told', async () => {
    const relocking = registry.relock(SPLIT, async () => {
      await own.close();
      await splitKeyFile({ path, unlocking, threshold: 4, shares: 3, folder });
    });
    await expect(relocking).rejects.toMatchObject({ code: 'shares_invalid' });
    expect(await trail()).toMatchObject([ABOUT_TO]);
  });
});
