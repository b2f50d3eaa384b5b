import { HushtoneError } from '../kernel/errors.ts';
import { isCurrency } from '../payments/currencies.ts';

/** Throws `currency_unknown`, which names the member of the request, unless it is a currency that is in use. */
export function refuseUnknownCurrency(currency: string, member: string): void {
  if (isCurrency(currency)) return;
  throw new HushtoneError(
    'currency_unknown',
    'invalid',
    `${member} is no currency that is in use: send a code of ISO 4217.`,
  );
}
