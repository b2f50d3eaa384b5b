import { createHmac } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { interpolate, splitSecret, type Share } from '../../../../../src/vault/keys/file/shamir.ts';
import { hexOf, secretOf } from '../../../../support/secret-bytes.ts';

const shareOf = (index: number, hex: string): Share => ({ index, value: secretOf(Buffer.from(hex, 'hex')) });

/**
 * SLIP-0039, test vectors of its reference: shares over the same field, as their words say them. There the secret is at
 * 255, and at 254 are four bytes of an HMAC of it and the key of that HMAC: so the vector proves itself.
 */
const SLIP39 = [
  {
    name: '2 of 3, 256 bits',
    shares: [
      shareOf(2, '81e5473f4b7f66094f888d2f98fe0ded6a692dc72c65dc498d6e28bee6ebdfcc'),
      shareOf(1, '19e366e9b2e34851e52132c31c2b2c957321bf5ce6c9c1410ea1ddf5fef92c27'),
    ],
    secret: '0204622ff84267b5dae0ca4e0c1328d6611b96b92b11692e5a7542314f7a54ee',
  },
  {
    name: '3 of 5, 128 bits',
    shares: [
      shareOf(4, '90f25bc998346d039203971999669e96'),
      shareOf(2, 'fc119ebfe32da3d688dc1f26c22c7ffc'),
      shareOf(0, '9e6afad0e741c8c1c65b2785a942808a'),
    ],
    secret: 'e0a3c2d22270a6497c10d76edc660894',
  },
];

describe.each(SLIP39)('SLIP-0039, $name', ({ shares, secret }) => {
  test('the shares give the secret, in any order', () => {
    expect(hexOf(interpolate(shares, 255))).toBe(secret);
    expect(hexOf(interpolate(shares.toReversed(), 255))).toBe(secret);
  });

  test('and what proves it', () => {
    const proof = Buffer.from(hexOf(interpolate(shares, 254)), 'hex');
    const mac = createHmac('sha256', proof.subarray(4)).update(Buffer.from(secret, 'hex')).digest();
    expect(proof.subarray(0, 4).equals(mac.subarray(0, 4))).toBe(true);
  });

  test('one share less gives something else', () => {
    expect(hexOf(interpolate(shares.slice(1), 255))).not.toBe(secret);
  });
});

const splits = fc
  .record({
    secret: fc.uint8Array({ minLength: 1, maxLength: 40 }),
    threshold: fc.integer({ min: 2, max: 8 }),
    more: fc.nat(6),
  })
  .chain((split) =>
    fc.record({
      split: fc.constant(split),
      // Which shares come together, and in which order.
      order: fc.shuffledSubarray(
        Array.from({ length: split.threshold + split.more }, (_, place) => place),
        { minLength: split.threshold, maxLength: split.threshold },
      ),
    }),
  );

describe('a split secret', () => {
  test('comes back from any shares that are enough', () => {
    fc.assert(
      fc.property(splits, ({ split: { secret: bytes, threshold, more }, order }) => {
        using secret = secretOf(bytes);
        const shares = splitSecret(secret, threshold, threshold + more);
        expect(shares.map(({ index }) => index)).toEqual(shares.map((_, place) => place + 1));
        const some = order.flatMap((place) => shares[place] ?? []);
        expect(hexOf(interpolate(some))).toBe(Buffer.from(bytes).toString('hex'));
      }),
    );
  });

  test('one share too few says nothing: any secret at all would fit it', () => {
    // With one share missing, for every value of a byte there is exactly one share that would make it the secret.
    fc.assert(
      fc.property(fc.nat(255), fc.integer({ min: 2, max: 5 }), (byte, threshold) => {
        using secret = secretOf(Uint8Array.of(byte));
        const few = splitSecret(secret, threshold, threshold).slice(1);
        const possible = new Set(
          Array.from({ length: 256 }, (_, guess) =>
            hexOf(interpolate([...few, shareOf(1, guess.toString(16).padStart(2, '0'))])),
          ),
        );
        expect(possible.size).toBe(256);
      }),
      { numRuns: 20 },
    );
  });

  test('is split differently each time', () => {
    using secret = secretOf('a secret of some length');
    const splits = Array.from({ length: 20 }, () =>
      splitSecret(secret, 2, 2).map(({ value }) => hexOf(value)),
    );
    expect(new Set(splits.flat()).size).toBe(40);
  });

  test('has its bytes as even as random ones in every share', () => {
    // 4,096 times the same secret: each value of a byte is expected 16 times, and χ² with 255 degrees of freedom stays
    // below 450 but for one in 10¹² runs.
    using secret = secretOf(new Uint8Array(64));
    const counts = Array.from({ length: 256 }, () => 0);
    for (let turn = 0; turn < 64; turn += 1) {
      const [share] = splitSecret(secret, 3, 3);
      share?.value.use((bytes) => bytes.forEach((byte) => (counts[byte] = (counts[byte] ?? 0) + 1)));
    }
    const chiSquare = counts.reduce((sum, count) => sum + (count - 16) ** 2 / 16, 0);
    expect(chiSquare).toBeLessThan(450);
  });

  test.each([
    [1, 3],
    [4, 3],
    [2, 256],
    [0, 0],
    [2.5, 3],
    [Number.NaN, 3],
  ])('%d of %d is refused', (threshold, count) => {
    using secret = secretOf('a secret');
    expect(() => splitSecret(secret, threshold, count)).toThrow(
      expect.objectContaining({ code: 'shares_invalid' }),
    );
  });
});
