import { DECLINED_NUMBERS } from '../../simulators/sandbox-provider/decisions.ts';
import type { Brand } from '../../src/cards/brands.ts';
import { PUBLISHED } from '../unit/cards/published.ts';

export interface TestCard {
  readonly brand: Brand;
  readonly number: string;
  readonly declined: boolean;
}

const DECLINED = Object.keys(DECLINED_NUMBERS);

function numbersOf(brand: Brand): readonly string[] {
  return brand === 'visa' ? [...PUBLISHED.visa, ...DECLINED] : PUBLISHED[brand];
}

/**
 * Test numbers that payment providers publish, of every brand in turn, those that the sandbox declines last. No number
 * is there twice.
 */
export const TEST_CARDS: readonly TestCard[] = inTurns(
  (Object.keys(PUBLISHED) as Brand[]).map((brand) =>
    numbersOf(brand).map((number) => ({ brand, number, declined: DECLINED.includes(number) })),
  ),
);

/** Every second card: two halves that have every brand, and both lengths of those that have two. */
export const HALVES: readonly [readonly TestCard[], readonly TestCard[]] = [
  TEST_CARDS.filter((_, index) => index % 2 === 0),
  TEST_CARDS.filter((_, index) => index % 2 === 1),
];

function inTurns<T>(rows: readonly (readonly T[])[]): T[] {
  const longest = Math.max(...rows.map((row) => row.length));
  return Array.from({ length: longest }, (_, turn) =>
    rows.flatMap((row) => row.slice(turn, turn + 1)),
  ).flat();
}

/** MMYY in the card's future, whenever the test runs: every month in turn, so also those that begin with 0. */
export function expiryAt(index: number): string {
  const month = String((index % 12) + 1).padStart(2, '0');
  const year = String((new Date().getUTCFullYear() + 1 + (index % 5)) % 100).padStart(2, '0');
  return `${month}${year}`;
}

/** A security code of the brand's length. One in four begins with 0, one in four ends with it. */
export function securityCodeAt(index: number, brand: Brand): string {
  const length = brand === 'amex' ? 4 : 3;
  const code = String((index * 7919 + 907) % 10 ** length).padStart(length, '0');
  if (index % 4 === 0) return `0${code.slice(1)}`;
  return index % 4 === 1 ? `${code.slice(0, -1)}0` : code;
}
