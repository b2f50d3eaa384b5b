import { describe, expect, it } from 'vitest';
import { HALVES } from '../../support/card-numbers.ts';

describe('the published numbers', () => {
  it.each([0, 1] as const)('hold each digit at many places and 0 at every one: half %i', (half) => {
    const places = (digit: string): Set<number> =>
      new Set(
        HALVES[half].flatMap(({ number }) =>
          Array.from(number, (character, place) => (character === digit ? place : -1)).filter(
            (place) => place >= 0,
          ),
        ),
      );
    for (const digit of '123456789') expect(places(digit).size).toBeGreaterThanOrEqual(7);
    expect([...places('0')].toSorted((a, b) => a - b)).toEqual(
      expect.arrayContaining(Array.from({ length: 15 }, (_, i) => i + 1)),
    );
  });
});
