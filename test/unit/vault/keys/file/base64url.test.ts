import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { secretMemoryUse } from '../../../../../src/secrets/arena.ts';
import { decodeBase64url, encodeBase64url } from '../../../../../src/vault/keys/file/base64url.ts';
import { hexOf, secretOf } from '../../../../support/secret-bytes.ts';

/** RFC 4648, 10, without the padding, and bytes whose characters are those that differ from base64. */
const VECTORS = [
  ['', ''],
  ['66', 'Zg'],
  ['666f', 'Zm8'],
  ['666f6f', 'Zm9v'],
  ['666f6f62', 'Zm9vYg'],
  ['666f6f6261', 'Zm9vYmE'],
  ['666f6f626172', 'Zm9vYmFy'],
  ['fbff', '-_8'],
] as const;

test.each(VECTORS)('%s is %s', (hex, text) => {
  using secret = secretOf(Buffer.from(hex, 'hex'));
  using encoded = encodeBase64url(secret);
  expect(encoded.use((bytes) => Buffer.from(bytes).toString('latin1'))).toBe(text);
  using decoded = decodeBase64url(Buffer.from(text));
  expect(decoded === undefined ? 'none' : hexOf(decoded)).toBe(hex);
});

test('is what Node makes of any bytes', () => {
  for (let length = 0; length < 70; length += 1) {
    const bytes = randomBytes(length);
    using secret = secretOf(bytes);
    using encoded = encodeBase64url(secret);
    expect(encoded.use((text) => Buffer.from(text).toString('latin1'))).toBe(bytes.toString('base64url'));
    using decoded = decodeBase64url(Buffer.from(bytes.toString('base64url')));
    expect(decoded === undefined ? 'none' : hexOf(decoded)).toBe(bytes.toString('hex'));
  }
});

test.each(['Zm9+', 'Zm9/', 'Zg==', 'Zm 9', 'Zm9\u0000', 'é'])('%j is none, and leaves nothing', (text) => {
  const before = secretMemoryUse().takenBytes;
  expect(decodeBase64url(Buffer.from(text))).toBeUndefined();
  expect(secretMemoryUse().takenBytes).toBe(before);
});
