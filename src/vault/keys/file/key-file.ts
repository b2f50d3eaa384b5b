import { open } from 'node:fs/promises';
import { HushtoneError } from '../../../kernel/errors.ts';
import { fileItself, writeAtomically } from './atomic-write.ts';
import { withFileLock } from './file-lock.ts';
import {
  authenticate,
  keyFileDamaged,
  parse,
  serialize,
  verify,
  type FiledKey,
  type KeyFile,
  type Unlocking,
} from './format.ts';
import { newPassphraseUnlocking, unlock, type FileKeys, type UnlockingFiles } from './unlock.ts';

/** Room for some thousands of keys. What is larger is no key file, and is not read into memory. */
const LARGEST_FILE_BYTES = 1024 * 1024;

/** A key file that was opened: what is in it and what opens it. */
export interface OpenedKeyFile {
  readonly file: KeyFile;
  readonly keys: FileKeys;
}

async function readText(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    const found = await file.stat();
    if (!found.isFile()) throw new TypeError('not a regular file');
    if (found.size > LARGEST_FILE_BYTES) throw keyFileDamaged(path, 'it is too long');
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

/** Undefined when there is none. Rejects with `key_file_unreadable` or `key_file_damaged`. */
export async function readKeyFile(path: string): Promise<KeyFile | undefined> {
  try {
    return parse(await readText(path), path);
  } catch (cause) {
    if (cause instanceof HushtoneError) throw cause;
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new HushtoneError('key_file_unreadable', 'unavailable', `the key file ${path} cannot be read`, {
      cause,
    });
  }
}

/**
 * Runs `work`, which changes the file, while no other process of this machine changes it. Rejects with `key_file_busy`,
 * `key_file_not_written`, and with what `work` says.
 */
export async function changeKeyFile<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    // Whatever it is called, one file has one lock.
    return await withFileLock(await fileItself(path), work);
  } catch (cause) {
    if (cause instanceof HushtoneError) throw cause;
    throw new HushtoneError('key_file_not_written', 'unavailable', `the key file ${path} cannot be written`, {
      cause,
    });
  }
}

/** Writes the keys behind that unlocking; what was there is replaced at once. */
export async function writeKeyFile(
  path: string,
  unlocking: Unlocking,
  filed: readonly FiledKey[],
  keys: FileKeys,
): Promise<KeyFile> {
  const content = { unlocking, keys: filed };
  const file = { ...content, ...authenticate(keys.authentication, content) };
  await writeAtomically(path, serialize(file));
  return file;
}

/**
 * Rejects with `key_file_missing`, `key_file_damaged`, `key_file_locked`, and as reading a passphrase or shares does.
 * With `create` a missing file is made, to be opened by the passphrase.
 */
export async function openKeyFile(
  path: string,
  files: UnlockingFiles,
  create = false,
): Promise<OpenedKeyFile> {
  const found = await readKeyFile(path);
  if (found !== undefined) return await openFound(found, files, path);
  if (!create) {
    throw new HushtoneError(
      'key_file_missing',
      'unavailable',
      `there is no key file ${path}: hushtone keys generate`,
    );
  }
  return await changeKeyFile(path, async () => {
    // Another process may have made one meanwhile, and keys in it: it is never written over.
    const made = await readKeyFile(path);
    return made === undefined ? await makeKeyFile(files, path) : await openFound(made, files, path);
  });
}

async function openFound(file: KeyFile, files: UnlockingFiles, path: string): Promise<OpenedKeyFile> {
  return await keeping(await unlock(file.unlocking, files, path), (keys) => {
    verify(keys.authentication, file, path);
    return Promise.resolve(file);
  });
}

async function makeKeyFile(files: UnlockingFiles, path: string): Promise<OpenedKeyFile> {
  const unlocking = newPassphraseUnlocking();
  return await keeping(
    await unlock(unlocking, files, path),
    async (keys) => await writeKeyFile(path, unlocking, [], keys),
  );
}

/** The keys with the file that they open; wiped when there is none. */
async function keeping(keys: FileKeys, work: (keys: FileKeys) => Promise<KeyFile>): Promise<OpenedKeyFile> {
  try {
    return { file: await work(keys), keys };
  } catch (error) {
    keys[Symbol.dispose]();
    throw error;
  }
}
