import { mkdtemp, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '../../../../../src/kernel/ids.ts';
import type { KeyProvider } from '../../../../../src/vault/contract.ts';
import { openDevelopmentKeys } from '../../../../../src/vault/keys/development/provider.ts';
import { testKeyProvider } from '../provider-contract.ts';

let folder: string;
let provider: KeyProvider;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hushtone-keys-'));
  provider = await openDevelopmentKeys(join(folder, 'keys'));
});

afterAll(async () => {
  await provider.close();
  await rm(folder, { recursive: true });
});

describe('keys of development', () => {
  testKeyProvider(
    () => provider,
    async () => await openDevelopmentKeys(join(folder, 'keys')),
  );

  test('are files that only their owner can read, and nothing else is left in the folder', async () => {
    const names = await readdir(join(folder, 'keys'));
    expect(names.filter((name) => !/^[a-z_]+\.key_[0-9a-z]{26}$/.test(name))).toEqual([]);
    for (const name of names) expect((await stat(join(folder, 'keys', name))).mode & 0o777).toBe(0o600);
  });

  test('that are torn are named', async () => {
    const torn = join(folder, 'torn');
    await (await openDevelopmentKeys(torn)).close();
    const file = join(torn, `card_data.${newId('key')}`);
    await writeFile(file, Buffer.alloc(32, 1));
    await truncate(file, 31);
    await expect(openDevelopmentKeys(torn)).rejects.toMatchObject({
      code: 'key_file_damaged',
      message: expect.stringContaining(file) as string,
    });
  });

  test('that another process makes can be used as soon as they are named', async () => {
    const other = await openDevelopmentKeys(join(folder, 'keys'));
    const id = newId('key');
    await other.generate(id, 'grants');
    await other.close();
    expect(await provider.has(id)).toBe(false);
    expect(await provider.ids('grants')).toContain(id);
    expect(await provider.has(id)).toBe(true);
  });

  test('are wiped when it is closed', async () => {
    const other = await openDevelopmentKeys(join(folder, 'keys'));
    const [id = ''] = await other.ids('card_data');
    expect(await other.has(id)).toBe(true);
    await other.close();
    expect(await other.has(id)).toBe(false);
  });
});
