import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../../../src/kernel/clock.ts';
import { newId } from '../../../../../src/kernel/ids.ts';
import type { KeyProvider } from '../../../../../src/vault/contract.ts';
import { openFileKeys } from '../../../../../src/vault/keys/file/provider.ts';
import { setPassphrase, splitKeyFile } from '../../../../../src/vault/keys/file/relock.ts';
import type { UnlockingFiles } from '../../../../../src/vault/keys/file/unlock.ts';
import { secretOf } from '../../../../support/secret-bytes.ts';

const KEY = newId('key');

let folder: string;
let path: string;
let passphrase: UnlockingFiles;

const open = async (unlocking: UnlockingFiles): Promise<KeyProvider> =>
  await openFileKeys({ path, unlocking, clock: systemClock });

/** What the key makes of a text: tells that it is still the same key. */
async function markOf(unlocking: UnlockingFiles): Promise<string> {
  const provider = await open(unlocking);
  try {
    using message = secretOf('a message');
    return (await provider.mac(KEY, message)).toString('hex');
  } finally {
    await provider.close();
  }
}

/** Puts another value into a share, and the checksum that goes with it. */
async function makeUp(file: string, bytes: Buffer): Promise<void> {
  const share = JSON.parse(await readFile(file, 'utf8')) as Record<string, string | number>;
  share['value'] = bytes.toString('base64url');
  const { format, version, set, threshold, shares, index, value } = share;
  share['checksum'] = createHash('sha256')
    .update([format, version, set, threshold, shares, index, value].join('\n'))
    .digest('hex')
    .slice(0, 16);
  await writeFile(file, JSON.stringify(share));
}

const split = async (threshold: number, shares: number, name: string, unlocking = passphrase) =>
  await splitKeyFile({ path, unlocking, threshold, shares, folder: join(folder, name) });

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hushtone-keys-'));
  path = join(folder, 'keys.json');
  passphrase = { passphraseFile: join(folder, 'passphrase') };
  await writeFile(join(folder, 'passphrase'), 'correct horse battery staple\n');
  const provider = await openFileKeys({ path, unlocking: passphrase, create: true, clock: systemClock });
  await provider.generate(KEY, 'card_data');
  await provider.close();
});

afterEach(() => rm(folder, { recursive: true }));

describe('a split key file', () => {
  test('opens with any shares that are enough, and not with the passphrase', async () => {
    const mark = await markOf(passphrase);
    const { files } = await split(2, 3, 'shares');
    expect(files.map((file) => file.slice(folder.length))).toEqual([
      '/shares/hushtone-share-1-of-3.json',
      '/shares/hushtone-share-2-of-3.json',
      '/shares/hushtone-share-3-of-3.json',
    ]);
    const [one = '', two = '', three = ''] = files;
    for (const shareFiles of [[one, two], [three, one], [two, three], files]) {
      expect(await markOf({ shareFiles })).toBe(mark);
    }
    await expect(open(passphrase)).rejects.toMatchObject({ code: 'key_file_locked' });
    for (const file of files) expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  test('two halves that are both needed', async () => {
    const { files } = await split(2, 2, 'halves');
    expect(await markOf({ shareFiles: files })).toMatch(/^[0-9a-f]{64}$/);
    await expect(open({ shareFiles: files.slice(0, 1) })).rejects.toMatchObject({
      code: 'shares_too_few',
      message: expect.stringMatching(/wants 2 shares of [0-9a-f]{16}: 1 given/) as string,
    });
  });

  test('is split again by those who have enough shares; the old ones are worthless', async () => {
    const mark = await markOf(passphrase);
    const { files: old } = await split(2, 3, 'first');
    const { files } = await split(3, 4, 'second', { shareFiles: old.slice(1) });
    expect(await markOf({ shareFiles: files.slice(1) })).toBe(mark);
    await expect(open({ shareFiles: old })).rejects.toMatchObject({ code: 'shares_mixed' });
    await expect(open({ shareFiles: [...files.slice(0, 2), old[0] ?? ''] })).rejects.toMatchObject({
      code: 'shares_mixed',
      message: expect.stringContaining(old[0] ?? '-') as string,
    });
  });

  test('one share given twice is not two', async () => {
    const { files } = await split(2, 3, 'shares');
    const [one = ''] = files;
    await expect(open({ shareFiles: [one, one] })).rejects.toMatchObject({ code: 'shares_repeated' });
  });

  test('a share with a wrong letter is found by its checksum', async () => {
    const { files } = await split(2, 2, 'shares');
    const [one = '', two = ''] = files;
    const text = await readFile(one, 'utf8');
    const value = /"value": "(.)/.exec(text)?.[1] ?? '';
    const changes = [
      text.replace(`"value": "${value}`, `"value": "${value === 'A' ? 'B' : 'A'}`),
      text.replace('"index": 1', '"index": 3'),
      text.slice(0, -40),
      '',
      '{}',
      'null',
      'x'.repeat(5000),
    ];
    for (const changed of changes) {
      await writeFile(one, changed);
      await expect(open({ shareFiles: [one, two] })).rejects.toMatchObject({
        code: 'share_damaged',
        message: expect.stringContaining(one) as string,
      });
    }
    await rm(one);
    await expect(open({ shareFiles: [one, two] })).rejects.toMatchObject({ code: 'share_missing' });
  });

  test('a share that was made up to fit its checksum opens nothing', async () => {
    const { files } = await split(2, 2, 'shares');
    // Right in form and in its set, but its value is another's: what a wrong share that nobody can tell looks like.
    await makeUp(files[0] ?? '', Buffer.alloc(32, 7));
    await expect(open({ shareFiles: files })).rejects.toMatchObject({
      code: 'key_file_locked',
      message: `these shares do not open the key file ${path}`,
    });
  });

  test.each([0, 1, 31, 33])('shares of %d bytes are none, whatever their checksum', async (length) => {
    const { files } = await split(2, 2, 'shares');
    for (const file of files) await makeUp(file, Buffer.alloc(length));
    await expect(open({ shareFiles: files })).rejects.toMatchObject({ code: 'share_damaged' });
  });

  test('a key file that one share would open is not opened', async () => {
    const { files } = await split(2, 2, 'shares');
    const text = await readFile(path, 'utf8');
    for (const changed of [
      text.replace('"threshold": 2', '"threshold": 1'),
      text.replace('"shares": 2', '"shares": 1'),
      text.replace(/"set": "\w/, '"set": "g'),
    ]) {
      expect(changed).not.toBe(text);
      await writeFile(path, changed);
      await expect(open({ shareFiles: files })).rejects.toMatchObject({ code: 'key_file_damaged' });
    }
  });

  test('what the key file says of its shares is authenticated too', async () => {
    const { files } = await split(2, 2, 'shares');
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace('"shares": 2', '"shares": 3'));
    await expect(open({ shareFiles: files })).rejects.toMatchObject({
      code: 'key_file_damaged',
      message: `the key file ${path} is damaged: it was changed from outside`,
    });
  });

  test.each([
    [1, 3],
    [4, 3],
    [2, 256],
  ])('%d of %d is refused and changes nothing', async (threshold, shares) => {
    const before = await readFile(path, 'utf8');
    await expect(split(threshold, shares, 'shares')).rejects.toMatchObject({ code: 'shares_invalid' });
    expect(await readFile(path, 'utf8')).toBe(before);
  });

  test('a share file is never written over, and then the key file stays as it was', async () => {
    const { files } = await split(2, 2, 'shares');
    const before = await readFile(path, 'utf8');
    await expect(split(2, 2, 'shares', { shareFiles: files })).rejects.toMatchObject({
      code: 'share_file_not_written',
    });
    expect(await readFile(path, 'utf8')).toBe(before);
    expect(await markOf({ shareFiles: files })).toMatch(/^[0-9a-f]{64}$/);
  });

  test('shares of a split that did not come about are not left lying about', async () => {
    await mkdir(join(folder, 'shares'));
    const third = join(folder, 'shares', 'hushtone-share-3-of-3.json');
    await writeFile(third, 'something else');
    await expect(split(2, 3, 'shares')).rejects.toMatchObject({ code: 'share_file_not_written' });
    expect(await readdir(join(folder, 'shares'))).toEqual(['hushtone-share-3-of-3.json']);
    expect(await readFile(third, 'utf8')).toBe('something else');
    expect(await markOf(passphrase)).toMatch(/^[0-9a-f]{64}$/);
  });

  test('gets a passphrase again', async () => {
    const mark = await markOf(passphrase);
    const { files } = await split(2, 3, 'shares');
    const next = join(folder, 'next');
    await writeFile(next, 'another and a longer passphrase');
    await setPassphrase(path, { shareFiles: files }, next);
    expect(await markOf({ passphraseFile: next })).toBe(mark);
    await expect(open({ shareFiles: files })).rejects.toMatchObject({ code: 'key_file_locked' });
    await expect(open(passphrase)).rejects.toMatchObject({ code: 'key_file_locked' });
  });

  test('a gateway that runs goes on when it has the new means, and says so when it has not', async () => {
    const both = {
      ...passphrase,
      shareFiles: [
        join(folder, 's/hushtone-share-1-of-2.json'),
        join(folder, 's/hushtone-share-2-of-2.json'),
      ],
    };
    const running = await open(both);
    const unprepared = await open(passphrase);
    await split(2, 2, 's');
    await running.refresh?.();
    expect(await running.has(KEY)).toBe(true);
    await expect(unprepared.refresh?.()).rejects.toMatchObject({ code: 'key_file_locked' });
    // What it had, it has.
    using message = secretOf('a message');
    expect((await unprepared.mac(KEY, message)).equals(await running.mac(KEY, message))).toBe(true);
    await running.close();
    await unprepared.close();
  });
});
