import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { assertServable } from '../../../src/config/assert-servable.ts';
import { ConfigError } from '../../../src/config/config-error.ts';
import type { Config } from '../../../src/config/config.ts';
import { loadConfig } from '../../../src/config/load-config.ts';
import { Secret } from '../../../src/secrets/secret.ts';
import { makeFixture, type Fixture } from './settings-env.ts';

let fixture: Fixture;
let config: Config;

beforeAll(async () => {
  fixture = await makeFixture();
  config = { ...loadConfig(fixture.env), environment: 'production' };
});

afterAll(() => fixture.remove());

/** Is a production with these settings refused because of this variable? */
function isRefused(variable: string, changes: Partial<Config>): boolean {
  try {
    assertServable({ ...config, ...changes }, { execArgv: [] });
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.some((problem) => problem.variable === variable);
    throw error;
  }
  return false;
}

const PLACEHOLDERS = [0x00, 0x07, 0xff].map((byte) => Buffer.alloc(32, byte));

test('a key that is one byte repeated does not seal the secrets of webhooks, wherever it stands among others', () => {
  const drawn = (): string => randomBytes(32).toString('hex');
  for (const placeholder of PLACEHOLDERS.map((bytes) => bytes.toString('hex'))) {
    for (const keys of [[placeholder], [placeholder, drawn()], [drawn(), placeholder]]) {
      const { webhooks } = loadConfig({ ...fixture.env, WEBHOOKS_KEY: keys.join(',') });
      expect(isRefused('WEBHOOKS_KEY', { webhooks })).toBe(true);
    }
  }
  const { webhooks } = loadConfig({ ...fixture.env, WEBHOOKS_KEY: [drawn(), drawn()].join(',') });
  expect(isRefused('WEBHOOKS_KEY', { webhooks })).toBe(false);
});

describe.each(['hex', 'base64'] as const)('a key of 32 bytes that is written as %s', (encoding) => {
  const drawn = (): string => randomBytes(32).toString(encoding);
  const placeholders = PLACEHOLDERS.map((bytes) => bytes.toString(encoding));

  test('and is one byte repeated does not seal telephone numbers', () => {
    for (const placeholder of placeholders) {
      const { numbers } = loadConfig({ ...fixture.env, NUMBERS_KEY: placeholder });
      expect(isRefused('NUMBERS_KEY', { numbers })).toBe(true);
    }
    const { numbers } = loadConfig({ ...fixture.env, NUMBERS_KEY: drawn() });
    expect(isRefused('NUMBERS_KEY', { numbers })).toBe(false);
  });

  test('and is one byte repeated is no key of the vault, wherever it stands among others', () => {
    const keyed = (text: string) => ({ id: 'key_x', purpose: 'card_data' as const, key: new Secret(text) });
    for (const placeholder of placeholders) {
      const environment = [keyed(drawn()), keyed(placeholder), keyed(drawn())];
      expect(isRefused('VAULT_KEYS', { keys: { ...config.keys, environment } })).toBe(true);
    }
    const environment = [keyed(drawn()), keyed(drawn())];
    expect(isRefused('VAULT_KEYS', { keys: { ...config.keys, environment } })).toBe(false);
  });
});

test.each([
  '00112233445566778899aabbccddeeff',
  '00112233445566778899AABBCCDDEEFF',
  // Both are in published examples of ISO 9564-1 format 4.
  'c1d0f8fb4958670dba40ab1f3752ef0d',
  'C1D0F8FB4958670DBA40AB1F3752EF0D',
])('the published PIN key %s is refused', (text) => {
  const provider = { pinKey: new Secret(text) } as NonNullable<Config['provider']>;
  expect(isRefused('PROVIDER_PIN_KEY', { provider })).toBe(true);
});
