import { describe, expect, it } from 'vitest';
import { CURRENCIES, decimalsOf, isCurrency } from '../../../src/payments/currencies.ts';

/** In the table of the language, and off the list of ISO 4217, or without a minor unit there. */
const NOT_CHARGED = ['ANG', 'BGN', 'CUC', 'HRK', 'SLL', 'XDR', 'XSU', 'ZWL'];

describe('currencies', () => {
  it('are codes of three capitals, each once', () => {
    expect(CURRENCIES.filter((code) => !/^[A-Z]{3}$/.test(code))).toEqual([]);
    expect(new Set(CURRENCIES).size).toBe(CURRENCIES.length);
    // 165 of list one have a minor unit.
    expect(CURRENCIES).toHaveLength(165);
  });

  it('are all that the language knows, but for those that nobody charges', () => {
    const missing = Intl.supportedValuesOf('currency').filter((code) => !isCurrency(code));
    expect(missing).toEqual(NOT_CHARGED);
  });

  it.each(['EUR', 'USD', 'XCG', 'ZWG', 'SLE', 'VED', 'XAD', 'CLF', 'XOF'])('%s is one', (code) => {
    expect(isCurrency(code)).toBe(true);
  });

  it.each(['XXQ', 'XTS', 'XXX', 'XAU', 'DEM', 'eur', ' EUR', '', 'constructor', '__proto__', ...NOT_CHARGED])(
    '%s is none',
    (code) => {
      expect(isCurrency(code)).toBe(false);
    },
  );

  it.each([
    ['JPY', 0],
    ['ISK', 0],
    ['EUR', 2],
    ['IDR', 2], // none in the table of the language
    ['KWD', 3],
    ['CLF', 4],
    ['UYW', 4],
    ['BGN', 2], // of a payment from before
  ])('%s has %i decimals', (code, decimals) => {
    expect(decimalsOf(code)).toBe(decimals);
  });
});
