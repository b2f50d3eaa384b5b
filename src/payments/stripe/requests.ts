import type Stripe from 'stripe';
import type { Amount, CardDetails, ModificationRequest, PaymentRequest } from '../contract.ts';
import { ProviderError } from '../errors.ts';
import type { BodyChunk } from '../transport/body.ts';
import type { SecretBuffer } from '../../secrets/secret-buffer.ts';
import { stripeAmount } from './amounts.ts';
import { CAPTURE_KEY_NAME, CUSTOMER, formOf, KEY_NAME } from './wire.ts';

/** Characters of a value (https://docs.stripe.com/metadata). */
const LONGEST_METADATA = 500;

/** What a payment is made with, once Stripe knows the card. */
export interface KnownCard {
  readonly paymentMethod: string;
  /** Whose card it is, or will be. */
  readonly customer?: string;
  /** Stands for a security code that was keyed for a card that Stripe keeps. */
  readonly cvcToken?: string;
}

type CardParameter =
  | `card[${keyof Stripe.PaymentMethodCreateParams.Card}]`
  | `billing_details[address][${keyof Stripe.AddressParam}]`;

/** `POST /v1/payment_methods`: the only request that holds a card, each value a chunk of its own. */
export function paymentMethodBody({
  cardNumber,
  expiry,
  securityCode,
  postalCode,
}: CardDetails): BodyChunk[] {
  if (expiry?.length !== 4) {
    throw new ProviderError('invalid_request', 'Stripe takes a card with its expiry only');
  }
  return [
    'type=card',
    ...secret('card[number]', cardNumber),
    ...secret('card[exp_month]', { of: expiry, start: 0, end: 2 }),
    '&card[exp_year]=20' satisfies `&${CardParameter}=20`,
    { of: expiry, start: 2, end: 4 },
    ...(securityCode === undefined ? [] : secret('card[cvc]', securityCode)),
    ...(postalCode === undefined ? [] : secret('billing_details[address][postal_code]', postalCode)),
  ];
}

/** `POST /v1/tokens`: a security code for a card that Stripe keeps. */
export function cvcTokenBody(securityCode: SecretBuffer): BodyChunk[] {
  const name: `${keyof Pick<Stripe.TokenCreateParams, 'cvc_update'>}[${keyof Stripe.TokenCreateParams.CvcUpdate}]` =
    'cvc_update[cvc]';
  return [`${name}=`, securityCode];
}

function secret(name: CardParameter, chunk: Exclude<BodyChunk, string>): BodyChunk[] {
  return [`&${name}=`, chunk];
}

/** `POST /v1/customers`: Stripe keeps a card under a customer only. */
export function customerBody({ idempotencyKey, customerReference }: PaymentRequest): string {
  return formOf({
    metadata: {
      [KEY_NAME]: idempotencyKey,
      ...(customerReference !== undefined && {
        customer_reference: customerReference.slice(0, LONGEST_METADATA),
      }),
    },
  } satisfies Stripe.CustomerCreateParams);
}

/** The account's own name of its customer, where that is Stripe's. */
export function knownCustomer({ customerReference }: PaymentRequest): string | undefined {
  return customerReference !== undefined && CUSTOMER.test(customerReference) ? customerReference : undefined;
}

/** `POST /v1/payment_intents`, confirmed at once. */
export function paymentIntentBody(request: PaymentRequest, amount: Amount, card: KnownCard): string {
  const { purpose, reference, initiatedBy = 'cardholder' } = request;
  const merchant = initiatedBy === 'merchant';
  return formOf({
    ...stripeAmount(amount),
    confirm: true,
    capture_method: purpose === 'authorize' ? 'manual' : 'automatic',
    payment_method: card.paymentMethod,
    // With any other kind among them, Stripe does not take the mark of a telephone order.
    allowed_payment_method_types: ['card'],
    ...(card.customer !== undefined && { customer: card.customer }),
    ...(purpose === 'charge_and_save' && { setup_future_usage: 'off_session' as const }),
    // Nobody is there to confirm anything on a page: a payment that would need it is declined.
    ...(merchant ? { off_session: true } : { error_on_requires_action: true }),
    ...cardOptions(card, merchant),
    ...(reference !== undefined && { description: reference }),
    metadata: { [KEY_NAME]: request.idempotencyKey },
    expand: ['latest_charge'],
  } satisfies Stripe.PaymentIntentCreateParams);
}

function cardOptions({ cvcToken }: KnownCard, merchant: boolean) {
  if (merchant && cvcToken === undefined) return {};
  const card = {
    ...(!merchant && { moto: true }),
    ...(cvcToken !== undefined && { cvc_token: cvcToken }),
  } satisfies Stripe.PaymentIntentCreateParams.PaymentMethodOptions.Card;
  return { payment_method_options: { card } };
}

/** `POST /v1/setup_intents`, confirmed at once: keeps a card and moves no money. */
export function setupIntentBody(
  { idempotencyKey, reference }: Pick<PaymentRequest, 'idempotencyKey' | 'reference'>,
  card: KnownCard,
): string {
  return formOf({
    confirm: true,
    payment_method: card.paymentMethod,
    allowed_payment_method_types: ['card'],
    ...(card.customer !== undefined && { customer: card.customer }),
    usage: 'off_session',
    payment_method_options: { card: { moto: true } },
    ...(reference !== undefined && { description: reference }),
    metadata: { [KEY_NAME]: idempotencyKey },
  } satisfies Stripe.SetupIntentCreateParams);
}

/** What a modification asks for, and where. The provider's reference has the shape of a PaymentIntent's name. */
export function modification(request: ModificationRequest): { path: string; body: string } {
  const { providerReference, idempotencyKey, amount } = request;
  const counted = amount === undefined ? undefined : stripeAmount(amount).amount;
  const payment = `/v1/payment_intents/${providerReference}`;
  if (request.modification === 'capture') {
    const parameters = {
      ...(counted !== undefined && { amount_to_capture: counted }),
      metadata: { [CAPTURE_KEY_NAME]: idempotencyKey },
    } satisfies Stripe.PaymentIntentCaptureParams;
    return { path: `${payment}/capture`, body: formOf(parameters) };
  }
  if (request.modification === 'void') {
    const parameters = {
      cancellation_reason: 'requested_by_customer',
    } satisfies Stripe.PaymentIntentCancelParams;
    return { path: `${payment}/cancel`, body: formOf(parameters) };
  }
  const parameters = {
    payment_intent: providerReference,
    ...(counted !== undefined && { amount: counted }),
    metadata: { [KEY_NAME]: idempotencyKey },
  } satisfies Stripe.RefundCreateParams;
  return { path: '/v1/refunds', body: formOf(parameters) };
}
