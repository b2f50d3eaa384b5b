import { open, readFile, rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { HushtoneError } from '../kernel/errors.ts';

const POLL_MS = 25;

/** Making a whole set of certificates takes about a second; a slow machine may take many. */
const LONGEST_WAIT_MS = 60_000;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function tryLock(path: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx', 0o600);
    await file.writeFile(String(process.pid));
    await file.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** The holder was killed: its lock file stayed. An empty file is one that is just being written. */
async function isStale(path: string): Promise<boolean> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return /^\d+$/.test(text) && !isAlive(Number(text));
}

/**
 * Runs `work` while no other process of this machine does so under the same lock file. Rejects with
 * `pki_directory_locked` when the lock is not free in a minute.
 */
export async function withLockFile<T>(path: string, work: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + LONGEST_WAIT_MS;
  while (!(await tryLock(path))) {
    if (await isStale(path)) await rm(path, { force: true });
    else if (performance.now() > deadline) {
      throw new HushtoneError('pki_directory_locked', 'unavailable', `another process holds ${path}`);
    } else await delay(POLL_MS);
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}
