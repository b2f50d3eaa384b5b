import {
  chmod,
  cp,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../../../../src/kernel/clock.ts';
import { newId } from '../../../../../src/kernel/ids.ts';
import type { KeyProvider } from '../../../../../src/vault/contract.ts';
import { newHolder } from '../../../../../src/vault/keys/file/lock-holder.ts';
import { openFileKeys } from '../../../../../src/vault/keys/file/provider.ts';
import { testKeyProvider } from '../provider-contract.ts';

const PASSPHRASE = 'correct horse battery staple';

let folder: string;
let path: string;
let passphraseFile: string;
let provider: KeyProvider;

async function write(name: string, text: string): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, text);
  return file;
}

const open = async (file = path, passphrase = passphraseFile, create = false): Promise<KeyProvider> =>
  await openFileKeys({ path: file, unlocking: { passphraseFile: passphrase }, create, clock: systemClock });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hushtone-keys-'));
  path = join(folder, 'keys.json');
  passphraseFile = await write('passphrase', `${PASSPHRASE}\n`);
  provider = await open(path, passphraseFile, true);
});

afterAll(async () => {
  await provider.close();
  await rm(folder, { recursive: true });
});

describe('keys in a file', () => {
  testKeyProvider(
    () => provider,
    async () => await open(),
  );

  test('the file is its owner’s, says how it is opened, and has no key in the clear', async () => {
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const file = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
    expect(file).toMatchObject({
      format: 'hushtone keys',
      version: 1,
      unlocking: { by: 'passphrase', kdf: 'argon2id', memory_kib: 65_536, passes: 3, lanes: 4 },
    });
    const keys = file['keys'] as Record<string, string>[];
    expect(keys.length).toBeGreaterThan(1);
    for (const key of keys) {
      expect(Object.keys(key)).toEqual(['id', 'purpose', 'created_at', 'wrapped']);
      expect(Buffer.from(key['wrapped'] ?? '', 'base64url')).toHaveLength(40);
    }
    expect(await readFile(path, 'utf8')).not.toContain(PASSPHRASE);
  });

  test('two files with one passphrase have nothing in common', async () => {
    const other = await open(join(folder, 'other.json'), passphraseFile, true);
    await other.close();
    const [one, two] = await Promise.all(
      [path, join(folder, 'other.json')].map(
        async (file) =>
          JSON.parse(await readFile(file, 'utf8')) as { unlocking: { salt: string }; check: string },
      ),
    );
    expect(one?.unlocking.salt).not.toBe(two?.unlocking.salt);
    expect(one?.check).not.toBe(two?.check);
  });

  test('a line break behind the passphrase does not count', async () => {
    for (const text of [PASSPHRASE, `${PASSPHRASE}\r\n`]) {
      const other = await open(path, await write('other', text));
      expect(await other.ids('card_data')).toEqual(await provider.ids('card_data'));
      await other.close();
    }
  });

  test('another passphrase does not open it, and is not shown', async () => {
    const wrong = await write('wrong', 'correct horse battery stable');
    await expect(open(path, wrong)).rejects.toMatchObject({
      code: 'key_file_locked',
      message: `this passphrase does not open the key file ${path}`,
    });
  });

  test.each([
    ['short', 'x'.repeat(13), 'passphrase_invalid'],
    ['empty', '\n', 'passphrase_invalid'],
    ['endless', 'x'.repeat(1025), 'passphrase_invalid'],
  ])('a passphrase that is %s is refused', async (name, text, code) => {
    await expect(open(join(folder, 'new.json'), await write(name, text), true)).rejects.toMatchObject({
      code,
    });
    expect(await readdir(folder)).not.toContain('new.json');
  });

  test('a missing file or passphrase is named', async () => {
    await expect(open(join(folder, 'none.json'))).rejects.toMatchObject({ code: 'key_file_missing' });
    await expect(open(path, join(folder, 'none'))).rejects.toMatchObject({ code: 'passphrase_missing' });
    await expect(
      openFileKeys({ path, unlocking: { shareFiles: [passphraseFile] }, clock: systemClock }),
    ).rejects.toMatchObject({
      code: 'key_file_locked',
      message: `the key file ${path} opens with a passphrase: name its file in VAULT_PASSPHRASE_FILE`,
    });
    await expect(open(folder)).rejects.toMatchObject({ code: 'key_file_unreadable' });
  });

  test('a file that was changed from outside is found out, whatever was changed', async () => {
    const ids = [newId('key'), newId('key')];
    for (const id of ids) await provider.generate(id, 'card_data');
    const text = await readFile(path, 'utf8');
    const changes: ((file: {
      keys: Record<string, string>[];
      unlocking: Record<string, unknown>;
    }) => void)[] = [
      (file) => file.keys.pop(),
      (file) => file.keys.unshift(...file.keys.splice(1)),
      (file) => ((file.keys[0] ??= {})['purpose'] = 'fingerprints'),
      (file) => ((file.keys[0] ??= {})['id'] = newId('key')),
      (file) => ((file.keys[0] ??= {})['created_at'] = 'now'),
      (file) => ((file.keys[0] ??= {})['wrapped'] = file.keys[1]?.['wrapped'] ?? ''),
      (file) => file.keys.push({ ...file.keys[0], id: newId('key') }),
    ];
    for (const change of changes) {
      const copy = JSON.parse(text) as Parameters<typeof change>[0];
      change(copy);
      const changed = await write('changed.json', JSON.stringify(copy));
      await expect(open(changed)).rejects.toMatchObject({ code: 'key_file_damaged' });
    }
    const weaker = JSON.parse(text) as { unlocking: Record<string, unknown> };
    weaker.unlocking['passes'] = 1;
    const changed = await write('changed.json', JSON.stringify(weaker));
    await expect(open(changed)).rejects.toMatchObject({ code: 'key_file_locked' });
  });

  test.each([
    ['cut off', (text: string) => text.slice(0, text.length / 2)],
    ['empty', () => ''],
    ['something else', () => '{"format":"a file"}'],
    ['of a later version', (text: string) => text.replace('"version": 1', '"version": 2')],
    ['asking for more memory than there is', (text: string) => text.replace('65536', '65536000')],
    ['asking for more memory than a gateway has', (text: string) => text.replace('65536', '1048576')],
    ['asking for the work of an hour', (text: string) => text.replace('"passes": 3', '"passes": 64')],
    ['asking for less memory than its lanes need', (text: string) => text.replace('65536', '31')],
    ['without salt', (text: string) => text.replace(/"salt": "[^"]*"/, '"salt": ""')],
    ['with a key that is cut off', (text: string) => text.replace(/("wrapped": "[^"]{53})./, '$1')],
    ['without its keys', (text: string) => text.replace('"keys"', '"key"')],
    ['without its MAC', (text: string) => text.replace('"mac"', '"mad"')],
    ['null', () => 'null'],
    ['with a purpose that there is not', (text: string) => text.replaceAll('"card_data"', '"cards"')],
  ])('a file that is %s is named', async (_, change) => {
    const file = await write('damaged.json', change(await readFile(path, 'utf8')));
    await expect(open(file)).rejects.toMatchObject({
      code: 'key_file_damaged',
      message: expect.stringContaining(file) as string,
    });
  });

  test('a change that cannot be written leaves the file and the keys as they were', async () => {
    const place = join(folder, 'narrow');
    await cp(path, join(place, 'keys.json'));
    const narrow = await open(join(place, 'keys.json'));
    const before = await readFile(join(place, 'keys.json'), 'utf8');
    // The folder is no folder any more, whoever runs this.
    await cp(place, join(folder, 'kept'), { recursive: true });
    await rm(place, { recursive: true });
    await writeFile(place, '');
    await chmod(place, 0o600);
    const id = newId('key');
    await expect(narrow.generate(id, 'grants')).rejects.toMatchObject({ code: 'key_file_not_written' });
    expect(await narrow.has(id)).toBe(false);
    await narrow.close();
    expect(await readFile(join(folder, 'kept', 'keys.json'), 'utf8')).toBe(before);
  });

  test('processes that make keys at once lose none, and a killed one holds up nobody', async () => {
    // The lock of a process that is gone: no process has this number (Linux has at most 2²²).
    const [mark, place] = (await newHolder()).split(' ');
    await writeFile(`${path}.lock`, `${mark} ${place} 4194305 1`);
    const others = await Promise.all([open(), open(), open()]);
    const ids = others.map(() => newId('key'));
    await Promise.all(others.map(async (other, place) => await other.generate(ids[place] ?? '', 'grants')));
    for (const other of others) {
      await other.refresh?.();
      expect(await Promise.all(ids.map(async (id) => await other.has(id)))).toEqual([true, true, true]);
      await other.close();
    }
    const left = (await readdir(folder)).filter((name) => name.startsWith('keys.json'));
    expect(left).toEqual(['keys.json']);
  });

  test('processes that find no file at once make one, and lose no key', async () => {
    const place = join(folder, 'together.json');
    const ids = Array.from({ length: 6 }, () => newId('key'));
    await Promise.all(
      ids.map(async (id) => {
        const one = await open(place, passphraseFile, true);
        await one.generate(id, 'grants');
        await one.close();
      }),
    );
    const whole = await open(place);
    expect([...(await whole.ids('grants'))].sort()).toEqual([...ids].sort());
    await whole.close();
  });

  test('a symbolic link stays one, and the file that it names is changed', async () => {
    await mkdir(join(folder, 'volume'));
    const [itself, name] = [join(folder, 'volume', 'itself.json'), join(folder, 'link.json')];
    await cp(path, itself);
    await symlink(itself, name);
    const linked = await open(name);
    const id = newId('key');
    await linked.generate(id, 'grants');
    await linked.close();
    expect((await lstat(name)).isSymbolicLink()).toBe(true);
    const direct = await open(itself);
    expect(await direct.has(id)).toBe(true);
    await direct.close();
  });

  test('what is no regular file, or is endless, is not read', async () => {
    await expect(open('/dev/zero')).rejects.toMatchObject({ code: 'key_file_unreadable' });
    const endless = await write('endless.json', '');
    await truncate(endless, 2 ** 40);
    await expect(open(endless)).rejects.toMatchObject({ code: 'key_file_damaged' });
  });

  test('are wiped when it is closed', async () => {
    const other = await open();
    const [id = ''] = await other.ids('card_data');
    await other.close();
    expect(await other.has(id)).toBe(false);
  });
});
