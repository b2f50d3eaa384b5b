import type { Amount } from '../contract.ts';
import { ProviderError } from '../errors.ts';

// Adyen's table of decimals goes before ISO 4217 (https://docs.adyen.com/development-resources/currency-codes). These
// four are all that differ.

/** No decimals in ISO 4217, two at Adyen. */
const TWO_MORE = new Set(['CLP', 'ISK']);

/** Two decimals in ISO 4217, none at Adyen. */
const TWO_FEWER = new Set(['CVE', 'IDR']);

/** As Adyen counts it. Throws a `ProviderError` for an amount that Adyen cannot express. */
export function adyenAmount({ value, currency }: Amount): { value: number; currency: string } {
  if (TWO_MORE.has(currency)) return { value: value * 100, currency };
  if (!TWO_FEWER.has(currency)) return { value, currency };
  if (value % 100 !== 0) {
    throw new ProviderError('invalid_request', 'Adyen takes whole units only in this currency');
  }
  return { value: value / 100, currency };
}
