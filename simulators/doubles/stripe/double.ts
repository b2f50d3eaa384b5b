import { createHash } from 'node:crypto';
import { Refusal, type DoubleAnswer, type DoubleRequest, type Route } from '../route.ts';
import { startDouble, type DoubleServer, type DoubleServerOptions } from '../server.ts';
import { readCard } from './cards.ts';
import { cancel, capture, createIntent, metadataOf, refuseWrongIntent } from './intents.ts';
import { intentObject, paymentMethodObject, refundObject } from './objects.ts';
import { PARAMETERS, readParameters, type Form, type Parameters } from './parameters.ts';
import { errorAnswer, invalid, REFUSALS } from './refusals.ts';
import { newObjectId, Store, type Gates, type Intent } from './store.ts';

const API_VERSION = '2026-10-28.endive';
const LONGEST_KEY = 255;

export interface StripeDoubleOptions extends DoubleServerOptions {
  /** The only key that it knows. */
  readonly secretKey: string;
  /** Default: the system's clock. */
  readonly now?: () => Date;
}

export interface StripeDouble extends DoubleServer {
  /** What the account may do until the next `reset`; everything by default. */
  setGates(gates: Gates): void;
  /** The PaymentIntents and SetupIntents, the oldest first. */
  intents(): readonly Intent[];
}

/**
 * A double of Stripe's API, as far as cards by telephone need it: strict about every parameter, declining by the
 * published test numbers, with lists, idempotency keys and the two permissions that accounts lack at first.
 */
export async function startStripeDouble(options: StripeDoubleOptions): Promise<StripeDouble> {
  const store = new Store();
  const now = options.now ?? (() => new Date());
  const server = await startDouble(
    {
      routes: routesOf(store, now),
      refusals: REFUSALS,
      replayed: { 'idempotent-replayed': 'true' },
      admit: (request) => admit(request, options.secretKey),
      ledger: () => store.ledger,
      clear: () => store.clear(),
    },
    options,
  );
  return {
    ...server,
    setGates: (gates) => {
      store.gates = gates;
    },
    intents: () => [...store.intents.values()],
  };
}

function admit({ headers }: DoubleRequest, secretKey: string): void {
  if (headers.authorization !== `Bearer ${secretKey}`) {
    throw new Refusal(
      errorAnswer(401, { type: 'invalid_request_error', message: 'Invalid API Key provided.' }),
    );
  }
  if (headers['stripe-version'] !== API_VERSION) throw invalid('Invalid Stripe API version.');
}

function routesOf(store: Store, now: () => Date): Route[] {
  const intentOf = ([id = '']: readonly string[]): Intent => {
    const intent = store.intents.get(id);
    if (intent === undefined) {
      throw invalid('No such PaymentIntent.', { code: 'resource_missing', param: 'intent' }, 404);
    }
    return intent;
  };

  return [
    post(/\/v1\/payment_methods/, 'prepare', PARAMETERS.createPaymentMethod, (form) => {
      if (!store.gates.rawCardData) {
        throw invalid('Sending credit card numbers directly to the Stripe API is generally unsafe.', {}, 402);
      }
      const card = readCard(form, now());
      const method = { id: newObjectId('pm'), card, customer: null, used: false };
      store.paymentMethods.set(method.id, method);
      return ok(paymentMethodObject(method));
    }),
    post(/\/v1\/customers/, 'prepare', PARAMETERS.createCustomer, (form) => {
      const id = newObjectId('cus');
      store.customers.add(id);
      return ok({ id, object: 'customer', metadata: metadataOf(form) });
    }),
    post(/\/v1\/tokens/, 'prepare', PARAMETERS.createToken, () => {
      const id = newObjectId('cvctok');
      store.cvcTokens.add(id);
      return ok({ id, object: 'token', type: 'cvc_update', used: false });
    }),
    post(/\/v1\/payment_intents/, 'pay', PARAMETERS.createPaymentIntent, (form) => {
      refuseWrongIntent(store, form);
      return createIntent(store, 'payment_intent', form, now());
    }),
    post(/\/v1\/setup_intents/, 'pay', PARAMETERS.createSetupIntent, (form) => {
      refuseWrongIntent(store, form);
      return createIntent(store, 'setup_intent', form, now());
    }),
    post(/\/v1\/payment_intents\/([^/]+)\/capture/, 'modify', PARAMETERS.capture, (form, { parameters }) =>
      capture(store, intentOf(parameters), form),
    ),
    post(/\/v1\/payment_intents\/([^/]+)\/cancel/, 'modify', PARAMETERS.cancel, (_form, request) =>
      cancel(store, intentOf(request.parameters), String(request.headers['idempotency-key'])),
    ),
    post(/\/v1\/refunds/, 'modify', PARAMETERS.createRefund, (form) =>
      refund(store, intentOf([form.get('payment_intent') ?? '']), form, now()),
    ),
    get(/\/v1\/payment_intents/, 'lookup', PARAMETERS.listIntents, (form) =>
      listOfIntents(store, 'payment_intent', form),
    ),
    get(/\/v1\/setup_intents/, 'lookup', PARAMETERS.listIntents, (form) =>
      listOfIntents(store, 'setup_intent', form),
    ),
    get(/\/v1\/refunds/, 'lookup', PARAMETERS.listRefunds, (form) => {
      const refunds = [...store.refunds.values()].filter(
        ({ paymentIntent }) => paymentIntent === (form.get('payment_intent') ?? paymentIntent),
      );
      return page(refunds.map(refundObject), form);
    }),
    get(/\/v1\/payment_intents\/([^/]+)/, 'lookup', PARAMETERS.readIntent, (form, { parameters }) =>
      ok(intentObject(intentOf(parameters), form.has('expand[0]'))),
    ),
    get(/\/v1\/payment_methods\/([^/]+)/, 'prepare', PARAMETERS.readPaymentMethod, (_form, request) => {
      const method = store.paymentMethods.get(request.parameters[0] ?? '');
      if (method === undefined) {
        throw invalid('No such PaymentMethod.', { code: 'resource_missing', param: 'payment_method' }, 404);
      }
      return ok(paymentMethodObject(method));
    }),
  ];
}

function refund(store: Store, intent: Intent, form: Form, now: Date): DoubleAnswer {
  if (intent.status !== 'succeeded') {
    throw invalid('The PaymentIntent has no successful charge to refund.', { code: 'charge_not_refundable' });
  }
  const refunded = [...store.refunds.values()]
    .filter(({ paymentIntent }) => paymentIntent === intent.id)
    .reduce((total, { amount }) => total + amount, 0);
  const left = intent.received - refunded;
  if (left === 0) {
    throw invalid('The charge was refunded already.', { code: 'charge_already_refunded' });
  }
  const amount = Number(form.get('amount') ?? left);
  // No code: the message says it all.
  if (amount > left) throw invalid('The refund is greater than the unrefunded amount.', { param: 'amount' });
  const made = {
    id: newObjectId('re'),
    created: Math.floor(now.getTime() / 1000),
    paymentIntent: intent.id,
    amount,
    currency: intent.currency,
    metadata: metadataOf(form),
  };
  store.refunds.set(made.id, made);
  store.record(intent, 'refund', made.metadata['hushtone_key'] ?? '', { counted: amount });
  return ok(refundObject(made));
}

function listOfIntents(store: Store, object: Intent['object'], form: Form): DoubleAnswer {
  const since = Number(form.get('created[gte]') ?? 0);
  const intents = [...store.intents.values()].filter(
    (intent) => intent.object === object && intent.created >= since,
  );
  return page(
    intents.map((intent) => intentObject(intent)),
    form,
  );
}

/** The newest first (https://docs.stripe.com/api/pagination). */
function page(oldestFirst: readonly Record<string, unknown>[], form: Form): DoubleAnswer {
  const all = oldestFirst.toReversed();
  const after = form.get('starting_after');
  const from = after === undefined ? 0 : all.findIndex(({ id }) => id === after) + 1;
  if (after !== undefined && from === 0) {
    throw invalid('No such object.', { code: 'resource_missing', param: 'starting_after' });
  }
  const limit = Number(form.get('limit') ?? 10);
  const data = all.slice(from, from + limit);
  return ok({ object: 'list', data, has_more: from + limit < all.length });
}

type Handler = (form: Form, request: DoubleRequest) => DoubleAnswer;

/** The parameters are looked at first, then it is done once for its idempotency key. */
function post(path: RegExp, target: string, parameters: Parameters, work: Handler): Route {
  return {
    method: 'POST',
    path,
    target,
    handle: async (request) => {
      const key = request.headers['idempotency-key'];
      if (typeof key !== 'string' || key === '' || key.length > LONGEST_KEY) {
        throw invalid('Every request that makes something needs an idempotency key.');
      }
      const form = readParameters(request, parameters);
      const hash = createHash('sha256').update(request.path).update('\n').update(request.body);
      return await request.once(key, hash.digest('hex'), () => work(form, request));
    },
  };
}

function get(path: RegExp, target: string, parameters: Parameters, handle: Handler): Route {
  return {
    method: 'GET',
    path,
    target,
    handle: (request) => handle(readParameters(request, parameters), request),
  };
}

function ok(body: unknown): DoubleAnswer {
  return { status: 200, body };
}
