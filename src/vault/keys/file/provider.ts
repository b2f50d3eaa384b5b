import { HushtoneError } from '../../../kernel/errors.ts';
import type { Clock } from '../../../kernel/clock.ts';
import type { KeyProvider, KeyPurpose } from '../../contract.ts';
import { unwrapKey, wrapKey } from '../../sealing/key-wrap.ts';
import { randomSecret } from '../../sealing/random-secret.ts';
import { KEY_BYTES, keyExists, SoftwareKeys } from '../software-keys.ts';
import { verify, type FiledKey, type KeyFile } from './format.ts';
import { changeKeyFile, openKeyFile, readKeyFile, writeKeyFile } from './key-file.ts';
import { unlock, type FileKeys, type UnlockingFiles } from './unlock.ts';

export interface KeyFileOptions {
  readonly path: string;
  readonly unlocking: UnlockingFiles;
  /** Make the file when there is none. */
  readonly create?: boolean;
  readonly clock: Clock;
}

/** Keys in one file, each wrapped by a key that is made of a passphrase or of m of n shares. */
class FileKeyProvider implements KeyProvider {
  readonly name = 'file';
  readonly #options: KeyFileOptions;
  readonly #software = new SoftwareKeys();
  #file: KeyFile;
  #keys: FileKeys;
  /** The end of what is being done with the file. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: KeyFileOptions, file: KeyFile, keys: FileKeys) {
    this.#options = options;
    this.#file = file;
    this.#keys = keys;
    this.#load(file, keys);
  }

  async generate(id: string, purpose: KeyPurpose): Promise<void> {
    await this.#change((filed) => {
      if (filed.some((key) => key.id === id)) throw keyExists(id);
      using key = randomSecret(KEY_BYTES);
      const wrapped = wrapKey(this.#keys.wrapping, key).toString('base64url');
      const created = this.#options.clock.now().toISOString();
      return [...filed, { id, purpose, created_at: created, wrapped }];
    });
  }

  async destroy(id: string): Promise<void> {
    await this.#change((filed) => filed.filter((key) => key.id !== id));
  }

  /** Another process may have changed the file, or what opens it. */
  async refresh(): Promise<void> {
    await this.#inTurn(async () => await this.#read());
  }

  async #read(): Promise<void> {
    const { path, unlocking } = this.#options;
    const file = await readKeyFile(path);
    if (file === undefined) throw fileGone(path);
    if (file.mac === this.#file.mac) return;
    const sameLock = file.check === this.#file.check;
    const keys = sameLock ? this.#keys : await unlock(file.unlocking, unlocking, path);
    try {
      verify(keys.authentication, file, path);
      this.#load(file, keys);
    } catch (error) {
      if (!sameLock) keys[Symbol.dispose]();
      throw error;
    }
    if (!sameLock) this.#keys[Symbol.dispose]();
    this.#keys = keys;
    this.#file = file;
  }

  ids(purpose: KeyPurpose): Promise<readonly string[]> {
    return Promise.resolve(this.#file.keys.filter((key) => key.purpose === purpose).map(({ id }) => id));
  }

  has(id: string): Promise<boolean> {
    return Promise.resolve(this.#software.has(id));
  }

  async wrap(...args: Parameters<KeyProvider['wrap']>): Promise<Buffer> {
    return await Promise.resolve(this.#software.wrap(...args));
  }

  async unwrap(...args: Parameters<KeyProvider['unwrap']>): ReturnType<KeyProvider['unwrap']> {
    return await Promise.resolve(this.#software.unwrap(...args));
  }

  async mac(...args: Parameters<KeyProvider['mac']>): Promise<Buffer> {
    return await Promise.resolve(this.#software.mac(...args));
  }

  async close(): Promise<void> {
    await this.#inTurn(() => {
      this.#software.clear();
      this.#keys[Symbol.dispose]();
      return Promise.resolve();
    });
  }

  async #change(change: (filed: readonly FiledKey[]) => readonly FiledKey[]): Promise<void> {
    const { path } = this.#options;
    await this.#inTurn(async () => {
      await changeKeyFile(path, async () => {
        await this.#read();
        const changed = change(this.#file.keys);
        this.#file = await writeKeyFile(path, this.#file.unlocking, changed, this.#keys);
        this.#load(this.#file, this.#keys);
      });
    });
  }

  /** One after the other: what has read the file earlier does not undo what has read it later, nor wipe its keys. */
  async #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    await turn;
  }

  #load({ keys: filed }: KeyFile, { wrapping }: FileKeys): void {
    for (const id of this.#software.ids().filter((each) => !filed.some((key) => key.id === each))) {
      this.#software.remove(id);
    }
    for (const { id, wrapped } of filed.filter((key) => !this.#software.has(key.id))) {
      using key = unwrapKey(wrapping, Buffer.from(wrapped, 'base64url'));
      this.#software.add(id, key);
    }
  }
}

function fileGone(path: string): HushtoneError {
  return new HushtoneError('key_file_missing', 'unavailable', `the key file ${path} is gone`);
}

/** Rejects as `openKeyFile` does. */
export async function openFileKeys(options: KeyFileOptions): Promise<KeyProvider> {
  const { path, unlocking, create } = options;
  const { file, keys } = await openKeyFile(path, unlocking, create);
  try {
    return new FileKeyProvider(options, file, keys);
  } catch (error) {
    keys[Symbol.dispose]();
    throw error;
  }
}
