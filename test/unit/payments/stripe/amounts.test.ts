import { describe, expect, it } from 'vitest';
import { minorUnits } from '../../../../simulators/doubles/stripe/money.ts';
import { stripeAmount } from '../../../../src/payments/stripe/amounts.ts';

/** https://docs.stripe.com/currencies: presentment currencies, and the special cases. */
describe('stripeAmount', () => {
  it.each([
    ['EUR', 1250, 1250],
    ['USD', 1, 1],
    ['JPY', 500, 500],
    ['KRW', 12_000, 12_000],
    ['HUF', 100_000, 100_000],
    ['TWD', 80_045, 80_045],
    ['KWD', 5120, 5120],
    ['ISK', 5, 500],
    ['UGX', 5, 500],
    ['MGA', 500, 5],
  ])('counts %s %i as %i', (currency, value, amount) => {
    expect(stripeAmount({ value, currency })).toEqual({ amount, currency: currency.toLowerCase() });
  });

  it.each([
    ['KWD', 5124],
    ['TND', 1],
    ['MGA', 501],
    ['LYD', 1000],
    ['CLF', 10_000],
  ])('refuses %s %i, which Stripe cannot express', (currency, value) => {
    expect(() => stripeAmount({ value, currency })).toThrow(
      expect.objectContaining({ name: 'ProviderError', failure: 'invalid_request' }) as Error,
    );
  });

  it('is counted back to the same by the double, in every currency', () => {
    const others = Intl.supportedValuesOf('currency').filter(
      (currency) => !['CLF', 'UYI', 'UYW', 'IQD', 'LYD'].includes(currency),
    );
    expect(others.length).toBeGreaterThan(100);
    for (const currency of others) {
      const { amount, currency: lower } = stripeAmount({ value: 120_000, currency });
      expect({ currency, value: minorUnits(amount, lower) }).toEqual({ currency, value: 120_000 });
    }
  });
});
