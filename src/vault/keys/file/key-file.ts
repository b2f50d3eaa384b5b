import { readFile } from 'node:fs/promises';
import { HushtoneError } from '../../../kernel/errors.ts';
import { writeAtomically } from './atomic-write.ts';
import { withFileLock } from './file-lock.ts';
import {
  authenticate,
  parse,
  serialize,
  verify,
  type FiledKey,
  type KeyFile,
  type Unlocking,
} from './format.ts';
import { newPassphraseUnlocking, unlock, type FileKeys, type UnlockingFiles } from './unlock.ts';

/** A key file that was opened: what is in it and what opens it. */
export interface OpenedKeyFile {
  readonly file: KeyFile;
  readonly keys: FileKeys;
}

/** Undefined when there is none. Rejects with `key_file_unreadable` or `key_file_damaged`. */
export async function readKeyFile(path: string): Promise<KeyFile | undefined> {
  try {
    return parse(await readFile(path, 'utf8'), path);
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
    return await withFileLock(path, work);
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
  if (found === undefined && !create) {
    throw new HushtoneError(
      'key_file_missing',
      'unavailable',
      `there is no key file ${path}: hushtone keys generate`,
    );
  }
  const unlocking = found?.unlocking ?? newPassphraseUnlocking();
  const keys = await unlock(unlocking, files, path);
  try {
    if (found !== undefined) verify(keys.authentication, found, path);
    return { file: found ?? (await writeKeyFile(path, unlocking, [], keys)), keys };
  } catch (error) {
    keys[Symbol.dispose]();
    throw error;
  }
}
