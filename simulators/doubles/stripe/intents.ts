import { randomInt } from 'node:crypto';
import type { Purpose } from '../../../src/payments/contract.ts';
import { Refusal, type DoubleAnswer } from '../route.ts';
import { issuerDecline } from './cards.ts';
import { refuseWrongAmount } from './money.ts';
import type { Form } from './parameters.ts';
import { errorAnswer, invalid } from './refusals.ts';
import { intentObject } from './objects.ts';
import { newObjectId, type Intent, type PaymentMethod, type Store } from './store.ts';

/** In test mode, a card without a number of its own (https://docs.stripe.com/testing, PaymentMethods). */
const PUBLISHED_PAYMENT_METHOD = 'pm_card_visa';

/** Under this name the gateway leaves its key; the ledger shows it. */
const KEY = 'metadata[hushtone_key]';
const CAPTURE_KEY = 'metadata[hushtone_capture_key]';

/** What is wrong before the idempotency key is taken. Throws a `Refusal`. */
export function refuseWrongIntent(store: Store, form: Form): void {
  if (form.has('payment_method_options[card][moto]') && !store.gates.moto) {
    throw invalid('Received unknown parameter: payment_method_options[card][moto]', {
      code: 'parameter_unknown',
      param: 'payment_method_options[card][moto]',
    });
  }
  if (form.has('amount')) refuseWrongAmount(Number(form.get('amount')), form.get('currency') ?? '');
  const customer = form.get('customer');
  if (customer !== undefined && !store.customers.has(customer)) {
    throw invalid('No such customer.', { code: 'resource_missing', param: 'customer' });
  }
  const token = form.get('payment_method_options[card][cvc_token]');
  if (token !== undefined && !store.cvcTokens.has(token)) {
    throw invalid('No such token.', {
      code: 'resource_missing',
      param: 'payment_method_options[card][cvc_token]',
    });
  }
  const method = form.get('payment_method') ?? '';
  if (method !== PUBLISHED_PAYMENT_METHOD && !store.paymentMethods.has(method)) {
    throw invalid('No such PaymentMethod.', { code: 'resource_missing', param: 'payment_method' });
  }
}

/** Makes an intent and confirms it. */
export function createIntent(store: Store, object: Intent['object'], form: Form, now: Date): DoubleAnswer {
  const method = usable(store, form);
  const moto = form.has('payment_method_options[card][moto]');
  const intent: Intent = {
    id: newObjectId(object === 'payment_intent' ? 'pi' : 'seti'),
    object,
    created: Math.floor(now.getTime() / 1000),
    amount: Number(form.get('amount') ?? 0),
    currency: form.get('currency') ?? '',
    captureMethod: form.get('capture_method') ?? 'automatic_async',
    paymentMethod: method?.id ?? PUBLISHED_PAYMENT_METHOD,
    customer: form.get('customer') ?? null,
    description: form.get('description') ?? null,
    moto,
    offSession: form.has('off_session'),
    cvcToken: form.has('payment_method_options[card][cvc_token]'),
    metadata: metadataOf(form),
    status: 'requires_payment_method',
    received: 0,
  };
  store.intents.set(intent.id, intent);
  store.cvcTokens.delete(form.get('payment_method_options[card][cvc_token]') ?? '');
  const purpose = purposeOf(intent, form);
  const decline = method && issuerDecline(method.card, { moto, movesMoney: object === 'payment_intent' });
  if (decline !== undefined) {
    intent.lastError = decline;
    if (purpose !== undefined) {
      const declineCode = decline.declineCode ?? decline.code;
      store.record(intent, purpose, form.get(KEY) ?? '', { result: 'declined', declineCode });
    }
    return errorAnswer(402, {
      type: 'card_error',
      code: decline.code,
      message: 'Your card was declined.',
      ...(decline.declineCode !== undefined && { decline_code: decline.declineCode }),
      [object]: intentObject(intent),
    });
  }
  succeed(store, intent, method, form);
  if (purpose !== undefined) store.record(intent, purpose, form.get(KEY) ?? '');
  return { status: 200, body: intentObject(intent, form.has('expand[0]')) };
}

function succeed(store: Store, intent: Intent, method: PaymentMethod | undefined, form: Form): void {
  const manual = intent.captureMethod === 'manual';
  intent.status = manual ? 'requires_capture' : 'succeeded';
  if (intent.object === 'payment_intent') {
    intent.charge = { id: newObjectId('ch'), authorizationCode: String(randomInt(100_000, 1_000_000)) };
    if (!manual) intent.received = intent.amount;
  }
  if (method === undefined) return;
  method.used = true;
  const keeps = intent.object === 'setup_intent' || form.has('setup_future_usage');
  if (keeps && intent.customer !== null) method.customer = intent.customer;
}

/** Undefined for one that keeps no card and moves no money: a SetupIntent without a customer. */
function purposeOf(intent: Intent, form: Form): Purpose | undefined {
  if (intent.object === 'setup_intent') return intent.customer === null ? undefined : 'tokenize';
  if (intent.captureMethod === 'manual') return 'authorize';
  return form.has('setup_future_usage') ? 'charge_and_save' : 'charge';
}

function usable(store: Store, form: Form): PaymentMethod | undefined {
  const method = store.paymentMethods.get(form.get('payment_method') ?? '');
  if (method?.customer != null && method.customer !== form.get('customer')) {
    throw invalid('The PaymentMethod belongs to a customer: include it.', { param: 'payment_method' });
  }
  if (method?.used === true && method.customer === null) {
    throw invalid('The PaymentMethod was used before and belongs to no customer.', {
      param: 'payment_method',
    });
  }
  if (form.has('setup_future_usage') && !form.has('customer')) {
    throw invalid('There is no customer to keep the card under.', { param: 'customer' });
  }
  return method;
}

export function capture(store: Store, intent: Intent, form: Form): DoubleAnswer {
  if (intent.status !== 'requires_capture') throw unexpectedState(intent);
  const amount = Number(form.get('amount_to_capture') ?? intent.amount);
  if (amount > intent.amount) {
    throw invalid('The amount is larger than what was authorized.', {
      code: 'amount_too_large',
      param: 'amount_to_capture',
    });
  }
  intent.status = 'succeeded';
  intent.received = amount;
  Object.assign(intent.metadata, metadataOf(form));
  store.record(intent, 'capture', form.get(CAPTURE_KEY) ?? '', { counted: amount });
  return { status: 200, body: intentObject(intent) };
}

export function cancel(store: Store, intent: Intent, idempotencyKey: string): DoubleAnswer {
  if (intent.status === 'succeeded' || intent.status === 'canceled') throw unexpectedState(intent);
  intent.status = 'canceled';
  store.record(intent, 'void', idempotencyKey);
  return { status: 200, body: intentObject(intent) };
}

function unexpectedState(intent: Intent): Refusal {
  return invalid(`The PaymentIntent has the status ${intent.status}.`, {
    code: 'payment_intent_unexpected_state',
    payment_intent: intentObject(intent),
  });
}

export function metadataOf(form: Form): Record<string, string> {
  return Object.fromEntries(
    [...form].flatMap(([name, value]) => {
      const [, key] = /^metadata\[(.+)\]$/.exec(name) ?? [];
      return key === undefined ? [] : [[key, value] as const];
    }),
  );
}
