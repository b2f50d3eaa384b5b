import type { Logger } from '../../kernel/logger.ts';
import { Attempts } from '../attempts.ts';
import type {
  CheckFinding,
  LookupQuery,
  ModificationRequest,
  PaymentOutcome,
  PaymentProvider,
  PaymentRequest,
  ProviderCapabilities,
} from '../contract.ts';
import { ProviderError } from '../errors.ts';
import type { Mode, ProviderDependencies } from '../kind.ts';
import { readText } from '../transport/json.ts';
import { Transport } from '../transport/transport.ts';
import { refuseMalformedKey, refuseMalformedModification, refuseMalformedPayment } from '../well-formed.ts';
import { stripeAmount } from './amounts.ts';
import { readPaymentIntent, readRefund, readSetupIntent, unreadable, type Expected } from './answers.ts';
import { checkStripe } from './check.ts';
import { readObject, StripeClient } from './client.ts';
import type { StripeConfiguration } from './configuration.ts';
import { refusedModification, refusedPayment } from './errors.ts';
import { lookUp } from './lookup.ts';
import {
  customerBody,
  cvcTokenBody,
  knownCustomer,
  modification,
  paymentIntentBody,
  paymentMethodBody,
  setupIntentBody,
  type KnownCard,
} from './requests.ts';
import { API_VERSION, CUSTOMER, CVC_TOKEN, PAYMENT_INTENT, PAYMENT_METHOD } from './wire.ts';

const NAME = 'stripe';

/** A page of a list with 100 payments. */
const LONGEST_ANSWER_BYTES = 1024 * 1024;

const CAPABILITIES: ProviderCapabilities = {
  purposes: ['charge', 'authorize', 'tokenize', 'charge_and_save'],
  modifications: ['capture', 'void', 'refund'],
  partialAmounts: true,
  storedCards: true,
  pin: false,
  recovery: 'lookup',
  // Stripe's own libraries give a request up after 80 seconds; lists do not lag behind. The rest is for clocks and queues.
  absenceProvenAfterMs: 5 * 60_000,
};

type Step<T> = { readonly name: T } | { readonly declined: PaymentOutcome };

/**
 * Stripe. A payment is two requests: the card makes a PaymentMethod, which moves no money, and a PaymentIntent (or a
 * SetupIntent, to keep the card) is made with it and confirmed at once, marked as a telephone order. Every request has an
 * idempotency key made of the attempt's, so that sending it again is the same request.
 */
export class StripeProvider implements PaymentProvider {
  readonly name = NAME;
  readonly capabilities = CAPABILITIES;
  readonly #transport: Transport;
  readonly #client: StripeClient;
  readonly #mode: Mode;
  readonly #logger: Logger;
  readonly #attempts: Attempts;

  constructor(
    { url, ca, authorization }: StripeConfiguration,
    mode: Mode,
    dependencies: ProviderDependencies,
  ) {
    this.#transport = new Transport({
      ...dependencies,
      url,
      ...(ca !== undefined && { ca }),
      headers: { 'stripe-version': API_VERSION },
      credentials: { authorization },
      longestAnswerBytes: LONGEST_ANSWER_BYTES,
    });
    this.#client = new StripeClient(this.#transport);
    this.#mode = mode;
    this.#logger = dependencies.logger;
    this.#attempts = new Attempts({ ...dependencies, provider: NAME });
  }

  pay(request: PaymentRequest): Promise<PaymentOutcome> {
    return this.#attempts.send(request.purpose, () => this.#pay(request));
  }

  modify(request: ModificationRequest): Promise<PaymentOutcome> {
    return this.#attempts.send(request.modification, () => this.#modify(request));
  }

  lookup(query: LookupQuery): Promise<PaymentOutcome | undefined> {
    return this.#attempts.ask(() => this.#lookup(query));
  }

  check(): Promise<readonly CheckFinding[]> {
    return this.#attempts.track(checkStripe(this.#client, this.#mode, this.#logger));
  }

  async close(): Promise<void> {
    await this.#attempts.close();
    this.#transport.close();
  }

  async #pay(request: PaymentRequest): Promise<PaymentOutcome> {
    refuseMalformedPayment(request);
    refuseForeign(request);
    const { idempotencyKey, purpose, amount } = request;
    const expected: Expected = {
      idempotencyKey,
      ...(amount !== undefined && { amount: stripeAmount(amount) }),
    };
    const card = request.card === undefined ? await this.#storedCard(request) : await this.#newCard(request);
    if ('declined' in card) return card.declined;
    const [path, body] =
      amount === undefined
        ? ['/v1/setup_intents', setupIntentBody(request, card.name)]
        : ['/v1/payment_intents', paymentIntentBody(request, amount, card.name)];
    const answer = await this.#client.post(path, `${idempotencyKey}:intent`, body);
    if (answer.status !== 200) return refusedPayment(answer);
    const intent = readObject(answer);
    return amount === undefined
      ? readSetupIntent(intent, expected)
      : readPaymentIntent(intent, purpose, expected);
  }

  /** The card that was keyed, as a PaymentMethod; under a customer when it is to be kept. */
  async #newCard(request: PaymentRequest & { readonly card: object }): Promise<Step<KnownCard>> {
    const { idempotencyKey, purpose, card } = request as Extract<PaymentRequest, { readonly stored?: never }>;
    const made = await this.#client.prepare(
      this.#client.post('/v1/payment_methods', `${idempotencyKey}:card`, paymentMethodBody(card)),
      ({ id }) => readText(id, PAYMENT_METHOD),
    );
    if ('declined' in made) return made;
    const paymentMethod = made.name;
    if (purpose !== 'tokenize' && purpose !== 'charge_and_save') return { name: { paymentMethod } };
    const known = knownCustomer(request);
    if (known !== undefined) return { name: { paymentMethod, customer: known } };
    const customer = await this.#client.prepare(
      this.#client.post('/v1/customers', `${idempotencyKey}:customer`, customerBody(request)),
      ({ id }) => readText(id, CUSTOMER),
    );
    return 'declined' in customer ? customer : { name: { paymentMethod, customer: customer.name } };
  }

  /** A card that Stripe keeps is charged together with the customer that it is kept under. */
  async #storedCard({ idempotencyKey, stored }: PaymentRequest): Promise<Step<KnownCard>> {
    const { providerToken: paymentMethod = '', securityCode } = stored ?? {};
    const found = await this.#client.prepare(
      this.#client.get(`/v1/payment_methods/${paymentMethod}`),
      ({ id, customer }) => (id === paymentMethod ? (readText(customer, CUSTOMER) ?? '') : undefined),
    );
    if ('declined' in found) return found;
    if (found.name === '') {
      throw new ProviderError('invalid_request', 'Stripe does not keep this card under a customer any more');
    }
    const card = { paymentMethod, customer: found.name };
    if (securityCode === undefined) return { name: card };
    const token = await this.#client.prepare(
      this.#client.post('/v1/tokens', `${idempotencyKey}:code`, cvcTokenBody(securityCode)),
      ({ id }) => readText(id, CVC_TOKEN),
    );
    return 'declined' in token ? token : { name: { ...card, cvcToken: token.name } };
  }

  async #modify(request: ModificationRequest): Promise<PaymentOutcome> {
    refuseMalformedModification(request);
    const { providerReference, idempotencyKey, amount } = request;
    if (!PAYMENT_INTENT.test(providerReference)) {
      throw new ProviderError('invalid_request', 'this is no reference of a payment at Stripe');
    }
    const { path, body } = modification(request);
    const answer = await this.#client.post(path, idempotencyKey, body);
    if (answer.status !== 200) return refusedModification(answer, request);
    const object = readObject(answer);
    if (request.modification === 'refund') {
      return readRefund(object, {
        idempotencyKey,
        ...(amount !== undefined && { amount: stripeAmount(amount) }),
      });
    }
    const status = request.modification === 'void' ? 'canceled' : 'succeeded';
    if (object['id'] !== providerReference || object['status'] !== status) throw unreadable();
    return { result: 'succeeded', providerReference };
  }

  async #lookup(query: LookupQuery): Promise<PaymentOutcome | undefined> {
    refuseMalformedKey(query.idempotencyKey);
    return await lookUp(this.#client, query);
  }
}

/** What Stripe does not take, beside what no provider does. */
function refuseForeign({ card, stored }: PaymentRequest): void {
  if (card?.pin !== undefined) throw new ProviderError('invalid_request', 'Stripe takes no PIN');
  if (stored !== undefined && !PAYMENT_METHOD.test(stored.providerToken)) {
    throw new ProviderError('invalid_request', 'this is no token of a card at Stripe');
  }
}
