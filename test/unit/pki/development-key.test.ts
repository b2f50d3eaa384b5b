import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { developmentKey } from '../../../src/pki/development-key.ts';

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hushtone-key-'));
});

afterAll(async () => await rm(directory, { recursive: true }));

test('is made once, for many who ask at the same moment, and readable by its owner only', async () => {
  const file = join(directory, 'below', 'numbers.key');
  const keys = await Promise.all(Array.from({ length: 8 }, async () => await developmentKey(file)));
  expect(new Set(keys).size).toBe(1);
  expect(keys[0]).toMatch(/^[0-9a-f]{64}$/);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await readdir(join(directory, 'below'))).toEqual(['numbers.key']);
});

test('is another one elsewhere', async () => {
  const keys = [await developmentKey(join(directory, 'a')), await developmentKey(join(directory, 'b'))];
  expect(keys[0]).not.toBe(keys[1]);
});
