import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Needle } from '../../../simulators/residue/needles.ts';
import { Search, searchMemory } from '../../../simulators/residue/search.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { newId } from '../../../src/kernel/ids.ts';
import { openFileKeys } from '../../../src/vault/keys/file/provider.ts';
import { splitKeyFile } from '../../../src/vault/keys/file/relock.ts';
import type { ToShareProcess } from '../../support/share-process.ts';

const SHARE_PROCESS = fileURLToPath(new URL('../../support/share-process.ts', import.meta.url));
const RUN_TYPESCRIPT = new URL('../../support/run-typescript.mjs', import.meta.url).href;

let folder: string;
let path: string;
let passphraseFile: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hushtone-shares-'));
  path = join(folder, 'keys.json');
  passphraseFile = join(folder, 'passphrase');
  await writeFile(passphraseFile, 'correct horse battery staple');
  const provider = await openFileKeys({
    path,
    unlocking: { passphraseFile },
    create: true,
    clock: systemClock,
  });
  await provider.generate(newId('key'), 'card_data');
  await provider.close();
});

afterEach(() => rm(folder, { recursive: true }));

const split = async (): Promise<readonly string[]> =>
  (await splitKeyFile({ path, unlocking: { passphraseFile }, threshold: 2, shares: 2, folder })).files;

/** The value of each share as it is in its file, as a string of two bytes a character, and what it stands for. */
async function needlesOf(shareFiles: readonly string[]): Promise<Needle[]> {
  const needles: Needle[] = [];
  for (const [index, file] of shareFiles.entries()) {
    const { value } = JSON.parse(await readFile(file, 'utf8')) as { readonly value: string };
    const forms = {
      text: Buffer.from(value, 'latin1'),
      'text in two bytes': Buffer.from(value, 'utf16le'),
      'the end of its text': Buffer.from(value.slice(-24), 'latin1'),
      bytes: Buffer.from(value, 'base64url'),
    };
    for (const [form, bytes] of Object.entries(forms))
      needles.push({ name: `share ${index + 1} as ${form}`, bytes });
  }
  return needles;
}

/** Does it in a process of its own, and searches the memory of that for the shares. */
async function foundAfter(asked: ToShareProcess, shareFiles: readonly string[]): Promise<readonly string[]> {
  const child = fork(SHARE_PROCESS, {
    execArgv: ['--enable-source-maps', '--import', RUN_TYPESCRIPT],
    env: { PATH: process.env['PATH'] ?? '' },
    stdio: 'inherit',
  });
  const exited = once(child, 'exit');
  try {
    const answered = once(child, 'message');
    child.send(asked);
    expect(await answered).toEqual(['done', undefined]);
    const search = new Search(await needlesOf(shareFiles));
    return searchMemory('memory', child.pid ?? 0, search).found;
  } finally {
    child.disconnect();
    await exited;
  }
}

test('a process that has opened the key file with shares has none of them in memory', async () => {
  const shareFiles = await split();
  expect(await foundAfter({ act: 'open', path, shareFiles }, shareFiles)).toEqual([]);
});

test('nor has one that has made them', async () => {
  const shareFiles = [1, 2].map((index) => join(folder, 'made', `hushtone-share-${index}-of-2.json`));
  const made = await foundAfter(
    { act: 'split', path, passphraseFile, folder: join(folder, 'made') },
    shareFiles,
  );
  expect(made).toEqual([]);
});

test('one that keeps the text of a share is found out', async () => {
  const shareFiles = await split();
  const found = await foundAfter({ act: 'keep_text', path, shareFiles }, shareFiles);
  expect(found.join('\n')).toMatch(/share 1 as text, .*\n(?:.*\n)*.*share 2 as text, /);
});
