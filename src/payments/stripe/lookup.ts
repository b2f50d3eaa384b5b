import type { LookupQuery, PaymentOutcome } from '../contract.ts';
import { ProviderError } from '../errors.ts';
import { stripeAmount } from './amounts.ts';
import { isOf, readPaymentIntent, readRefund, readSetupIntent, type Expected } from './answers.ts';
import type { StripeClient } from './client.ts';
import { CAPTURE_KEY_NAME, formOf, PAYMENT_INTENT } from './wire.ts';

/** How far Stripe's clock may be behind ours. */
const CLOCKS_DIFFER_SECONDS = 300;

/**
 * What became of an attempt, found by its key in the metadata. Lists show what was written before they were asked for;
 * searches lag behind and are not used.
 */
export async function lookUp(client: StripeClient, query: LookupQuery): Promise<PaymentOutcome | undefined> {
  const { idempotencyKey, amount, since } = query;
  const expected: Expected = {
    idempotencyKey,
    ...(amount !== undefined && { amount: stripeAmount(amount) }),
  };
  const created = { gte: Math.floor(since.getTime() / 1000) - CLOCKS_DIFFER_SECONDS };
  const isOurs = (object: Readonly<Record<string, unknown>>): boolean => isOf(object, idempotencyKey);
  const { operation } = query;
  if (operation === 'capture' || operation === 'void') return await modificationOf(client, query);
  if (operation === 'refund') {
    const refund = await client.find('/v1/refunds', { payment_intent: paymentOf(query) }, isOurs);
    return refund && readRefund(refund, expected);
  }
  if (operation === 'tokenize') {
    const setup = await client.find('/v1/setup_intents', { created }, isOurs);
    return setup && readSetupIntent(setup, expected);
  }
  const listed = await client.find('/v1/payment_intents', { created }, isOurs);
  if (listed === undefined) return undefined;
  // A list holds no charge, which has the authorization code.
  const intent = await client.read(intentPath(String(listed['id'])));
  return readPaymentIntent(intent, operation, expected);
}

/** A capture leaves its key at the payment; a payment is voided once. */
async function modificationOf(client: StripeClient, query: LookupQuery): Promise<PaymentOutcome | undefined> {
  const providerReference = paymentOf(query);
  const intent = await client.read(intentPath(providerReference));
  const done =
    query.operation === 'void'
      ? intent['status'] === 'canceled'
      : intent['status'] === 'succeeded' && isOf(intent, query.idempotencyKey, CAPTURE_KEY_NAME);
  return done ? { result: 'succeeded', providerReference } : undefined;
}

function paymentOf({ providerReference }: LookupQuery): string {
  if (providerReference === undefined || !PAYMENT_INTENT.test(providerReference)) {
    throw new ProviderError('invalid_request', 'this is no reference of a payment at Stripe');
  }
  return providerReference;
}

function intentPath(id: string): string {
  if (!PAYMENT_INTENT.test(id)) {
    throw new ProviderError('unknown_outcome', 'Stripe gave a payment no name that can be asked for');
  }
  return `/v1/payment_intents/${id}?${formOf({ expand: ['latest_charge'] })}`;
}
