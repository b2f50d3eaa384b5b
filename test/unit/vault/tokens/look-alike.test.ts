import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { brandOf } from '../../../../src/cards/brands.ts';
import { passesLuhn } from '../../../../src/cards/luhn.ts';
import { lookAlike } from '../../../../src/vault/tokens/look-alike.ts';
import { ascii, PUBLISHED } from '../../cards/published.ts';

const last4 = fc.integer({ min: 0, max: 9999 }).map((number) => String(number).padStart(4, '0'));

describe('lookAlike', () => {
  it('has 16 digits, keeps the last four, fails Luhn and has no brand', () => {
    fc.assert(
      fc.property(last4, (digits) => {
        const text = lookAlike(digits);
        expect(text).toMatch(/^1[0-9]{15}$/);
        expect(text.slice(-4)).toBe(digits);
        expect(passesLuhn(ascii(text))).toBe(false);
        // Nor has any beginning of it, which is all that a look at a BIN takes.
        for (let count = 1; count <= text.length; count += 1) {
          expect(brandOf(ascii(text.slice(0, count)))).toBeUndefined();
        }
      }),
      { numRuns: 2000 },
    );
  });

  it.each(Object.values(PUBLISHED).flat())('has nothing but the last four of %s', (number) => {
    const text = lookAlike(number.slice(-4));
    expect(text.slice(0, 6)).not.toBe(number.slice(0, 6));
  });

  it('is another one each time, with every digit in every place', () => {
    const texts = Array.from({ length: 2000 }, () => lookAlike('4242'));
    expect(new Set(texts).size).toBe(texts.length);
    for (let place = 1; place < 12; place += 1) {
      expect(new Set(texts.map((text) => text[place])).size).toBe(10);
    }
  });
});
