import type { ModificationRequest, PaymentOutcome } from '../contract.ts';
import { ProviderError } from '../errors.ts';
import { failureOfStatus } from '../transport/failure.ts';
import { isJsonObject, readJsonObject, readText } from '../transport/json.ts';
import type { TransportAnswer } from '../transport/transport.ts';
import { declineReason } from './declines.ts';
import { PAYMENT_INTENT, SETUP_INTENT } from './wire.ts';

/** `error` of an answer (https://docs.stripe.com/api/errors), as far as it is understood. */
export interface StripeRefusal {
  readonly type: string;
  readonly code?: string;
  readonly declineCode?: string;
  readonly parameter?: string;
  /** The PaymentIntent or SetupIntent that it is about. */
  readonly reference?: string;
}

const WORD = /^[a-z][a-z_]{0,63}$/;
const PARAMETER = /^[a-z_]{1,40}(?:\[[a-z_]{1,40}\]){0,3}$/;

const MOTO_PARAMETER = 'payment_method_options[card][moto]';

export const RAW_CARD_DATA_OFF =
  'Stripe takes no card numbers from this account: ask Stripe support to enable access to the raw card data APIs.';
export const MOTO_OFF =
  'Stripe takes no telephone orders from this account: ask Stripe support to enable MOTO payments.';

/** Codes that say that the request was wrong, and not the state of the payment. */
const WRONG_REQUEST =
  /^(?:parameter_|resource_missing$|url_invalid$|secret_key_required$|livemode_mismatch$)/;

/** Undefined when the answer is no error of Stripe's. */
export function readRefusal(answer: TransportAnswer): StripeRefusal | undefined {
  const error = readJsonObject(answer.body)?.['error'];
  const refusal = readErrorObject(error);
  if (refusal === undefined || !isJsonObject(error)) return refusal;
  const reference =
    referenceIn(error['payment_intent'], PAYMENT_INTENT) ?? referenceIn(error['setup_intent'], SETUP_INTENT);
  return { ...refusal, ...(reference !== undefined && { reference }) };
}

/** The same object as it is kept at an intent (`last_payment_error`, `last_setup_error`). */
export function readErrorObject(error: unknown): StripeRefusal | undefined {
  if (!isJsonObject(error)) return undefined;
  const type = readText(error['type'], WORD);
  if (type === undefined) return undefined;
  const code = readText(error['code'], WORD);
  const declineCode = readText(error['decline_code'], WORD);
  const parameter = readText(error['param'], PARAMETER);
  return {
    type,
    ...(code !== undefined && { code }),
    ...(declineCode !== undefined && { declineCode }),
    ...(parameter !== undefined && { parameter }),
  };
}

function referenceIn(intent: unknown, shape: RegExp): string | undefined {
  return isJsonObject(intent) ? readText(intent['id'], shape) : undefined;
}

/** A card error as an outcome. */
export function declineOf({ type, code, declineCode, reference }: StripeRefusal): PaymentOutcome {
  const rawCode = declineCode ?? code ?? type;
  return {
    result: 'declined',
    reason: declineReason(rawCode),
    rawCode,
    ...(reference !== undefined && { providerReference: reference }),
  };
}

/** The account must be opened for this by Stripe: card numbers in requests, or telephone orders. */
export function closedGate(
  answer: TransportAnswer,
  { type, code, parameter }: StripeRefusal,
): 'raw_card_data' | 'moto' | undefined {
  if (type !== 'invalid_request_error') return undefined;
  if (code === 'parameter_unknown' && parameter === MOTO_PARAMETER) return 'moto';
  // It has no code of its own; no other refusal of a request is 402, which is for cards.
  return answer.status === 402 ? 'raw_card_data' : undefined;
}

/** What an answer other than 200 to a payment says. Throws a `ProviderError` where there is no outcome. */
export function refusedPayment(answer: TransportAnswer): PaymentOutcome {
  const refusal = readRefusal(answer);
  if (refusal?.type === 'card_error' && answer.status === 402) return declineOf(refusal);
  throw failureOf(answer, refusal);
}

/** As `refusedPayment`: a payment whose state does not allow the modification is a decline of it. */
export function refusedModification(
  answer: TransportAnswer,
  { providerReference }: ModificationRequest,
): PaymentOutcome {
  const refusal = readRefusal(answer);
  if (refusal?.type === 'card_error' && answer.status === 402) {
    return { ...declineOf(refusal), providerReference };
  }
  const { type, code } = refusal ?? {};
  if (answer.status === 400 && type === 'invalid_request_error' && !WRONG_REQUEST.test(code ?? '')) {
    // Too large a refund has a message only.
    return { result: 'declined', reason: 'not_modifiable', rawCode: code ?? type, providerReference };
  }
  throw failureOf(answer, refusal);
}

export function failureOf(answer: TransportAnswer, refusal: StripeRefusal | undefined): ProviderError {
  const gate = refusal && closedGate(answer, refusal);
  if (gate !== undefined) {
    return new ProviderError('invalid_request', gate === 'moto' ? MOTO_OFF : RAW_CARD_DATA_OFF);
  }
  if (refusal?.type === 'idempotency_error') {
    // Another request has arrived under this key: whatever that one did is to be looked up.
    return new ProviderError('unknown_outcome', 'Stripe has seen this key with another request');
  }
  // A refusal that is not Stripe's own may come from something on the way.
  const failure =
    refusal === undefined && answer.status < 500 ? 'unknown_outcome' : failureOfStatus(answer.status);
  const detail = [refusal?.code ?? refusal?.type, refusal?.parameter].filter((part) => part !== undefined);
  return new ProviderError(
    failure,
    `Stripe answered ${answer.status}${detail.length > 0 ? ` (${detail.join(', ')})` : ''}`,
  );
}
