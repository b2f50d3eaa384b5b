import { afterAll, beforeAll, expect, it } from 'vitest';
import { ConfigError } from '../../../src/config/config-error.ts';
import { loadConfig } from '../../../src/config/load-config.ts';
import { makeFixture, type Fixture } from './settings-env.ts';

let fixture: Fixture;

beforeAll(async () => {
  fixture = await makeFixture();
});
afterAll(async () => await fixture.remove());

const load = (env: Record<string, string>) => loadConfig({ ...fixture.env, ...env }).cardTokens;

it('card tokens show six digits, have no look-alike and are kept for three years, unless it is said', () => {
  expect(load({})).toEqual({ binDigits: 6, lookAlike: false, retentionDays: 1095 });
  expect(load({ TOKEN_BIN_DIGITS: '8', TOKEN_LOOK_ALIKE: 'on', TOKEN_RETENTION_DAYS: '30' })).toEqual({
    binDigits: 8,
    lookAlike: true,
    retentionDays: 30,
  });
});

it.each([
  ['TOKEN_BIN_DIGITS', '9'],
  ['TOKEN_BIN_DIGITS', '7'],
  ['TOKEN_LOOK_ALIKE', 'yes'],
  ['TOKEN_RETENTION_DAYS', '0'],
  ['TOKEN_RETENTION_DAYS', '7301'],
  ['TOKEN_RETENTION_DAYS', 'for ever'],
])('%s is not %s', (name, value) => {
  const wrong = (): unknown => load({ [name]: value });
  expect(wrong).toThrow(ConfigError);
  expect(wrong).toThrow(name);
});
