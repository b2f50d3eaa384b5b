import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConfigError } from '../../../src/config/config-error.ts';
import { PURPOSES } from '../../../src/config/keys.ts';
import { loadKeySettings } from '../../../src/config/load-config.ts';
import { KEY_PURPOSES } from '../../../src/vault/contract.ts';

const HEX = '00112233445566778899aabbccddeeff'.repeat(2);
const ID = `key_${'a'.repeat(26)}`;
const OTHER = `key_${'b'.repeat(26)}`;

let folder: string;
let file: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hushtone-config-'));
  file = join(folder, 'something');
  await writeFile(file, 'something');
});
afterAll(() => rm(folder, { recursive: true }));

const keysOf = (env: Record<string, string>) => loadKeySettings(env).keys;

function problemsOf(env: Record<string, string>): string[] {
  try {
    loadKeySettings(env);
  } catch (error) {
    if (error instanceof ConfigError) {
      return error.problems.map(({ variable, problem }) => `${variable} ${problem}`);
    }
    throw error;
  }
  return [];
}

test('the purposes are those of the vault', () => {
  expect([...PURPOSES]).toEqual([...KEY_PURPOSES]);
});

describe('where the keys are', () => {
  test('development by default', () => {
    expect(keysOf({})).toEqual({ provider: 'development', previous: [] });
  });

  test('a file, opened by a passphrase or by shares', () => {
    const env = { KEY_PROVIDER: 'file', VAULT_KEY_FILE: 'keys.json' };
    expect(keysOf({ ...env, VAULT_PASSPHRASE_FILE: file }).file).toEqual({
      path: resolve('keys.json'),
      passphraseFile: file,
    });
    expect(keysOf({ ...env, VAULT_SHARE_FILES: `${file}, ${file}` }).file).toEqual({
      path: resolve('keys.json'),
      shareFiles: [file, file],
    });
    expect(problemsOf(env).join()).toContain('VAULT_PASSPHRASE_FILE is missing');
    expect(problemsOf({ KEY_PROVIDER: 'file' }).join()).toContain('VAULT_KEY_FILE is missing');
    expect(problemsOf({ ...env, VAULT_PASSPHRASE_FILE: join(folder, 'none') }).join()).toContain(
      'is no file',
    );
    expect(problemsOf({ ...env, VAULT_SHARE_FILES: `${file},${folder}` }).join()).toContain('is no file');
  });

  test('the environment', () => {
    const keys = keysOf({ KEY_PROVIDER: 'env', VAULT_KEYS: `card_data:${ID}:${HEX},grants:${OTHER}:${HEX}` });
    expect(keys.environment?.map(({ id, purpose }) => [id, purpose])).toEqual([
      [ID, 'card_data'],
      [OTHER, 'grants'],
    ]);
    expect(keys.environment?.[0]?.key.reveal()).toBe(HEX);
    expect(JSON.stringify(keys)).not.toContain(HEX);
  });

  test.each([
    ['no keys', {}],
    ['a purpose that there is not', { VAULT_KEYS: `cards:${ID}:${HEX}` }],
    ['a key that is too short', { VAULT_KEYS: `card_data:${ID}:${HEX.slice(2)}` }],
    ['a name that is none', { VAULT_KEYS: `card_data:key_1:${HEX}` }],
    ['one name twice', { VAULT_KEYS: `card_data:${ID}:${HEX},grants:${ID}:${HEX}` }],
  ])('the environment: %s is refused, and no key is shown', (_, env) => {
    const problems = problemsOf({ KEY_PROVIDER: 'env', ...env });
    expect(problems).toHaveLength(1);
    expect(problems.join()).toMatch(/^VAULT_KEYS /);
    expect(problems.join()).not.toContain(HEX.slice(2));
  });

  test('a PKCS#11 token', () => {
    const env = {
      KEY_PROVIDER: 'pkcs11',
      PKCS11_MODULE: file,
      PKCS11_TOKEN_LABEL: 'vault',
      PKCS11_PIN_FILE: file,
    };
    expect(keysOf(env).pkcs11).toEqual({ module: file, tokenLabel: 'vault', pinFile: file });
    expect(problemsOf({ KEY_PROVIDER: 'pkcs11' })).toHaveLength(3);
    expect(problemsOf({ ...env, PKCS11_TOKEN_LABEL: 'x'.repeat(33) })).toHaveLength(1);
    expect(problemsOf({ ...env, PKCS11_MODULE: join(folder, 'none.so') })).toHaveLength(1);
  });

  test('another place before', () => {
    const env = { KEY_PROVIDER: 'file', VAULT_KEY_FILE: 'keys.json', VAULT_PASSPHRASE_FILE: file };
    expect(keysOf({ ...env, KEY_PREVIOUS_PROVIDERS: 'development' }).previous).toEqual(['development']);
    expect(problemsOf({ ...env, KEY_PREVIOUS_PROVIDERS: 'env' }).join()).toContain('VAULT_KEYS is missing');
    expect(problemsOf({ ...env, KEY_PREVIOUS_PROVIDERS: 'file' })).toHaveLength(1);
    expect(problemsOf({ ...env, KEY_PREVIOUS_PROVIDERS: 'hsm' })).toHaveLength(1);
  });
});
