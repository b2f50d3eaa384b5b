import { createSecretKey, generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto';
import { calculateJwkThumbprint } from 'jose';
import { describe, expect, it } from 'vitest';
import { readClientKeys } from '../../../src/access/client-keys.ts';

type Jwk = Record<string, unknown>;

const jwkOf = (key: KeyObject): Jwk => ({ ...key.export({ format: 'jwk' }) });
const edwards = generateKeyPairSync('ed25519');
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });

const read = (...keys: unknown[]) => readClientKeys({ keys });
const refused = expect.objectContaining({ code: 'client_keys_invalid', kind: 'invalid' }) as Error;

describe('a set of public keys', () => {
  it.each([
    ['EdDSA', edwards.publicKey],
    ['ES256', p256.publicKey],
    ['PS256', rsa.publicKey],
  ] as const)('may hold one for %s, named by its thumbprint when it has no name', async (alg, key) => {
    const jwk = jwkOf(key);
    const [known] = read(jwk);
    expect(known).toEqual({ ...jwk, alg, kid: await calculateJwkThumbprint(jwk as never) });
  });

  it('keeps nothing of a key but what checks signatures', () => {
    const [known] = read({
      ...jwkOf(edwards.publicKey),
      kid: 'one',
      use: 'sig',
      key_ops: ['verify'],
      note: 'x',
    });
    expect(Object.keys(known ?? {}).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'x']);
  });

  it('may be empty', () => expect(read()).toEqual([]));

  it.each<[string, unknown]>([
    ['private', jwkOf(edwards.privateKey)],
    ['private, of RSA', jwkOf(rsa.privateKey)],
    ['shared', jwkOf(createSecretKey(randomBytes(32)))],
    ['shared, under another type', { ...jwkOf(edwards.publicKey), k: 'x' }],
    ['of 1024 bits', jwkOf(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey)],
    ['on P-384', jwkOf(generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey)],
    ['for key agreement', jwkOf(generateKeyPairSync('x25519').publicKey)],
    ['for encryption', { ...jwkOf(rsa.publicKey), use: 'enc' }],
    ['for another algorithm', { ...jwkOf(rsa.publicKey), alg: 'RS256' }],
    ['not on the curve', { ...jwkOf(p256.publicKey), y: jwkOf(p256.publicKey)['x'] }],
    ['broken', { kty: 'OKP', crv: 'Ed25519', x: 'AA' }],
    ['without its members', { kty: 'RSA' }],
    ['named oddly', { ...jwkOf(edwards.publicKey), kid: 'a b' }],
    ['named by a number', { ...jwkOf(edwards.publicKey), kid: 7 }],
    ['no object', 'key'],
    ['null', null],
  ])('refuses a key that is %s', (_what, jwk) => {
    expect(() => read(jwk)).toThrow(refused);
  });

  it('refuses two keys of one name, and more than five', () => {
    const jwk = jwkOf(edwards.publicKey);
    expect(() => read({ ...jwk, kid: 'a' }, { ...jwkOf(p256.publicKey), kid: 'a' })).toThrow(refused);
    const six = Array.from({ length: 6 }, (_, index) => ({ ...jwk, kid: String(index) }));
    expect(() => read(...six)).toThrow(refused);
    expect(read(...six.slice(1))).toHaveLength(5);
  });

  it.each([undefined, null, 7, [], {}, { keys: {} }])('refuses %j', (document) => {
    expect(() => readClientKeys(document)).toThrow(refused);
  });
});
