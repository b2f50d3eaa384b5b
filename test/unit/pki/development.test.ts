import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Clock } from '../../../src/kernel/clock.ts';
import { createDevelopmentPki, type DevelopmentPki } from '../../../src/pki/development.ts';

const DAY_MS = 86_400_000;

let parent: string;
let directory: string;

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'hushtone-pki-'));
  directory = join(parent, 'dev');
});

afterEach(() => rm(parent, { recursive: true, force: true }));

function clockAt(time: number): Clock {
  return { now: () => new Date(time), monotonicMs: () => 0, after: () => ({ cancel: () => undefined }) };
}

async function serials(pki: DevelopmentPki): Promise<string[]> {
  const identities = [pki.ca, pki.server, pki.provider, pki.client];
  const pems = await Promise.all(identities.map(({ certificate }) => readFile(certificate)));
  return pems.map((pem) => new X509Certificate(pem).serialNumber);
}

test('a whole set comes about: one authority, three certificates of it, their keys, and a key for tokens', async () => {
  const pki = await createDevelopmentPki(directory);
  const ca = new X509Certificate(await readFile(pki.ca.certificate));
  for (const { certificate, key } of [pki.server, pki.provider, pki.client]) {
    const leaf = new X509Certificate(await readFile(certificate));
    expect(leaf.verify(ca.publicKey)).toBe(true);
    expect(leaf.checkPrivateKey(createPrivateKey(await readFile(key)))).toBe(true);
  }
  expect(createPrivateKey(await readFile(pki.tokenSigningKey)).asymmetricKeyType).toBe('ed25519');
  expect(await readdir(parent)).toEqual(['dev']);
});

test('keys are for their owner only and say that they are not for production', async () => {
  const pki = await createDevelopmentPki(directory);
  for (const path of [pki.ca.key, pki.server.key, pki.provider.key, pki.client.key, pki.tokenSigningKey]) {
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readFile(path, 'utf8')).toMatch(
      /^Hushtone Development: never use in production\n-----BEGIN/,
    );
  }
});

test('a set that is valid for another day is kept', async () => {
  const first = await serials(await createDevelopmentPki(directory));
  const later = clockAt(Date.now() + 28 * DAY_MS);
  expect(await serials(await createDevelopmentPki(directory, later))).toEqual(first);
});

describe('the whole set is made anew', () => {
  test('when it runs out within a day', async () => {
    const first = await serials(await createDevelopmentPki(directory));
    const later = clockAt(Date.now() + 29.5 * DAY_MS);
    const second = await serials(await createDevelopmentPki(directory, later));
    expect(second.filter((serial) => first.includes(serial))).toEqual([]);
  });

  test('when a file is missing', async () => {
    const pki = await createDevelopmentPki(directory);
    const first = await serials(pki);
    await rm(pki.client.key);
    const second = await serials(await createDevelopmentPki(directory));
    expect(second.filter((serial) => first.includes(serial))).toEqual([]);
  });

  test('when a key belongs to another certificate', async () => {
    const pki = await createDevelopmentPki(directory);
    const first = await serials(pki);
    await writeFile(pki.client.key, await readFile(pki.server.key));
    const second = await serials(await createDevelopmentPki(directory));
    expect(second.filter((serial) => first.includes(serial))).toEqual([]);
  });
});

test('several at once all get the same set, and nothing is left beside it', async () => {
  const sets = await Promise.all([1, 2, 3].map(() => createDevelopmentPki(directory)));
  const [one, two, three] = await Promise.all(sets.map(serials));
  expect(two).toEqual(one);
  expect(three).toEqual(one);
  expect(await readdir(parent)).toEqual(['dev']);
});

test('the lock of a process that was killed is no obstacle', async () => {
  await writeFile(`${directory}.lock`, '999999999');
  await createDevelopmentPki(directory);
  expect(await readdir(parent)).toEqual(['dev']);
});

test('a directory with files of someone else is left alone', async () => {
  const file = join(parent, 'README.md');
  await writeFile(file, 'mine');
  await expect(createDevelopmentPki(parent)).rejects.toMatchObject({ code: 'pki_directory_in_use' });
  expect(await readFile(file, 'utf8')).toBe('mine');
  await rm(`${parent}.lock`, { force: true });
});
