import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { HushtoneError } from '../../../kernel/errors.ts';
import { isGone, markOf, newHolder } from './lock-holder.ts';

const POLL_MS = 25;
/** Changing a key file takes well under a second. */
const LONGEST_WAIT_MS = 30_000;

/** False when somebody has it. Linked under its name when it is whole: nobody ever reads half a lock. */
async function tryLock(path: string): Promise<boolean> {
  const holder = await newHolder();
  const draft = `${path}.${markOf(holder)}`;
  try {
    await writeFile(draft, holder, { flag: 'wx', mode: 0o600 });
    await link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

const readLock = async (path: string): Promise<string> => await readFile(path, 'latin1').catch(() => '');

/**
 * Removes the lock that was left behind, and no other. Only who has the lock on that very lock may: otherwise someone
 * who has read it a moment ago would remove the one that has taken its place since.
 */
export async function breakLock(path: string, holder: string): Promise<void> {
  const breaking = `${path}.${markOf(holder)}.over`;
  if (!(await tryLock(breaking))) return;
  try {
    if ((await readLock(path)) === holder) await rm(path, { force: true });
  } finally {
    await rm(breaking, { force: true });
  }
}

/**
 * Runs `work` while no other process does so for the same file. A holder that was killed holds nothing, if it ran where
 * this process can tell; a lock from elsewhere is left to an operator. Rejects with `key_file_busy` after half a minute.
 */
export async function withFileLock<T>(file: string, work: () => Promise<T>): Promise<T> {
  const path = `${file}.lock`;
  const deadline = performance.now() + LONGEST_WAIT_MS;
  while (!(await tryLock(path))) {
    const holder = await readLock(path);
    if (await isGone(holder)) await breakLock(path, holder);
    else if (performance.now() > deadline) {
      throw new HushtoneError(
        'key_file_busy',
        'unavailable',
        `another process holds ${path}: if none runs, here or on another machine, remove that file`,
      );
    }
    await delay(POLL_MS);
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}
