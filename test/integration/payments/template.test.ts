import { request as httpsRequest } from 'node:https';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { DoubleServer } from '../../../simulators/doubles/server.ts';
import { startBasisTheoryDouble } from '../../../simulators/doubles/template/basis-theory.ts';
import { startCheckoutDouble } from '../../../simulators/doubles/template/checkout.ts';
import { startSpreedlyDouble } from '../../../simulators/doubles/template/spreedly.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { silentLogger } from '../../../src/kernel/logger.ts';
import type { PaymentProvider } from '../../../src/payments/contract.ts';
import { templateKind } from '../../../src/payments/template/kind.ts';
import { SHIPPED_TEMPLATES } from '../../../src/payments/template/templates/index.ts';
import { payAndSearch, randomCard } from '../../support/adapter-residue.ts';
import { describeConformance, type RawRequest } from '../../support/provider-conformance.ts';
import { makeTlsMaterial, type TlsMaterial } from '../../support/tls-peers.ts';
import { cardDetails } from './sandbox.ts';

const BASIS_THEORY_KEY = 'key_test_us_pvt_abcdefghij';
const WRONG_KEY = 'key_test_us_pvt_wrongwrong';
const SPREEDLY_KEY = 'EnvironmentKeyOfTests';
const SPREEDLY_SECRET = 'AccessSecretOfTests';
const CHECKOUT_KEY = 'pk_sbox_abcdefghij';
const DEPENDENCIES = { clock: systemClock, logger: silentLogger, timeoutMs: 30_000 };

let tls: TlsMaterial;
beforeAll(async () => {
  tls = await makeTlsMaterial();
});
const doubleTls = () => ({ tls: { ca: tls.ca, ...tls.server } });

const raw = (data: Record<string, unknown> = {}, changes: Partial<RawRequest> = {}): RawRequest => ({
  method: 'POST',
  path: '/tokens',
  headers: { 'content-type': 'application/json', 'bt-api-key': BASIS_THEORY_KEY },
  body: JSON.stringify({
    type: 'card',
    data: { number: '4242424242424242', expiration_month: 12, expiration_year: 2039, ...data },
  }),
  ...changes,
});

describeConformance({
  name: 'template (Basis Theory)',
  startDouble: () => startBasisTheoryDouble({ ...doubleTls(), apiKey: BASIS_THEORY_KEY }),
  connect: (_double, { url, wrongCredentials, ...dependencies }) =>
    templateKind.connect(
      {
        template: 'basis-theory',
        url,
        ca: tls.ca,
        credential: wrongCredentials ? WRONG_KEY : BASIS_THEORY_KEY,
      },
      'test',
      dependencies,
    ),
  capabilities: {
    purposes: ['tokenize'],
    modifications: [],
    partialAmounts: false,
    storedCards: false,
    pin: false,
    recovery: 'replay',
    absenceProvenAfterMs: 86_400_000,
  },
  secrets: [BASIS_THEORY_KEY, WRONG_KEY],
  declines: [],
  rawRequests: () => ({
    tls: { ca: tls.ca },
    valid: raw(),
    broken: [
      { what: 'no key', ...raw({}, { headers: { 'content-type': 'application/json' } }) },
      { what: 'a month as text', ...raw({ expiration_month: '12' }) },
      { what: 'a year of two digits', ...raw({ expiration_year: 39 }) },
      { what: 'a wrong check digit', ...raw({ number: '4242424242424241' }) },
      { what: 'an unknown member', ...raw({ cvv: '123' }) },
      { what: 'another type', ...raw({}, { body: '{"type":"token","data":{}}' }) },
      { what: 'another path', ...raw({}, { path: '/token' }) },
    ],
  }),
});

interface Shipped {
  readonly name: string;
  readonly start: () => Promise<DoubleServer>;
  readonly configuration: Readonly<Record<string, string>>;
  readonly wrong: Readonly<Record<string, string>>;
  /** What stands before the security code in the body. */
  readonly before: string;
  /** What becomes of a number with a wrong check digit: not every tokenizer publishes a code for it. */
  readonly refused: Readonly<Record<string, string>>;
  /** Requests that the double refuses; those of Basis Theory are in the suite above. */
  readonly broken: readonly Broken[];
}

interface Broken {
  readonly what: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

const JSON_TYPE = { 'content-type': 'application/json' };
const SPREEDLY_CARD = { number: '4242424242424242', month: '12', year: '2039' };
const CHECKOUT_CARD = { type: 'card', number: '4242424242424242', expiry_month: 12, expiry_year: 2039 };

function brokenSpreedly(what: string, paymentMethod: object, headers: object = {}): Broken {
  const basic = Buffer.from(`${SPREEDLY_KEY}:${SPREEDLY_SECRET}`).toString('base64');
  return {
    what,
    path: '/v1/payment_methods.json',
    headers: { ...JSON_TYPE, authorization: `Basic ${basic}`, ...headers },
    body: { payment_method: paymentMethod },
  };
}

function brokenCheckout(what: string, changes: object, headers: object = {}): Broken {
  return {
    what,
    path: '/tokens',
    headers: { ...JSON_TYPE, authorization: `Bearer ${CHECKOUT_KEY}`, ...headers },
    body: { ...CHECKOUT_CARD, ...changes },
  };
}

const SHIPPED: readonly Shipped[] = [
  {
    name: 'basis-theory',
    start: () => startBasisTheoryDouble({ ...doubleTls(), apiKey: BASIS_THEORY_KEY }),
    configuration: { template: 'basis-theory', credential: BASIS_THEORY_KEY },
    wrong: { credential: WRONG_KEY },
    before: '"cvc":"',
    refused: { failure: 'invalid_request' },
    broken: [],
  },
  {
    name: 'spreedly',
    start: () =>
      startSpreedlyDouble({ ...doubleTls(), environmentKey: SPREEDLY_KEY, accessSecret: SPREEDLY_SECRET }),
    configuration: { template: 'spreedly', username: SPREEDLY_KEY, credential: SPREEDLY_SECRET },
    wrong: { username: 'SomeoneElse' },
    before: '"verification_value":"',
    refused: { result: 'declined', reason: 'incorrect_number' },
    broken: [
      brokenSpreedly('no name', { credit_card: SPREEDLY_CARD }),
      brokenSpreedly('a year of two digits', {
        credit_card: { ...SPREEDLY_CARD, year: '39' },
        allow_blank_name: true,
      }),
      brokenSpreedly('an unknown member', { credit_card: SPREEDLY_CARD, allow_blank_name: true, cvv: '1' }),
      brokenSpreedly('no card', { allow_blank_name: true }),
      brokenSpreedly(
        'no credentials',
        { credit_card: SPREEDLY_CARD, allow_blank_name: true },
        { authorization: 'x' },
      ),
      brokenSpreedly(
        'a form',
        { credit_card: SPREEDLY_CARD, allow_blank_name: true },
        { 'content-type': 'text/plain' },
      ),
    ],
  },
  {
    name: 'checkout',
    start: () => startCheckoutDouble({ ...doubleTls(), publicKey: CHECKOUT_KEY }),
    configuration: { template: 'checkout', credential: CHECKOUT_KEY },
    wrong: { credential: 'pk_sbox_wrong' },
    before: '"cvv":"',
    refused: { result: 'declined', reason: 'incorrect_number' },
    broken: [
      brokenCheckout('another type', { type: 'applepay' }),
      brokenCheckout('a month as text', { expiry_month: '12' }),
      brokenCheckout('a year of two digits', { expiry_year: 39 }),
      brokenCheckout('an unknown member', { cvc: '123' }),
      brokenCheckout('a card that has expired', { expiry_year: 2020 }),
      brokenCheckout('a code of five digits', { cvv: '12345' }),
      brokenCheckout('a secret key', {}, { authorization: 'sk_sbox_abc' }),
    ],
  },
];

/** Published by Spreedly: its double answers 201, with a token, and `succeeded: false`. */
const NOT_KEPT = '4012888888881881';

it('Spreedly: a card that was created and not kept is no kept card', async () => {
  const [shipped] = SHIPPED.filter(({ name }) => name === 'spreedly');
  if (shipped === undefined) throw new Error('there is no such template');
  const double = await shipped.start();
  const configuration = { ...shipped.configuration, url: double.url, ca: tls.ca };
  const shippedTemplate = SHIPPED_TEMPLATES['spreedly'];
  const pay = async (template: unknown, cardNumber: string): Promise<unknown> => {
    const provider = templateKind.connect({ ...configuration, template }, 'test', DEPENDENCIES);
    try {
      const card = cardDetails({ cardNumber });
      return await provider
        .pay({ purpose: 'tokenize', idempotencyKey: 'att_1', card })
        .catch((error: unknown) => error);
    } finally {
      await provider.close();
    }
  };
  try {
    expect(await pay('spreedly', NOT_KEPT)).toMatchObject({ failure: 'unknown_outcome' });
    expect(await pay('spreedly', '4242424242424242')).toMatchObject({ result: 'succeeded' });
    expect(await double.ledger()).toMatchObject([
      { cardNumber: NOT_KEPT, result: 'declined' },
      { cardNumber: '4242424242424242', result: 'succeeded' },
    ]);
    // A status and a token are all that a template without the condition sees.
    const { succeeded } = shippedTemplate?.answer ?? {};
    const answer = { ...shippedTemplate?.answer, succeeded: { ...succeeded, where: undefined } };
    const blind = { ...shippedTemplate, answer };
    expect(await pay(JSON.parse(JSON.stringify(blind)), NOT_KEPT)).toMatchObject({ result: 'succeeded' });
  } finally {
    await double.close();
  }
});

describe.each(SHIPPED)(
  'the shipped template $name',
  ({ start, configuration, wrong, before, refused, broken }) => {
    let double: DoubleServer;
    const opened: PaymentProvider[] = [];
    beforeAll(async () => {
      double = await start();
    });
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((provider) => provider.close()));
      await double.reset();
    });
    afterAll(() => double?.close());

    const configured = (changes: Record<string, string> = {}) => ({
      ...configuration,
      url: double.url,
      ca: tls.ca,
      ...changes,
    });
    const connect = (changes: Record<string, string> = {}): PaymentProvider => {
      const provider = templateKind.connect(configured(changes), 'test', DEPENDENCIES);
      opened.push(provider);
      return provider;
    };
    const request = (changes: Record<string, string> = {}) => ({
      purpose: 'tokenize' as const,
      idempotencyKey: 'att_1',
      reference: 'order 5',
      card: cardDetails(changes),
    });

    it.each(broken)('the double takes nothing else: $what', async ({ path, headers, body }) => {
      const status = await new Promise<number>((resolve, reject) => {
        const options = { method: 'POST', agent: false, ca: tls.ca, headers } as const;
        const sent = httpsRequest(new URL(path, double.url), options, (response) => {
          response.resume().on('end', () => resolve(response.statusCode ?? 0));
        });
        sent.on('error', reject);
        sent.end(JSON.stringify(body));
      });
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).toBeLessThan(500);
      expect(await double.ledger()).toEqual([]);
    });

    it('keeps a card, digit by digit', async () => {
      const outcome = await connect().pay(request({ cardNumber: '4012001037141112', expiry: '0839' }));
      const [entry] = await double.ledger();
      expect(entry).toMatchObject({ cardNumber: '4012001037141112', expiry: '0839', securityCode: '123' });
      expect(outcome).toMatchObject({ result: 'succeeded', providerToken: entry?.providerReference });
    });

    it('tells a card that is refused from a request that is', async () => {
      const answer: unknown = await connect()
        .pay(request({ cardNumber: '4242424242424241' }))
        .catch((error: unknown) => error);
      expect(answer).toMatchObject(refused);
      expect(await double.ledger()).toEqual([]);
    });

    it('says in a check what is wrong, and keeps nothing', async () => {
      expect(await connect().check()).toEqual([]);
      expect(await connect(wrong).check()).toMatchObject([{ code: 'authentication_failed' }]);
      expect(await connect({ url: `${double.url}/elsewhere` }).check()).toMatchObject([
        { code: 'configuration_refused' },
      ]);
      expect(await double.ledger()).toEqual([]);
    });

    it('leaves no digit in memory', async () => {
      const card = randomCard();
      const { outcome, atOnce, afterCollection } = await payAndSearch({
        adapter: {
          module: new URL('../../../src/payments/template/kind.ts', import.meta.url).href,
          member: 'templateKind',
          configuration: configured(),
        },
        request: { purpose: 'tokenize', idempotencyKey: 'residue' },
        card,
        contexts: [{ field: 'securityCode', before }],
      });
      expect(outcome).toMatchObject({ result: 'succeeded' });
      const [entry] = await double.ledger();
      expect([entry?.cardNumber, entry?.expiry, entry?.securityCode]).toEqual([
        card.cardNumber.join(''),
        card.expiry.join(''),
        card.securityCode.join(''),
      ]);
      expect([atOnce, afterCollection]).toEqual([[], []]);
    });
  },
);
