import type { Amount } from '../contract.ts';
import { ProviderError } from '../errors.ts';

/** Not in use any more, or as precise as nobody charges; what Stripe would make of them is not documented. */
const STRANGE = new Set(['CLF', 'UYI', 'UYW', 'IQD', 'LYD']);

/** No decimals in ISO 4217; Stripe wants two, both zero (https://docs.stripe.com/currencies, special cases). */
const TWO_ZEROS = new Set(['ISK', 'UGX']);

/** Two decimals in ISO 4217; Stripe has none. */
const NO_DECIMALS = new Set(['MGA']);

/** Three decimals; Stripe wants the last one to be zero. */
const LAST_IS_ZERO = new Set(['BHD', 'JOD', 'KWD', 'OMR', 'TND']);

/** As Stripe counts it, and names the currency. Throws a `ProviderError` for an amount that Stripe cannot express. */
export function stripeAmount({ value, currency }: Amount): { amount: number; currency: string } {
  return { amount: counted(value, currency), currency: currency.toLowerCase() };
}

function counted(value: number, currency: string): number {
  if (STRANGE.has(currency)) throw cannot('Stripe does not take this currency');
  if (TWO_ZEROS.has(currency)) return value * 100;
  if (NO_DECIMALS.has(currency)) {
    if (value % 100 !== 0) throw cannot('Stripe takes whole units only in this currency');
    return value / 100;
  }
  if (LAST_IS_ZERO.has(currency) && value % 10 !== 0) {
    throw cannot('Stripe takes two decimals only in this currency: the third is zero');
  }
  return value;
}

function cannot(message: string): ProviderError {
  return new ProviderError('invalid_request', message);
}
