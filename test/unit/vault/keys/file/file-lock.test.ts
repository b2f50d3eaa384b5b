import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { breakLock, withFileLock } from '../../../../../src/vault/keys/file/file-lock.ts';
import { isGone, newHolder } from '../../../../../src/vault/keys/file/lock-holder.ts';

const HOLDING_PROCESS = new URL('lock-holding-process.ts', import.meta.url).pathname;
const RUN_TYPESCRIPT = new URL('../../../../support/run-typescript.mjs', import.meta.url).href;

let folder: string;
let file: string;
let lock: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hushtone-lock-'));
  file = join(folder, 'keys.json');
  lock = `${file}.lock`;
});

afterEach(() => rm(folder, { recursive: true }));

/** Another process that holds the lock. */
async function holding(): Promise<ChildProcess> {
  const child = fork(HOLDING_PROCESS, [file], { execArgv: ['--import', RUN_TYPESCRIPT] });
  await once(child, 'message');
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

describe('the lock of a file', () => {
  test('is held by one at a time, and leaves nothing behind', async () => {
    let inside = 0;
    const seen: number[] = [];
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        await withFileLock(file, async () => {
          inside += 1;
          seen.push(inside);
          await readdir(folder);
          inside -= 1;
        });
      }),
    );
    expect(seen).toEqual(Array.from({ length: 8 }, () => 1));
    expect(await readdir(folder)).toEqual([]);
  });

  test('of a process that was killed holds up nobody, and is broken for one only', async () => {
    await kill(await holding());
    let inside = 0;
    const seen: number[] = [];
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        await withFileLock(file, async () => {
          inside += 1;
          seen.push(inside);
          await readdir(folder);
          inside -= 1;
        });
      }),
    );
    expect(seen).toEqual(Array.from({ length: 8 }, () => 1));
    expect(await readdir(folder)).toEqual([]);
  });

  test('is given back when the work fails', async () => {
    const failing = withFileLock(file, () => Promise.reject(new Error('the work failed')));
    await expect(failing).rejects.toThrow('the work failed');
    expect(await readdir(folder)).toEqual([]);
  });

  test('that was taken anew since it was looked at is not broken', async () => {
    const [earlier, later] = [await newHolder(), await newHolder()];
    await writeFile(lock, later);
    await breakLock(lock, earlier);
    expect(await readFile(lock, 'latin1')).toBe(later);
    await breakLock(lock, later);
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('the holder of a lock', () => {
  test('is there while its process runs, and gone with it', async () => {
    const child = await holding();
    const holder = await readFile(lock, 'latin1');
    expect(holder.split(' ')[2]).toBe(String(child.pid));
    expect(await isGone(holder)).toBe(false);
    await kill(child);
    expect(await isGone(holder)).toBe(true);
  });

  test('is gone when its number was given to another process', async () => {
    const [mark, place, pid, begin] = (await newHolder()).split(' ');
    expect(await isGone([mark, place, pid, begin].join(' '))).toBe(false);
    expect(await isGone([mark, place, pid, `${Number(begin) - 1}`].join(' '))).toBe(true);
  });

  test('is not gone because this machine has no such process: it may run on another', async () => {
    // No process has this number (Linux has at most 2²²).
    const [mark, place] = (await newHolder()).split(' ');
    expect(await isGone(`${mark} ${place} 4194305 1`)).toBe(true);
    expect(await isGone(`${mark} ${'0'.repeat(16)} 4194305 1`)).toBe(false);
  });

  test.each(['', '4194305', 'x'.repeat(60)])(
    'is unknown where the lock is none of ours: %j',
    async (text) => {
      expect(await isGone(text)).toBe(false);
    },
  );
});
