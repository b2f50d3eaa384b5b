import { afterEach, beforeEach, expect, test } from 'vitest';
import { prepareSecretMemory } from '../../../../src/secrets/arena.ts';
import { SecretBuffer } from '../../../../src/secrets/secret-buffer.ts';
import { decryptGcm, encryptGcm } from '../../../../src/vault/sealing/gcm.ts';
import { unwrapKey, wrapKey } from '../../../../src/vault/sealing/key-wrap.ts';
import { randomSecret, takeSecret } from '../../../../src/vault/sealing/random-secret.ts';

prepareSecretMemory(64 * 1024);

const NONCE = Buffer.alloc(12, 1);
const CONTEXT = Buffer.from('context');
const FULL = expect.objectContaining({ code: 'secret_memory_full', kind: 'unavailable' }) as Error;

let key: SecretBuffer;
let secret: SecretBuffer;
let others: SecretBuffer[];

/** Takes all that there is left. */
function fillMemory(): void {
  const take = (): void => {
    for (;;) others.push(new SecretBuffer(1));
  };
  expect(take).toThrow(FULL);
}

beforeEach(() => {
  [key, secret, others] = [randomSecret(32), randomSecret(32), []];
});

afterEach(() => {
  for (const each of [key, secret, ...others]) each.wipe();
});

test('a whole value that there is no memory for is not taken for a broken one', () => {
  const sealed = encryptGcm(key, NONCE, CONTEXT, secret);
  fillMemory();
  expect(() => decryptGcm(key, NONCE, CONTEXT, sealed)).toThrow(FULL);
  others.pop()?.wipe();
  using opened = decryptGcm(key, NONCE, CONTEXT, sealed);
  expect(opened.equals(secret)).toBe(true);
});

test('a wrapped key that there is no memory for is not taken for a wrong one', () => {
  const wrapped = wrapKey(key, secret);
  fillMemory();
  expect(() => unwrapKey(key, wrapped)).toThrow(FULL);
  others.pop()?.wipe();
  using unwrapped = unwrapKey(key, wrapped);
  expect(unwrapped.equals(secret)).toBe(true);
});

test('bytes that there is no memory for are zeroed all the same', () => {
  const bytes = Buffer.from('a key in the clear');
  fillMemory();
  expect(() => takeSecret(bytes)).toThrow(FULL);
  expect(bytes).toEqual(Buffer.alloc(bytes.length));
});
