import { invalid } from './refusals.ts';

/** How many decimals Stripe counts in, where it is not two (https://docs.stripe.com/currencies). */
const DECIMALS: Readonly<Record<string, number>> = {
  ...Object.fromEntries(
    [
      'bif',
      'clp',
      'djf',
      'gnf',
      'jpy',
      'kmf',
      'krw',
      'mga',
      'pyg',
      'rwf',
      'vnd',
      'vuv',
      'xaf',
      'xof',
      'xpf',
    ].map((currency) => [currency, 0]),
  ),
  ...Object.fromEntries(['bhd', 'jod', 'kwd', 'omr', 'tnd'].map((currency) => [currency, 3])),
};

const MUST_BE_WHOLE = ['isk', 'ugx'];

/** Throws a `Refusal` for an amount that Stripe does not take. */
export function refuseWrongAmount(amount: number, currency: string): void {
  const whole = MUST_BE_WHOLE.includes(currency) && amount % 100 !== 0;
  const third = DECIMALS[currency] === 3 && amount % 10 !== 0;
  if (!Intl.supportedValuesOf('currency').includes(currency.toUpperCase())) {
    throw invalid('Invalid currency.', { param: 'currency' });
  }
  if (whole || third) throw invalid('Invalid amount.', { code: 'invalid_charge_amount', param: 'amount' });
}

/** ISO 4217, list one: the same but for these. */
const ISO_DECIMALS: Readonly<Record<string, number>> = { ...DECIMALS, isk: 0, ugx: 0, mga: 2 };

/** ISO 4217 minor units, as the ledger has them. */
export function minorUnits(amount: number, currency: string): number {
  return amount * 10 ** ((ISO_DECIMALS[currency] ?? 2) - (DECIMALS[currency] ?? 2));
}
