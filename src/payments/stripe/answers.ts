import type Stripe from 'stripe';
import type { Operation, PaymentOutcome } from '../contract.ts';
import { ProviderError } from '../errors.ts';
import { isJsonObject, readText } from '../transport/json.ts';
import { declineOf, readErrorObject } from './errors.ts';
import { KEY_NAME, PAYMENT_INTENT, PAYMENT_METHOD, REFUND, SETUP_INTENT } from './wire.ts';

/** What an answer must be about to be taken for one to this attempt. */
export interface Expected {
  readonly idempotencyKey: string;
  /** Absent: any, as of a look-up. Stripe's own count. */
  readonly amount?: { readonly amount: number; readonly currency: string };
}

/** ISO 8583 field 38 has 6 characters; some issuers' are shorter. */
const AUTHORIZATION_CODE = /^[A-Za-z0-9]{1,8}$/;

type Json = Readonly<Record<string, unknown>>;
type IntentMember = keyof Stripe.PaymentIntent | keyof Stripe.SetupIntent;

const of = (intent: Json, member: IntentMember): unknown => intent[member];

/** Whether the object, of whatever kind, was made by the attempt. */
export function isOf(object: Json, idempotencyKey: string, name = KEY_NAME): boolean {
  const metadata = object['metadata'];
  return isJsonObject(metadata) && metadata[name] === idempotencyKey;
}

/**
 * What a PaymentIntent says of the attempt that made it. Throws a `ProviderError` with `unknown_outcome` when it is
 * certainly not one of this attempt, or Stripe has not decided yet.
 */
export function readPaymentIntent(intent: Json, purpose: Operation, expected: Expected): PaymentOutcome {
  const id = readText(of(intent, 'id'), PAYMENT_INTENT);
  if (id === undefined || of(intent, 'object') !== 'payment_intent') throw unreadable();
  if (!isOf(intent, expected.idempotencyKey) || !isAmount(intent, expected)) throw unreadable();
  const outcome = undecided(intent, id, 'last_payment_error');
  if (outcome !== undefined) return outcome;
  const saved =
    purpose === 'charge_and_save' ? readText(of(intent, 'payment_method'), PAYMENT_METHOD) : undefined;
  const authorizationCode = readAuthorizationCode(of(intent, 'latest_charge'));
  if (!isDone(of(intent, 'status'), purpose) || (purpose === 'charge_and_save' && saved === undefined)) {
    throw unreadable();
  }
  return {
    result: 'succeeded',
    providerReference: id,
    ...(authorizationCode !== undefined && { authorizationCode }),
    ...(saved !== undefined && { providerToken: saved }),
  };
}

/** As `readPaymentIntent`. */
export function readSetupIntent(intent: Json, expected: Expected): PaymentOutcome {
  const id = readText(of(intent, 'id'), SETUP_INTENT);
  if (id === undefined || of(intent, 'object') !== 'setup_intent') throw unreadable();
  if (!isOf(intent, expected.idempotencyKey)) throw unreadable();
  const outcome = undecided(intent, id, 'last_setup_error');
  if (outcome !== undefined) return outcome;
  const providerToken = readText(of(intent, 'payment_method'), PAYMENT_METHOD);
  if (of(intent, 'status') !== 'succeeded' || providerToken === undefined) throw unreadable();
  return { result: 'succeeded', providerReference: id, providerToken };
}

/** What a Refund says. One that Stripe has taken on and carries out later is a success. */
export function readRefund(refund: Json, { idempotencyKey, amount }: Expected): PaymentOutcome {
  const id = readText(refund['id' satisfies keyof Stripe.Refund], REFUND);
  if (id === undefined || refund['object'] !== 'refund' || !isOf(refund, idempotencyKey)) throw unreadable();
  if (amount !== undefined && refund['amount' satisfies keyof Stripe.Refund] !== amount.amount)
    throw unreadable();
  switch (refund['status']) {
    case 'succeeded':
    case 'pending':
    case 'requires_action':
      return { result: 'succeeded', providerReference: id };
    case 'failed':
    case 'canceled':
      return {
        result: 'declined',
        reason: 'not_modifiable',
        rawCode: readText(refund['failure_reason'], /^[a-z_]{1,64}$/) ?? refund['status'],
        providerReference: id,
      };
    default:
      throw unreadable();
  }
}

/** A decline, or undefined when the intent went through. */
function undecided(
  intent: Json,
  providerReference: string,
  lastError: 'last_payment_error' | 'last_setup_error',
): PaymentOutcome | undefined {
  switch (of(intent, 'status')) {
    case 'requires_payment_method': {
      const refusal = readErrorObject(of(intent, lastError));
      if (refusal === undefined) throw underWay();
      return { ...declineOf(refusal), providerReference };
    }
    case 'requires_action':
      // Nobody will act: there is no page that the caller could be sent to, and without it no money moves.
      return {
        result: 'declined',
        reason: 'authentication_required',
        rawCode: 'requires_action',
        providerReference,
      };
    case 'canceled':
      // One that was voided later has had its charge.
      if (of(intent, 'latest_charge') != null) return undefined;
      return { result: 'declined', reason: 'generic_decline', rawCode: 'canceled', providerReference };
    case 'processing':
    case 'requires_confirmation':
      throw underWay();
    default:
      return undefined;
  }
}

/** An authorization may have been captured or voided since. */
function isDone(status: unknown, purpose: Operation): boolean {
  if (purpose === 'authorize')
    return ['requires_capture', 'succeeded', 'canceled'].includes(status as string);
  return status === 'succeeded';
}

function isAmount(intent: Json, { amount }: Expected): boolean {
  return (
    amount === undefined ||
    (of(intent, 'amount') === amount.amount && of(intent, 'currency') === amount.currency)
  );
}

function readAuthorizationCode(charge: unknown): string | undefined {
  const details = isJsonObject(charge) ? charge['payment_method_details'] : undefined;
  const card = isJsonObject(details) ? details['card'] : undefined;
  return isJsonObject(card) ? readText(card['authorization_code'], AUTHORIZATION_CODE) : undefined;
}

function underWay(): ProviderError {
  return new ProviderError('unknown_outcome', 'Stripe has not decided this payment yet');
}

export function unreadable(): ProviderError {
  return new ProviderError('unknown_outcome', 'Stripe gave an answer that decides nothing or cannot be read');
}
