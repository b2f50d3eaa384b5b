import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  brandOf,
  BRANDS,
  lengthsOf,
  longestLengthOf,
  securityCodeLength,
  type Brand,
} from '../../../src/cards/brands.ts';
import { ascii, PUBLISHED } from './published.ts';

const published = Object.entries(PUBLISHED).flatMap(([brand, numbers]) =>
  numbers.map((number) => ({ brand: brand as Brand, number })),
);

describe('brandOf', () => {
  it('has published numbers for every brand', () => {
    expect(Object.keys(PUBLISHED).sort()).toEqual([...BRANDS].sort());
  });

  it.each(published)('$number is $brand, and of an allowed length', ({ brand, number }) => {
    expect(brandOf(ascii(number))).toBe(brand);
    expect(lengthsOf(brand)).toContain(number.length);
  });

  it.each<[string, Brand | undefined]>([
    ['4', 'visa'],
    ['2220', undefined],
    ['2221', 'mastercard'],
    ['2720', 'mastercard'],
    ['2721', undefined],
    ['51', 'mastercard'],
    ['55', 'mastercard'],
    ['34', 'amex'],
    ['35', undefined],
    ['37', 'amex'],
    ['6011', 'discover'],
    ['6012', undefined],
    ['643', undefined],
    ['644', 'discover'],
    ['649', 'discover'],
    ['65', 'discover'],
    ['66', undefined],
    ['622125', 'unionpay'],
    ['622126', 'unionpay'],
    ['622925', 'unionpay'],
    ['62', 'unionpay'],
    ['81', 'unionpay'],
    ['82', undefined],
    ['300', 'diners'],
    ['305', 'diners'],
    ['306', undefined],
    ['3094', undefined],
    ['3095', 'diners'],
    ['36', 'diners'],
    ['38', 'diners'],
    ['39', 'diners'],
    ['3527', undefined],
    ['3528', 'jcb'],
    ['3589', 'jcb'],
    ['3590', undefined],
    ['2199', undefined],
    ['2200', 'mir'],
    ['2204', 'mir'],
    ['2205', undefined],
    ['50', 'maestro'],
    ['56', 'maestro'],
    ['58', 'maestro'],
    ['59', undefined],
    ['63', 'maestro'],
    ['67', 'maestro'],
    ['606282', undefined],
    ['', undefined],
    ['3', undefined],
    ['5', undefined],
    ['6', undefined],
    ['x', undefined],
  ])('of "%s" is %s', (prefix, brand) => {
    expect(brandOf(ascii(prefix))).toBe(brand);
  });

  it('never takes a brand back when more digits follow', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^\d{1,19}$/), fc.nat({ max: 19 }), (number, cut) => {
        const whole = brandOf(ascii(number));
        expect([undefined, whole]).toContain(brandOf(ascii(number.slice(0, cut))));
      }),
    );
  });

  it('is settled by the first four digits', () => {
    for (let prefix = 0; prefix <= 9999; prefix += 1) {
      const text = String(prefix).padStart(4, '0');
      expect(brandOf(ascii(`${text}00000000`))).toBe(brandOf(ascii(text)));
    }
  });
});

describe('lengths', () => {
  it.each<[Brand, number[]]>([
    ['visa', [13, 16, 19]],
    ['mastercard', [16]],
    ['amex', [15]],
    ['discover', [16, 17, 18, 19]],
    ['diners', [14, 15, 16, 17, 18, 19]],
    ['jcb', [16, 17, 18, 19]],
    ['unionpay', [16, 17, 18, 19]],
    ['maestro', [12, 13, 14, 15, 16, 17, 18, 19]],
    ['mir', [16, 17, 18, 19]],
  ])('of %s are %j', (brand, lengths) => {
    expect(lengthsOf(brand)).toEqual(lengths);
    expect(longestLengthOf(brand)).toBe(lengths.at(-1));
  });

  it('of a security code is 4 on American Express and 3 elsewhere', () => {
    expect(BRANDS.filter((brand) => securityCodeLength(brand) === 4)).toEqual(['amex']);
    expect(BRANDS.filter((brand) => securityCodeLength(brand) === 3)).toHaveLength(BRANDS.length - 1);
  });
});
