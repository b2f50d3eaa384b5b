import { open, readFile, rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { HushtoneError } from '../../../kernel/errors.ts';

const POLL_MS = 25;
/** Changing a key file takes well under a second. */
const LONGEST_WAIT_MS = 30_000;

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

/**
 * Runs `work` while no other process of this machine does so for the same file. A holder that was killed holds nothing.
 * Rejects with `key_file_busy` after half a minute.
 */
export async function withFileLock<T>(file: string, work: () => Promise<T>): Promise<T> {
  const path = `${file}.lock`;
  const deadline = performance.now() + LONGEST_WAIT_MS;
  while (!(await tryLock(path))) {
    const holder = await readFile(path, 'utf8').catch(() => '');
    if (/^\d+$/.test(holder) && !isAlive(Number(holder))) await rm(path, { force: true });
    else if (performance.now() > deadline) {
      throw new HushtoneError('key_file_busy', 'unavailable', `another process holds ${path}`);
    } else await delay(POLL_MS);
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}
