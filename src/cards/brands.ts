import { leadingNumber } from './digits.ts';

export type Brand =
  'visa' | 'mastercard' | 'amex' | 'discover' | 'diners' | 'jcb' | 'unionpay' | 'maestro' | 'mir';

interface BrandRule {
  /** Issuer identification numbers by their first digits, both ends included and of the same digit count. */
  readonly prefixes: readonly (readonly [low: number, high: number])[];
  readonly lengths: readonly number[];
  readonly securityCodeLength: 3 | 4;
}

const fromTo = (shortest: number, longest: number): number[] =>
  Array.from({ length: longest - shortest + 1 }, (_, index) => shortest + index);

/**
 * The ranges that the card schemes publish. No two overlap, so that their order decides nothing.
 *
 * - 622126–622925 is issued by UnionPay and routed by Discover in some countries. The card carries UnionPay's mark,
 *   and a merchant who takes UnionPay must not lose it, so all of 62 is UnionPay.
 * - Maestro is 50, 56–58, 63 and 67. The rest of 6 holds store cards and national schemes (RuPay 60, Hipercard
 *   6062): named Maestro, they would pass a merchant's list of accepted brands.
 * - Diners 300–305, 3095, 38 and 39 are 16 digits or more by now and 14 on older cards and in test lists; all lengths
 *   from 14 are taken.
 */
const RULES: Readonly<Record<Brand, BrandRule>> = {
  visa: { prefixes: [[4, 4]], lengths: [13, 16, 19], securityCodeLength: 3 },
  mastercard: {
    prefixes: [
      [51, 55],
      [2221, 2720],
    ],
    lengths: [16],
    securityCodeLength: 3,
  },
  amex: {
    prefixes: [
      [34, 34],
      [37, 37],
    ],
    lengths: [15],
    securityCodeLength: 4,
  },
  discover: {
    prefixes: [
      [6011, 6011],
      [644, 649],
      [65, 65],
    ],
    lengths: fromTo(16, 19),
    securityCodeLength: 3,
  },
  diners: {
    prefixes: [
      [300, 305],
      [3095, 3095],
      [36, 36],
      [38, 39],
    ],
    lengths: fromTo(14, 19),
    securityCodeLength: 3,
  },
  jcb: { prefixes: [[3528, 3589]], lengths: fromTo(16, 19), securityCodeLength: 3 },
  unionpay: {
    prefixes: [
      [62, 62],
      [81, 81],
    ],
    lengths: fromTo(16, 19),
    securityCodeLength: 3,
  },
  maestro: {
    prefixes: [
      [50, 50],
      [56, 58],
      [63, 63],
      [67, 67],
    ],
    lengths: fromTo(12, 19),
    securityCodeLength: 3,
  },
  mir: { prefixes: [[2200, 2204]], lengths: fromTo(16, 19), securityCodeLength: 3 },
};

export const BRANDS: readonly Brand[] = Object.keys(RULES) as Brand[];

/**
 * The brand of a card number of ASCII digits, whole or only begun. A brand once given stays, whatever digits follow:
 * undefined means that the digits so far leave it open, or that no known brand issues such numbers.
 */
export function brandOf(bytes: Uint8Array): Brand | undefined {
  return BRANDS.find((brand) =>
    RULES[brand].prefixes.some(([low, high]) => {
      const value = leadingNumber(bytes, String(low).length);
      return value !== undefined && value >= low && value <= high;
    }),
  );
}

/** How many digits a number of this brand may have, ascending. */
export function lengthsOf(brand: Brand): readonly number[] {
  return RULES[brand].lengths;
}

/** The longest number of this brand. */
export function longestLengthOf(brand: Brand): number {
  return Math.max(...RULES[brand].lengths);
}

/** How many digits the security code has: 4 on American Express (CID), 3 on all others. */
export function securityCodeLength(brand: Brand): 3 | 4 {
  return RULES[brand].securityCodeLength;
}
