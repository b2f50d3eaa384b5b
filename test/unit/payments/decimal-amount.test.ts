import { assert, constantFrom, integer, property, record } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromDecimal, toDecimal } from '../../../src/payments/decimal-amount.ts';

describe('amounts as decimal text', () => {
  it.each([
    [1250, 'EUR', '12.50'],
    [5, 'USD', '0.05'],
    [100_000, 'USD', '1000.00'],
    [500, 'JPY', '500'],
    [12_340, 'KWD', '12.340'],
    [1, 'KWD', '0.001'],
    [10_001, 'CLF', '1.0001'],
    [250, 'IDR', '2.50'], // two decimals in ISO 4217, none in the table of the language
  ])('%i %s is %s', (value, currency, text) => {
    expect(toDecimal({ value, currency })).toBe(text);
    expect(fromDecimal(text, currency)).toEqual({ value, currency });
  });

  it.each([
    ['10', 'EUR', 1000],
    ['10.0', 'EUR', 1000],
    ['10.000000', 'EUR', 1000],
    ['500.00', 'JPY', 500],
    ['0.5', 'KWD', 500],
    ['0', 'EUR', 0],
  ])('%s %s is read as %i', (text, currency, value) => {
    expect(fromDecimal(text, currency)).toEqual({ value, currency });
  });

  it.each([
    ['10.001', 'EUR'],
    ['500.5', 'JPY'],
    ['1,50', 'EUR'],
    ['1e3', 'EUR'],
    ['-1', 'EUR'],
    ['.5', 'EUR'],
    ['5.', 'EUR'],
    ['', 'EUR'],
    [' 5', 'EUR'],
    ['1234567890123', 'JPY'],
    ['99999999999.99', 'EUR'],
  ])('%s %s is no amount', (text, currency) => {
    expect(fromDecimal(text, currency)).toBeUndefined();
  });

  it('is read back whatever the amount and the currency', () => {
    const amounts = record({
      value: integer({ min: 0, max: 999_999_999_999 }),
      currency: constantFrom('EUR', 'JPY', 'KWD', 'CLF', 'UYI', 'USD'),
    });
    assert(
      property(amounts, (amount) => {
        expect(fromDecimal(toDecimal(amount), amount.currency)).toEqual(amount);
      }),
    );
  });
});
