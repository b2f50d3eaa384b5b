import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { truncate } from '../../../../src/vault/tokens/truncation.ts';
import { secretDigits } from '../../../support/vault-cards.ts';

const numbers = fc
  .array(fc.integer({ min: 0, max: 9 }), { minLength: 12, maxLength: 19 })
  .map((digits) => digits.join(''));

describe('truncate', () => {
  // PCI SSC FAQ 1091
  it.each([
    ['4242424242424242', 6, '424242', '4242'],
    ['4242424242424242', 8, '42424242', '4242'],
    ['4917610000000000003', 8, '49176100', '0003'],
    ['378282246310005', 6, '378282', '0005'],
    ['378282246310005', 8, '378282', '0005'],
    ['30569309025904', 8, '305693', '5904'],
    ['4222222222222', 8, '422222', '2222'],
  ] as const)('of %s keeps %i first digits at most: %s and %s', (number, digits, bin, last4) => {
    using secret = secretDigits(number);
    expect(truncate(secret, digits)).toEqual({ bin, last4 });
  });

  it('keeps twelve digits of 16 and more, ten of fewer, at most', () => {
    fc.assert(
      fc.property(numbers, fc.constantFrom(6 as const, 8 as const), (number, digits) => {
        using secret = secretDigits(number);
        const { bin, last4 } = truncate(secret, digits);
        expect(number.startsWith(bin)).toBe(true);
        expect(number.endsWith(last4)).toBe(true);
        const kept = bin.length + last4.length;
        expect(kept).toBeLessThanOrEqual(number.length >= 16 ? 12 : 10);
        expect(number.length - kept).toBeGreaterThanOrEqual(2);
      }),
    );
  });

  it.each(['42424242424', '42424242424242424242', '4242 4242 4242 4242', '424242424242424x'])(
    'refuses %s, and does not quote it',
    (text) => {
      using secret = secretDigits(text);
      expect(() => truncate(secret, 6)).toThrow(expect.objectContaining({ code: 'card_number_malformed' }));
      expect(() => truncate(secret, 6)).not.toThrow(/424/);
    },
  );
});
