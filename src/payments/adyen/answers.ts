import type { PaymentResponse } from '@adyen/api-library/lib/src/typings/checkout/paymentResponse.js';
import type { Amount, PaymentOutcome } from '../contract.ts';
import { isJsonObject, readJsonObject, readText } from '../transport/json.ts';
import type { TransportAnswer } from '../transport/transport.ts';
import { REFUSAL_REASONS } from './refusals.ts';
import type { Wire } from './wire.ts';

// Exact shapes: nothing that is echoed by mistake passes for one of these.
const PSP_REFERENCE = /^[A-Z0-9]{16}$/;
const STORED_ID = /^[A-Z0-9]{16}$/;
const AUTHORIZATION_CODE = /^[A-Za-z0-9]{1,10}$/;
const REASON_CODE = /^\d{1,3}$/;

type ResultCode = NonNullable<Wire<PaymentResponse>['resultCode']>;

/**
 * What every published result code says of a card payment.
 *
 * - `declined`: final, and nothing was authorised.
 * - `authentication`: the shopper would have to go somewhere; on a telephone nobody can, and Adyen lets the payment
 *   lapse.
 * - `open`: it is not decided yet, or it is nothing that a card payment was asked for. Adyen tells the end by a webhook
 *   and keeps giving this first answer, so the attempt stays unknown.
 */
const MEANINGS: Readonly<
  Record<ResultCode, 'authorised' | 'partial' | 'declined' | 'authentication' | 'open'>
> = {
  Authorised: 'authorised',
  PartiallyAuthorised: 'partial',
  Refused: 'declined',
  Error: 'declined',
  Cancelled: 'declined',
  RedirectShopper: 'authentication',
  IdentifyShopper: 'authentication',
  ChallengeShopper: 'authentication',
  Pending: 'open',
  Received: 'open',
  PresentToShopper: 'open',
  AuthenticationFinished: 'open',
  AuthenticationNotRequired: 'open',
  Success: 'open',
};

export interface ExpectedPayment {
  readonly reference: string;
  /** As Adyen counts it. */
  readonly amount: Amount;
  /** A token is looked for. */
  readonly saves: boolean;
}

/** Less was authorised than was asked for: it is given back, since nobody on the call was asked about the rest. */
export interface PartialAuthorisation {
  readonly result: 'partial';
  readonly providerReference: string;
}

/**
 * The outcome in an answer to `POST /payments`, or undefined when it is not certainly one for this payment: not JSON,
 * of another reference or amount, not decided, or with a member that is missing or malformed.
 */
export function readPayment(
  { body }: TransportAnswer,
  expected: ExpectedPayment,
): PaymentOutcome | PartialAuthorisation | undefined {
  const payment = readJsonObject(body);
  const code = payment?.['resultCode'];
  if (payment === undefined || typeof code !== 'string' || !isResultCode(code)) return undefined;
  const { merchantReference } = payment;
  if (merchantReference !== undefined && merchantReference !== expected.reference) return undefined;
  const providerReference = readText(payment['pspReference'], PSP_REFERENCE);
  switch (MEANINGS[code]) {
    case 'authorised':
      return isAmount(payment['amount'], expected.amount)
        ? readSuccess(payment, providerReference, expected.saves)
        : undefined;
    case 'partial':
      return providerReference === undefined ? undefined : { result: 'partial', providerReference };
    case 'declined':
      return { ...declineOf(payment, code), ...(providerReference !== undefined && { providerReference }) };
    case 'authentication':
      return {
        result: 'declined',
        reason: 'authentication_required',
        rawCode: code,
        ...(providerReference !== undefined && { providerReference }),
      };
    case 'open':
    default:
      return undefined;
  }
}

/** The modification in an answer with 201, or undefined when it is not certainly one of this payment. */
export function readModification(
  { body }: TransportAnswer,
  paymentReference: string,
): PaymentOutcome | undefined {
  const modification = readJsonObject(body);
  const providerReference = readText(modification?.['pspReference'], PSP_REFERENCE);
  if (
    providerReference === undefined ||
    modification?.['status'] !== 'received' ||
    modification['paymentPspReference'] !== paymentReference
  ) {
    return undefined;
  }
  return { result: 'succeeded', providerReference };
}

function isResultCode(code: string): code is ResultCode {
  return Object.hasOwn(MEANINGS, code);
}

function isAmount(value: unknown, { value: minorUnits, currency }: Amount): boolean {
  if (value === undefined || value === null) return true; // not every answer has it
  return isJsonObject(value) && value['value'] === minorUnits && value['currency'] === currency;
}

function readSuccess(
  payment: Record<string, unknown>,
  providerReference: string | undefined,
  saves: boolean,
): PaymentOutcome | undefined {
  if (providerReference === undefined) return undefined;
  const data = isJsonObject(payment['additionalData']) ? payment['additionalData'] : {};
  const authorizationCode = readText(data['authCode'], AUTHORIZATION_CODE);
  const providerToken =
    readText(data['tokenization.storedPaymentMethodId'], STORED_ID) ??
    readText(data['recurring.recurringDetailReference'], STORED_ID);
  return {
    result: 'succeeded',
    providerReference,
    ...(authorizationCode !== undefined && { authorizationCode }),
    ...(saves && providerToken !== undefined && { providerToken }),
  };
}

function declineOf(
  payment: Record<string, unknown>,
  code: ResultCode,
): Extract<PaymentOutcome, { result: 'declined' }> {
  const rawCode = readText(payment['refusalReasonCode'], REASON_CODE);
  const reason =
    rawCode !== undefined && Object.hasOwn(REFUSAL_REASONS, rawCode) ? REFUSAL_REASONS[rawCode] : undefined;
  return {
    result: 'declined',
    reason: reason ?? (code === 'Error' ? 'processing_error' : 'generic_decline'),
    rawCode: rawCode ?? code,
  };
}
