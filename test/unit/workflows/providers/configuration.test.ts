import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  changeConfiguration,
  joinConfiguration,
  secretPointers,
  splitConfiguration,
} from '../../../../src/workflows/providers/configuration.ts';

const secret = { type: 'string', writeOnly: true };

const SCHEMA = {
  type: 'object',
  properties: {
    key: secret,
    account: { type: 'string' },
    login: { $ref: '#/$defs/login' },
    headers: { type: 'array', items: { properties: { name: { type: 'string' }, value: secret } } },
    pair: { type: 'array', prefixItems: [{ type: 'string' }, secret] },
    'a/b~c': secret,
    signing: {
      oneOf: [
        { properties: { shared_key: secret } },
        { properties: { private_key: secret, certificate: { type: 'string' } } },
      ],
    },
    whole: { type: 'object', writeOnly: true },
  },
  patternProperties: { '^x-': secret },
  additionalProperties: { properties: { token: secret } },
  $defs: {
    login: { allOf: [{ properties: { password: secret } }], properties: { user: { type: 'string' } } },
  },
};

const CONFIGURATION = {
  key: 'k',
  account: 'a',
  login: { user: 'u', password: 'p' },
  headers: [
    { name: 'n0', value: 'v0' },
    { name: 'n1', value: 'v1' },
  ],
  pair: ['open', 'hidden'],
  'a/b~c': 'odd',
  signing: { private_key: 'pk', certificate: 'c' },
  whole: { deep: { of: 'it' } },
  'x-token': 'x',
  other: { token: 't', plain: 1 },
};

describe('the secrets of a configuration', () => {
  test('are what the schema marks, wherever it does so', () => {
    expect(secretPointers(SCHEMA, CONFIGURATION)).toEqual(
      [
        '/key',
        '/login/password',
        '/headers/0/value',
        '/headers/1/value',
        '/pair/1',
        '/a~1b~0c',
        '/signing/private_key',
        '/whole',
        '/x-token',
        '/other/token',
      ].sort(),
    );
  });

  test('leave the part that may be seen, and come back to their places', () => {
    const { open, secrets } = splitConfiguration(SCHEMA, CONFIGURATION);
    expect(JSON.parse(JSON.stringify(open))).toEqual({
      account: 'a',
      login: { user: 'u' },
      headers: [{ name: 'n0' }, { name: 'n1' }],
      pair: ['open', null],
      signing: { certificate: 'c' },
      other: { plain: 1 },
    });
    expect(secrets.get('/whole')).toEqual({ deep: { of: 'it' } });
    expect(joinConfiguration(open, secrets)).toEqual(CONFIGURATION);
  });

  test('are never in the open part, and nothing else is lost', () => {
    const value = fc.string({ minLength: 1, maxLength: 8 }).map((text) => `secret:${text}`);
    const open = fc.string({ maxLength: 8 }).map((text) => `open:${text}`);
    const configurations = fc.record(
      {
        key: value,
        account: open,
        login: fc.record({ user: open, password: value }),
        headers: fc.array(fc.record({ name: open, value })),
        'a/b~c': value,
        signing: fc.oneof(
          fc.record({ shared_key: value }),
          fc.record({ private_key: value, certificate: open }),
        ),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(configurations, (configuration) => {
        const parts = splitConfiguration(SCHEMA, configuration);
        expect(JSON.stringify(parts.open)).not.toContain('secret:');
        expect(joinConfiguration(parts.open, parts.secrets)).toEqual(configuration);
      }),
    );
  });

  test('of a schema that refers to itself come to an end', () => {
    const schema = {
      properties: { loop: { $ref: '#/$defs/loop' } },
      $defs: { loop: { $ref: '#/$defs/loop' } },
    };
    expect(secretPointers(schema, { loop: 'x' })).toEqual([]);
  });
});

describe('changes', () => {
  const current = splitConfiguration(SCHEMA, CONFIGURATION);
  const change = (changes: Record<string, unknown>) => changeConfiguration(SCHEMA, current, changes);

  test('leave alone what they do not name', () => {
    const { configuration, kept } = change({ account: 'b' });
    expect(configuration).toEqual({ ...CONFIGURATION, account: 'b' });
    expect([...kept].sort()).toEqual(secretPointers(SCHEMA, CONFIGURATION));
  });

  test('replace a secret, and take one away with null', () => {
    const { configuration, kept } = change({ key: 'new', login: { password: null }, whole: null });
    expect(configuration).toMatchObject({ key: 'new', login: { user: 'u' } });
    expect(configuration).not.toHaveProperty('whole');
    expect(configuration).not.toHaveProperty(['login', 'password']);
    expect(kept.has('/key')).toBe(false);
    expect(kept.has('/login/password')).toBe(false);
    expect(kept.has('/headers/1/value')).toBe(true);
  });

  test('keep a secret that is sent back as it was shown, in a list too', () => {
    const { configuration } = change({
      key: { set: true, hint: 'abcd' },
      headers: [{ name: 'n0', value: { set: true } }],
    });
    expect(configuration).toMatchObject({ key: 'k', headers: [{ name: 'n0', value: 'v0' }] });
  });

  test('do not make a secret of a mask where there was none', () => {
    const { configuration, kept } = change({ headers: [{}, {}, { name: 'n2', value: { set: true } }] });
    expect(kept.has('/headers/2/value')).toBe(false);
    expect(configuration).toMatchObject({ headers: [{}, {}, { value: { set: true } }] });
  });
});
