import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { unwrapKey, wrapKey } from '../../sealing/key-wrap.ts';
import { randomSecret } from '../../sealing/random-secret.ts';
import { KEY_BYTES } from '../software-keys.ts';
import { syncFolder } from './atomic-write.ts';
import type { FiledKey, Unlocking } from './format.ts';
import { changeKeyFile, openKeyFile, readKeyFile, writeKeyFile, type OpenedKeyFile } from './key-file.ts';
import { splitSecret } from './shamir.ts';
import { writeShare } from './share-file.ts';
import { FileKeys, newPassphraseUnlocking, unlock, type UnlockingFiles } from './unlock.ts';

/** The same keys, wrapped by another. */
function rewrapAll({ file, keys: before }: OpenedKeyFile, after: FileKeys): FiledKey[] {
  return file.keys.map((filed) => {
    using key = unwrapKey(before.wrapping, Buffer.from(filed.wrapped, 'base64url'));
    return { ...filed, wrapped: wrapKey(after.wrapping, key).toString('base64url') };
  });
}

/** The name of a split: the key file and each of its shares have it. */
export function newShareSet(): string {
  return randomBytes(8).toString('hex');
}

export interface SplitRequest {
  readonly path: string;
  /** As `newShareSet` makes it, for who has to name the split before it is done. */
  readonly set?: string;
  /** What opens the file now. */
  readonly unlocking: UnlockingFiles;
  readonly threshold: number;
  readonly shares: number;
  /** Where the share files go: `hushtone-share-1-of-3.json` and so on. */
  readonly folder: string;
}

/**
 * From now on `threshold` of `shares` new shares open the key file, and nothing that opened it before does. The shares
 * are on disk before the file is replaced: after a crash either the old means or the new shares open it.
 *
 * Rejects with `shares_invalid`, `share_file_not_written`, and as opening the file does.
 */
export async function splitKeyFile(
  request: SplitRequest,
): Promise<{ readonly set: string; readonly files: readonly string[] }> {
  const { path, unlocking, set: name = newShareSet(), threshold, shares: count, folder } = request;
  return await changeKeyFile(path, async () => {
    const opened = await openKeyFile(path, unlocking);
    using _before = opened.keys;
    using secret = randomSecret(KEY_BYTES);
    const shares = splitSecret(secret, threshold, count);
    using after = new FileKeys(secret);
    const set = { set: name, threshold, shares: count };
    const files: string[] = [];
    try {
      await makeFolder(folder);
      for (const share of shares) {
        const file = join(folder, `hushtone-share-${share.index}-of-${count}.json`);
        await writeShare(file, set, share);
        files.push(file);
      }
      await syncFolder(folder);
      await writeKeyFile(path, { by: 'shares', ...set }, rewrapAll(opened, after), after);
    } catch (error) {
      await removeUseless(files, path, set.set);
      throw error;
    } finally {
      for (const share of shares) share.value.wipe();
    }
    return { set: set.set, files };
  });
}

/** The shares must outlast what happens once the key file wants them: so must the names of their folders. */
async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let made = folder; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
}

/** Shares of a split that did not come about: unless the key file wants them after all. */
async function removeUseless(files: readonly string[], path: string, set: string): Promise<void> {
  const unlocking = (await readKeyFile(path).catch(() => undefined))?.unlocking;
  if (unlocking === undefined || (unlocking.by === 'shares' && unlocking.set === set)) return;
  for (const file of files) await rm(file, { force: true });
}

/** From now on the passphrase in `passphraseFile` opens the key file, and nothing that opened it before does. */
export async function setPassphrase(
  path: string,
  unlocking: UnlockingFiles,
  passphraseFile: string,
): Promise<void> {
  await changeKeyFile(path, async () => {
    const opened = await openKeyFile(path, unlocking);
    using _before = opened.keys;
    const next: Unlocking = newPassphraseUnlocking();
    using after = await unlock(next, { passphraseFile }, path);
    await writeKeyFile(path, next, rewrapAll(opened, after), after);
  });
}
