import { link, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { HushtoneError } from '../../../kernel/errors.ts';
import type { KeyProvider } from '../../contract.ts';
import { randomSecret, takeSecret } from '../../sealing/random-secret.ts';
import { KEY_BYTES, keyExists, SoftwareKeys } from '../software-keys.ts';

const KEY_FILE = /^(key_[0-9a-z]{26})\.key$/;

/**
 * Keys as plain files in a folder, one each. For development and the demo: whoever reads the folder has the keys, and
 * production refuses them. Several processes may share the folder.
 */
export async function openDevelopmentKeys(folder: string): Promise<KeyProvider> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const keys = new SoftwareKeys();
  const fileOf = (id: string): string => join(folder, `${id}.key`);

  const refresh = async (): Promise<void> => {
    const names = await readdir(folder);
    const ids = names.flatMap((name) => KEY_FILE.exec(name)?.[1] ?? []);
    for (const id of keys.ids().filter((known) => !ids.includes(known))) keys.remove(id);
    for (const id of ids.filter((found) => !keys.has(found))) {
      using key = takeSecret(await readFile(fileOf(id)));
      if (key.length !== KEY_BYTES) {
        throw new HushtoneError('key_file_damaged', 'unavailable', `${fileOf(id)} is not ${KEY_BYTES} bytes`);
      }
      keys.add(id, key);
    }
  };

  const generate = async (id: string): Promise<void> => {
    using key = randomSecret(KEY_BYTES);
    // Linked under its name when it is whole: another process never reads half a key.
    const draft = join(folder, `${id}.${randomBytes(6).toString('hex')}`);
    await key.use(async (bytes) => await writeFile(draft, bytes, { flag: 'wx', mode: 0o600 }));
    try {
      await link(draft, fileOf(id));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw keyExists(id);
      throw error;
    } finally {
      await rm(draft, { force: true });
    }
    keys.add(id, key);
  };

  await refresh();
  return {
    name: 'development',
    generate,
    refresh,
    has: (id) => Promise.resolve(keys.has(id)),
    wrap: async (id, dataKey) => Promise.resolve(keys.wrap(id, dataKey)),
    unwrap: async (id, wrapped) => Promise.resolve(keys.unwrap(id, wrapped)),
    mac: async (id, message) => Promise.resolve(keys.mac(id, message)),
    destroy: async (id) => {
      await rm(fileOf(id), { force: true });
      keys.remove(id);
    },
    close: () => {
      keys.clear();
      return Promise.resolve();
    },
  };
}
