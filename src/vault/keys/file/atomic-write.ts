import { randomBytes } from 'node:crypto';
import { open, realpath, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Makes what was added to the folder, renamed or taken out of it outlast a loss of power (fsync(2)). */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** The file itself, where the path is a symbolic link to it; the path where there is no file yet. */
export async function fileItself(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return path;
    throw error;
  }
}

/**
 * Replaces the file by a whole new one that only its owner can read: after a crash there is the old one or the new one.
 * A symbolic link to it stays one.
 */
export async function writeAtomically(path: string, text: string): Promise<void> {
  const target = await fileItself(path);
  const draft = `${target}.${randomBytes(6).toString('hex')}`;
  try {
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, target);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
  await syncFolder(dirname(target));
}
