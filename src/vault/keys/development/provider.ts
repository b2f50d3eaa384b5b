import { randomBytes } from 'node:crypto';
import { link, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HushtoneError } from '../../../kernel/errors.ts';
import type { KeyProvider } from '../../contract.ts';
import { randomSecret, takeSecret } from '../../sealing/random-secret.ts';
import { KEY_BYTES, keyExists, SoftwareKeys } from '../software-keys.ts';

/** The purpose and the name of the key. */
const KEY_FILE = /^([a-z_]+)\.(key_[0-9a-z]{26})$/;

interface Found {
  readonly name: string;
  readonly purpose: string;
  readonly id: string;
}

/**
 * Keys as plain files in a folder, one each. For development and the demo: whoever reads the folder has the keys, and
 * production refuses them. Several processes may share the folder. Rejects with `key_file_damaged`.
 */
export async function openDevelopmentKeys(folder: string): Promise<KeyProvider> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const keys = new SoftwareKeys();

  const find = async (): Promise<Found[]> =>
    (await readdir(folder)).flatMap((name) => {
      const [, purpose, id] = KEY_FILE.exec(name) ?? [];
      return purpose === undefined || id === undefined ? [] : [{ name, purpose, id }];
    });

  /** What is in the folder, after its keys are here too. */
  const load = async (): Promise<readonly Found[]> => {
    const found = await find();
    for (const id of keys.ids().filter((known) => !found.some((file) => file.id === known))) keys.remove(id);
    for (const { id, name } of found.filter((file) => !keys.has(file.id))) {
      using key = takeSecret(await readFile(join(folder, name)));
      if (key.length !== KEY_BYTES) {
        throw new HushtoneError(
          'key_file_damaged',
          'unavailable',
          `${join(folder, name)} does not have ${KEY_BYTES} bytes`,
        );
      }
      keys.add(id, key);
    }
    return found;
  };

  await load();
  return {
    name: 'development',
    generate: async (id, purpose) => {
      if ((await find()).some((file) => file.id === id)) throw keyExists(id);
      using key = randomSecret(KEY_BYTES);
      // Linked under its name when it is whole: another process never reads half a key.
      const draft = join(folder, `draft.${randomBytes(6).toString('hex')}`);
      try {
        await key.use(async (bytes) => await writeFile(draft, bytes, { flag: 'wx', mode: 0o600 }));
        await link(draft, join(folder, `${purpose}.${id}`));
      } finally {
        await rm(draft, { force: true });
      }
      keys.add(id, key);
    },
    refresh: async () => {
      await load();
    },
    // Another process may just have made one: what is named here can be used.
    ids: async (purpose) => (await load()).filter((file) => file.purpose === purpose).map(({ id }) => id),
    has: (id) => Promise.resolve(keys.has(id)),
    wrap: async (id, dataKey) => await Promise.resolve(keys.wrap(id, dataKey)),
    unwrap: async (id, wrapped) => await Promise.resolve(keys.unwrap(id, wrapped)),
    mac: async (id, message) => await Promise.resolve(keys.mac(id, message)),
    destroy: async (id) => {
      for (const { name } of (await find()).filter((file) => file.id === id)) {
        await rm(join(folder, name), { force: true });
      }
      keys.remove(id);
    },
    close: () => {
      keys.clear();
      return Promise.resolve();
    },
  };
}
