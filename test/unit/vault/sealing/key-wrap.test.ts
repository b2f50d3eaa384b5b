import { describe, expect, test } from 'vitest';
import { unwrapKey, wrapKey } from '../../../../src/vault/sealing/key-wrap.ts';
import { hexOf, secretOf } from '../../../support/secret-bytes.ts';

const KEK = '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f';

/** RFC 3394, the vectors with a 256-bit key-encryption key. */
const VECTORS = [
  ['4.3', '00112233445566778899aabbccddeeff', '64e8c3f9ce0f5ba263e9777905818a2a93c8191e7d6e8ae7'],
  [
    '4.5',
    '00112233445566778899aabbccddeeff0001020304050607',
    'a8f9bc1612c68b3ff6e6f4fbe30e71e4769c8b80a32cb8958cd5d17d6b254da1',
  ],
  [
    '4.6',
    '00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f',
    '28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21',
  ],
] as const;

describe.each(VECTORS)('RFC 3394, %s', (_section, key, wrapped) => {
  test('wraps to the published text and unwraps it', () => {
    using kek = secretOf(Buffer.from(KEK, 'hex'));
    using data = secretOf(Buffer.from(key, 'hex'));
    expect(wrapKey(kek, data).toString('hex')).toBe(wrapped);
    using back = unwrapKey(kek, Buffer.from(wrapped, 'hex'));
    expect(hexOf(back)).toBe(key);
  });

  test('a flipped bit anywhere, a missing block or another key is found', () => {
    using kek = secretOf(Buffer.from(KEK, 'hex'));
    using otherKek = secretOf(Buffer.from(KEK, 'hex').toReversed());
    const right = Buffer.from(wrapped, 'hex');
    const tries = [
      () => unwrapKey(otherKek, right),
      () => unwrapKey(kek, right.subarray(8)),
      () => unwrapKey(kek, right.subarray(1)),
      () => unwrapKey(kek, Buffer.alloc(0)),
    ];
    for (let bit = 0; bit < right.length * 8; bit += 1) {
      const changed = Buffer.from(right);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      tries.push(() => unwrapKey(kek, changed));
    }
    for (const unwrap of tries) expect(unwrap).toThrow(expect.objectContaining({ code: 'unwrap_failed' }));
  });
});
