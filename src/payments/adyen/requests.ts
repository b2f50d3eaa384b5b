import type { CardDetails as AdyenCardDetails } from '@adyen/api-library/lib/src/typings/checkout/cardDetails.js';
import type { PaymentCancelRequest } from '@adyen/api-library/lib/src/typings/checkout/paymentCancelRequest.js';
import type { PaymentCaptureRequest } from '@adyen/api-library/lib/src/typings/checkout/paymentCaptureRequest.js';
import type { PaymentMethodsRequest } from '@adyen/api-library/lib/src/typings/checkout/paymentMethodsRequest.js';
import type { PaymentRefundRequest } from '@adyen/api-library/lib/src/typings/checkout/paymentRefundRequest.js';
import type { PaymentRequest as AdyenPaymentRequest } from '@adyen/api-library/lib/src/typings/checkout/paymentRequest.js';
import type { PaymentReversalRequest } from '@adyen/api-library/lib/src/typings/checkout/paymentReversalRequest.js';
import type { Modification, ModificationRequest, PaymentRequest } from '../contract.ts';
import { ProviderError } from '../errors.ts';
import { adyenAmount } from './amounts.ts';
import type { AdyenConfiguration } from './configuration.ts';
import type { Wire } from './wire.ts';

type PaymentBody = Omit<Wire<AdyenPaymentRequest>, 'paymentMethod'> & {
  readonly paymentMethod: Wire<AdyenCardDetails>;
};

/** `reference`: what the API takes. */
const LONGEST_REFERENCE = 80;

/** `shopperReference`: what the API takes. */
const CUSTOMER_REFERENCE = /^.{3,256}$/u;

/** What the payment is called at Adyen: the account's reference, or the key of the attempt. */
export function referenceOf({ reference, idempotencyKey }: PaymentRequest | ModificationRequest): string {
  if (reference !== undefined && (reference.length === 0 || reference.length > LONGEST_REFERENCE)) {
    throw new ProviderError(
      'invalid_request',
      `Adyen takes a reference of 1 to ${LONGEST_REFERENCE} characters`,
    );
  }
  return reference ?? idempotencyKey;
}

/** What is authorised, as Adyen counts it: nothing, to verify a card that is only to be kept. */
export function amountOf(
  { amount }: PaymentRequest,
  { verificationCurrency }: AdyenConfiguration,
): { value: number; currency: string } {
  return amount === undefined ? { value: 0, currency: verificationCurrency } : adyenAmount(amount);
}

/** The body of `POST /payments`; `sealed` is what `envelope.ts` made. Throws `provider_invalid_request`. */
export function paymentBody(
  request: PaymentRequest,
  sealed: string | undefined,
  configuration: AdyenConfiguration,
): string {
  const { purpose, stored } = request;
  const saves = purpose === 'tokenize' || purpose === 'charge_and_save';
  const body = {
    merchantAccount: configuration.merchantAccount,
    amount: amountOf(request, configuration),
    reference: referenceOf(request),
    returnUrl: configuration.returnUrl,
    paymentMethod: {
      type: 'scheme',
      ...(stored === undefined
        ? { ...(sealed !== undefined && { encryptedCard: sealed }) }
        : {
            storedPaymentMethodId: stored.providerToken,
            ...(sealed !== undefined && { encryptedSecurityCode: sealed }),
          }),
    },
    // Someone is on the telephone, or nobody is there.
    shopperInteraction: request.initiatedBy === 'merchant' ? 'ContAuth' : 'Moto',
    ...captureOf(purpose),
    ...(saves && { storePaymentMethod: true }),
    ...((saves || stored !== undefined) && { shopperReference: customerReferenceOf(request) }),
    ...((saves || stored !== undefined || request.initiatedBy === 'merchant') && {
      recurringProcessingModel: recurringModelOf(request, configuration),
    }),
  } satisfies PaymentBody;
  return JSON.stringify(body);
}

/** Where a modification goes, below `/payments/{pspReference}`, and its body. */
export function modification(
  request: ModificationRequest,
  { merchantAccount }: AdyenConfiguration,
): { readonly path: string; readonly body: string } {
  const named = { merchantAccount, reference: referenceOf(request) };
  const amount = adyenAmount(request.amount ?? request.authorized);
  const bodies: Record<Modification, Wire<ModificationBody>> = {
    capture: { ...named, amount } satisfies Wire<PaymentCaptureRequest>,
    void: named satisfies Wire<PaymentCancelRequest>,
    refund: { ...named, amount } satisfies Wire<PaymentRefundRequest>,
  };
  return { path: PATHS[request.modification], body: JSON.stringify(bodies[request.modification]) };
}

/** Gives back what was authorised or taken, whichever it is. */
export function reversalBody(reference: string, { merchantAccount }: AdyenConfiguration): string {
  return JSON.stringify({ merchantAccount, reference } satisfies Wire<PaymentReversalRequest>);
}

export function paymentMethodsBody({ merchantAccount }: AdyenConfiguration): string {
  return JSON.stringify({ merchantAccount } satisfies Wire<PaymentMethodsRequest>);
}

type ModificationBody = PaymentCaptureRequest | PaymentCancelRequest | PaymentRefundRequest;

const PATHS: Readonly<Record<Modification, string>> = {
  capture: 'captures',
  void: 'cancels',
  refund: 'refunds',
};

/**
 * Both ways are said with every payment, so that the account's own setting decides nothing: a charge is captured at
 * once, an authorisation only when it is asked for.
 */
function captureOf(
  purpose: PaymentRequest['purpose'],
): Pick<PaymentBody, 'captureDelayHours' | 'additionalData'> {
  if (purpose === 'tokenize') return {};
  return purpose === 'authorize' ? { additionalData: { manualCapture: 'true' } } : { captureDelayHours: 0 };
}

function customerReferenceOf({ customerReference }: PaymentRequest): string {
  if (customerReference === undefined || !CUSTOMER_REFERENCE.test(customerReference)) {
    throw new ProviderError(
      'invalid_request',
      'Adyen keeps a card under a customer reference of 3 to 256 characters',
    );
  }
  return customerReference;
}

/** A charge without the cardholder is a subscription's, or unscheduled; never one that they ask for themselves. */
function recurringModelOf(
  { initiatedBy }: PaymentRequest,
  { recurringModel }: AdyenConfiguration,
): AdyenConfiguration['recurringModel'] {
  if (initiatedBy !== 'merchant') return recurringModel;
  return recurringModel === 'Subscription' ? 'Subscription' : 'UnscheduledCardOnFile';
}
