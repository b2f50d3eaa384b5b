import type { Amount, ModificationRequest, PaymentRequest } from './contract.ts';
import { ProviderError } from './errors.ts';

const IDEMPOTENCY_KEY = /^[A-Za-z0-9_.:-]{1,64}$/;
const CURRENCY = /^[A-Z]{3}$/;

/** ISO 8583, field 4: 12 digits. */
const LARGEST_AMOUNT = 999_999_999_999;

/** What no provider takes, told before anything is sent. Throws a `ProviderError` with `invalid_request`. */
export function refuseMalformedPayment({ idempotencyKey, purpose, amount, stored }: PaymentRequest): void {
  refuseMalformedKey(idempotencyKey);
  if ((amount === undefined) !== (purpose === 'tokenize')) {
    throw invalid('an amount goes with every purpose but tokenize');
  }
  if (amount !== undefined) refuseMalformedAmount(amount);
  if (stored !== undefined && purpose !== 'charge' && purpose !== 'authorize') {
    throw invalid('a card that is kept can be charged or authorized');
  }
}

/** As `refuseMalformedPayment`. The provider's own name of the payment is the adapter's to look at. */
export function refuseMalformedModification(request: ModificationRequest): void {
  const { idempotencyKey, modification, amount, authorized } = request;
  refuseMalformedKey(idempotencyKey);
  if ((amount === undefined) !== (modification === 'void')) {
    throw invalid('an amount goes with a capture and a refund only');
  }
  if (amount === undefined) return;
  refuseMalformedAmount(amount);
  if (amount.currency !== authorized.currency) throw invalid('the payment has another currency');
}

export function refuseMalformedKey(idempotencyKey: string): void {
  if (!IDEMPOTENCY_KEY.test(idempotencyKey)) {
    throw invalid('an idempotency key has 1 to 64 letters, digits or _ . : -');
  }
}

function refuseMalformedAmount({ value, currency }: Amount): void {
  if (!Number.isInteger(value) || value < 1 || value > LARGEST_AMOUNT) {
    throw invalid('an amount is a whole number of minor units above 0 with at most 12 digits');
  }
  if (!CURRENCY.test(currency)) throw invalid('a currency is an ISO 4217 code');
}

function invalid(message: string): ProviderError {
  return new ProviderError('invalid_request', message);
}
