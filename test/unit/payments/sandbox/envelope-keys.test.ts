import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { readRecipient } from '../../../../src/payments/sandbox/envelope-keys.ts';

const rsa = (modulusLength: number) =>
  generateKeyPairSync('rsa', { modulusLength }).publicKey.export({ format: 'jwk' });
const KEY = { ...rsa(2048), use: 'enc', alg: 'RSA-OAEP-256', kid: 'key-1' };
const answer = (keys: unknown) => ({ status: 200, body: Buffer.from(JSON.stringify({ keys })), headers: {} });

describe('readRecipient', () => {
  it('takes the first key that fits', async () => {
    const recipient = await readRecipient(answer([{ ...KEY, use: 'sig' }, KEY, { ...KEY, kid: 'key-2' }]));
    expect(recipient?.keyId).toBe('key-1');
    expect(recipient?.publicKey.usages).toContain('encrypt');
  });

  it.each([
    ['no list', 'keys'],
    ['an empty list', []],
    ['null', [null]],
    ['a short modulus', [{ ...KEY, ...rsa(1024) }]],
    ['no kid', [{ ...KEY, kid: undefined }]],
    ['a kid with a line break', [{ ...KEY, kid: 'a\nb' }]],
    ['another algorithm', [{ ...KEY, alg: 'RSA-OAEP' }]],
    ['another type', [{ ...KEY, kty: 'oct', k: 'AAAA' }]],
    ['a modulus that is no base64url', [{ ...KEY, n: '=' }]],
  ])('finds none in %s', async (_what, keys) => {
    expect(await readRecipient(answer(keys))).toBeUndefined();
  });
});
