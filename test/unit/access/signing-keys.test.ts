import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { calculateJwkThumbprint } from 'jose';
import { describe, expect, it } from 'vitest';
import {
  createKeyRing,
  publicSigningKeyOf,
  readSigningKey,
  readVerificationKey,
} from '../../../src/access/signing-keys.ts';

const newKey = () => generateKeyPairSync('ed25519').privateKey;
const pkcs8 = (key: ReturnType<typeof newKey>) => key.export({ type: 'pkcs8', format: 'pem' }).toString();

describe('the name of a key', () => {
  it('is the thumbprint of RFC 8037 appendix A.3', () => {
    const key = createPublicKey({
      key: { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' },
      format: 'jwk',
    });
    expect(publicSigningKeyOf(key).kid).toBe('kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k');
  });

  it('is what jose works out, from the private key and from the public one', async () => {
    const key = newKey();
    const shown = publicSigningKeyOf(key);
    expect(shown.kid).toBe(await calculateJwkThumbprint(shown));
    expect(publicSigningKeyOf(createPublicKey(key))).toEqual(shown);
  });
});

describe('a ring of keys', () => {
  it('shows public members only', () => {
    const { keys } = createKeyRing(newKey(), [newKey()]).jwks;
    expect(keys).toHaveLength(2);
    for (const key of keys) expect(Object.keys(key).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x']);
  });

  it('finds what it trusts by name, the signing key among them, and nothing else', () => {
    const [current, previous, stranger] = [newKey(), newKey(), newKey()];
    const ring = createKeyRing(current, [createPublicKey(previous)]);
    for (const key of [current, previous]) {
      const found = ring.publicKeyOf(publicSigningKeyOf(key).kid);
      expect(found?.type).toBe('public');
      expect(found?.equals(createPublicKey(key))).toBe(true);
    }
    expect(ring.publicKeyOf(publicSigningKeyOf(stranger).kid)).toBeUndefined();
  });

  it('holds a key once that is named twice', () => {
    const key = newKey();
    expect(createKeyRing(key, [key]).jwks.keys).toHaveLength(1);
  });
});

describe('reading keys', () => {
  it('takes a private key for signing, and either half for verifying', () => {
    const key = newKey();
    expect(readSigningKey(pkcs8(key)).type).toBe('private');
    const spki = createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString();
    for (const pem of [pkcs8(key), spki]) expect(readVerificationKey(pem).type).toBe('public');
  });

  it.each([
    ['no PEM', 'not a key'],
    ['an RSA key', pkcs8(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey)],
    ['an X25519 key', pkcs8(generateKeyPairSync('x25519').privateKey)],
  ])('refuses %s', (_what, pem) => {
    expect(() => readSigningKey(pem)).toThrow(expect.objectContaining({ code: 'token_key_invalid' }));
    expect(() => readVerificationKey(pem)).toThrow(expect.objectContaining({ code: 'token_key_invalid' }));
  });
});
