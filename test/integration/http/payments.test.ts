import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startStripeDouble, type StripeDouble } from '../../../simulators/doubles/stripe/double.ts';
import type { PaymentDetails, PaymentPage } from '../../../src/workflows/payments/contract.ts';
import type { ProviderResource } from '../../../src/workflows/providers/contract.ts';
import { createTestHttp, idempotencyKey, type TestHttp } from '../../support/http.ts';
import { makeTlsMaterial } from '../../support/tls-peers.ts';
import { storeCard } from '../../support/vault-cards.ts';

const STRIPE_KEY = 'sk_test_paymentsOverHttp01';
/** Published by Stripe. */
const GOOD = '4242424242424242';
const WITHOUT_FUNDS = '4000000000009995';

let http: TestHttp;
let stripe: StripeDouble;

beforeAll(async () => {
  const { ca, server } = await makeTlsMaterial();
  stripe = await startStripeDouble({ tls: { ca, ...server }, secretKey: STRIPE_KEY });
  http = await createTestHttp();
});

afterEach(async () => await stripe.reset());

afterAll(async () => {
  await http.close();
  await stripe.close();
});

interface Answer<T> {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: T;
}

/** Every answer is checked against openapi.yaml on its way out: one that does not fit comes as a 500. */
async function call<T = PaymentDetails>(
  accountId: string,
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
  path: string,
  body?: unknown,
  headers: Record<string, string> = idempotencyKey(),
): Promise<Answer<T>> {
  const role = path.startsWith('/v1/provider') ? 'admin' : 'integrator';
  const token = await http.token({ accountId, roles: [role] });
  const answer = await http.server.inject({
    method,
    url: path,
    headers: { authorization: `Bearer ${token}`, ...headers },
    ...(body !== undefined && { payload: body as object }),
  });
  return {
    status: answer.statusCode,
    headers: answer.headers,
    body: (answer.body === '' ? undefined : answer.json()) as T,
  };
}

let accounts = 0;

interface Shop {
  readonly accountId: string;
  readonly providerId: string;
}

async function addStripe(accountId: string, change: object = {}): Promise<string> {
  const configuration = { secret_key: STRIPE_KEY, base_url: stripe.url, ca: stripe.ca, ...change };
  const request = { kind: 'stripe', name: 'Stripe', mode: 'test', configuration };
  const { status, body } = await call<ProviderResource>(accountId, 'POST', '/v1/providers', request);
  expect(status).toBe(201);
  return body.id;
}

/** An account with Stripe, test mode. */
async function openShop(): Promise<Shop> {
  const accountId = `shop_${(accounts += 1)}`;
  return { accountId, providerId: await addStripe(accountId) };
}

async function cardOf(accountId: string, number = GOOD): Promise<string> {
  const face = await storeCard(http.db, http.vault, accountId, number, { mode: 'test' });
  return face.id;
}

const amount = (value: number) => ({ value, currency: 'EUR' });

async function pay(accountId: string, change: object = {}): Promise<PaymentDetails> {
  const token = await cardOf(accountId);
  const request = { purpose: 'charge', amount: amount(4200), token, ...change };
  const answer = await call(accountId, 'POST', '/v1/payments', request);
  expect(answer).toMatchObject({ status: 201 });
  return answer.body;
}

describe('a payment with a stored card', () => {
  test('is made once, read, listed and refunded in parts', async () => {
    const { accountId, providerId } = await openShop();
    const token = await cardOf(accountId);
    const request = { purpose: 'charge', amount: amount(4200), token, reference: 'order-1001' };
    const headers = { 'idempotency-key': 'order-1001.1' };
    const created = await call(accountId, 'POST', '/v1/payments', request, headers);
    expect(created).toMatchObject({
      status: 201,
      body: {
        status: 'captured',
        mode: 'test',
        amount: amount(4200),
        amount_captured: amount(4200),
        amount_refunded: amount(0),
        card: { brand: 'visa', last4: '4242' },
        token,
        provider: { id: providerId, kind: 'stripe' },
        reference: 'order-1001',
      },
    });
    const { id } = created.body;
    const path = `/v1/payments/${id}`;
    expect(created.headers['location']).toBe(path);

    const again = await call(accountId, 'POST', '/v1/payments', request, headers);
    expect(again).toMatchObject({
      status: 201,
      body: created.body,
      headers: { 'idempotent-replayed': 'true', location: path },
    });
    expect(await stripe.ledger()).toHaveLength(1);
    expect((await call(accountId, 'GET', path)).body).toEqual(created.body);

    const refund = { 'idempotency-key': 'order-1001.refund' };
    const part = await call(accountId, 'POST', `${path}/refund`, { amount: 1000 }, refund);
    expect(part).toMatchObject({
      status: 200,
      body: { status: 'partially_refunded', amount_refunded: amount(1000) },
    });
    const partAgain = await call(accountId, 'POST', `${path}/refund`, { amount: 1000 }, refund);
    expect(partAgain).toMatchObject({ status: 200, body: part.body });
    const tooMuch = await call<{ code: string }>(accountId, 'POST', `${path}/refund`, { amount: 3201 });
    expect(tooMuch).toMatchObject({ status: 409, body: { code: 'amount_too_large' } });
    const rest = await call(accountId, 'POST', `${path}/refund`);
    expect(rest).toMatchObject({ status: 200, body: { status: 'refunded', amount_refunded: amount(4200) } });
    const refunds = (await stripe.ledger()).filter(({ operation }) => operation === 'refund');
    expect(refunds.map(({ amount: value }) => value)).toEqual([1000, 3200]);
  });

  test('that is authorized is captured in part, or given up', async () => {
    const { accountId } = await openShop();
    const taken = await pay(accountId, { purpose: 'authorize' });
    expect(taken).toMatchObject({ status: 'authorized', amount_captured: amount(0) });
    const captured = await call(accountId, 'POST', `/v1/payments/${taken.id}/capture`, { amount: 4000 });
    expect(captured).toMatchObject({
      status: 200,
      body: { status: 'captured', amount: amount(4200), amount_captured: amount(4000) },
    });
    const late = await call<{ code: string }>(accountId, 'POST', `/v1/payments/${taken.id}/void`);
    expect(late.status).toBe(409);
    const given = await pay(accountId, { purpose: 'authorize' });
    const voided = await call(accountId, 'POST', `/v1/payments/${given.id}/void`);
    expect(voided).toMatchObject({ status: 200, body: { status: 'voided' } });
  });

  test('that is declined is a payment too, with what may be said of it', async () => {
    const { accountId } = await openShop();
    const token = await cardOf(accountId, WITHOUT_FUNDS);
    const declined = await pay(accountId, { token });
    expect(declined).toMatchObject({
      status: 'declined',
      decline_reason: 'insufficient_funds',
      agent_message: expect.stringMatching(/\w/) as string,
    });
  });

  test('is found by what it has, page by page, the newest first', async () => {
    const { accountId } = await openShop();
    const token = await cardOf(accountId);
    const made: PaymentDetails[] = [];
    for (const reference of ['a-1', 'a-2', 'a-3']) {
      made.push(await pay(accountId, { token, reference, customer_reference: 'customer-7' }));
    }
    const declined = await pay(accountId, { token: await cardOf(accountId, WITHOUT_FUNDS) });
    const list = async (query: string): Promise<string[]> => {
      const { status, body } = await call<PaymentPage>(accountId, 'GET', `/v1/payments?${query}`);
      expect(status).toBe(200);
      return body.payments.map(({ id }) => id);
    };
    const newest = made.map(({ id }) => id).toReversed();
    expect(await list('')).toEqual([declined.id, ...newest]);
    expect(await list('status=captured')).toEqual(newest);
    expect(await list('status=declined')).toEqual([declined.id]);
    expect(await list('reference=a-2')).toEqual([made[1]?.id]);
    expect(await list('customer_reference=customer-7')).toEqual(newest);
    expect(await list(`token=${token}`)).toEqual(newest);
    expect(await list('mode=live')).toEqual([]);
    expect(await list(`created_from=${made[2]?.created_at}`)).toEqual([declined.id, newest[0]]);
    expect(await list(`created_to=${made[0]?.created_at}`)).toEqual([]);
    const first = await call<PaymentPage>(accountId, 'GET', '/v1/payments?limit=3');
    const cursor = first.body.next_cursor ?? '';
    expect(await list(`limit=3&cursor=${cursor}`)).toEqual([made[0]?.id]);
    const broken = await call<{ code: string }>(accountId, 'GET', '/v1/payments?cursor=nonsense');
    expect(broken).toMatchObject({ status: 400, body: { code: 'cursor_invalid' } });
  });
});

describe('where a payment goes', () => {
  test('is what the rules say', async () => {
    const { accountId, providerId } = await openShop();
    const second = await addStripe(accountId);
    const rules = [{ mode: 'test', brands: ['visa'], providers: [second, providerId] }];
    expect((await call(accountId, 'PUT', '/v1/provider-routing', { rules })).status).toBe(200);
    expect(await pay(accountId)).toMatchObject({ provider: { id: second } });
  });

  test('is the next provider when nothing could be sent to the first one, under another key', async () => {
    const { accountId, providerId } = await openShop();
    const unreachable = await addStripe(accountId, { base_url: 'https://127.0.0.1:1' });
    const rules = [{ mode: 'test', providers: [unreachable, providerId] }];
    await call(accountId, 'PUT', '/v1/provider-routing', { rules });
    expect(await pay(accountId)).toMatchObject({ status: 'captured', provider: { id: providerId } });
    expect(await stripe.ledger()).toHaveLength(1);
  });

  test('is no other provider once the first one may have got it', async () => {
    const { accountId, providerId } = await openShop();
    const second = await addStripe(accountId);
    const rules = [{ mode: 'test', providers: [providerId, second] }];
    await call(accountId, 'PUT', '/v1/provider-routing', { rules });
    await stripe.setFaults([
      { kind: 'lose_answer', target: 'pay' },
      { kind: 'server_error', target: 'lookup', times: 20 },
    ]);
    expect(await pay(accountId)).toMatchObject({ status: 'unknown', provider: { id: providerId } });
    expect(await stripe.ledger()).toHaveLength(1);
  });

  test('is the provider that keeps the card, while that takes payments', async () => {
    const { accountId, providerId } = await openShop();
    const kept = {
      purpose: 'charge',
      amount: amount(4200),
      provider_token: 'pm_kept',
      provider_id: providerId,
    };
    await call(accountId, 'PATCH', `/v1/providers/${providerId}`, { state: 'disabled' });
    const refused = await call<{ code: string }>(accountId, 'POST', '/v1/payments', kept);
    expect(refused).toMatchObject({ status: 409, body: { code: 'provider_disabled' } });
    await call(accountId, 'PATCH', `/v1/providers/${providerId}`, { state: 'active' });
    // Stripe has no such card: it was asked.
    const asked = await call(accountId, 'POST', '/v1/payments', kept);
    expect(asked).toMatchObject({ status: 201, body: { status: 'failed', failure: 'invalid_request' } });
    expect(await stripe.requests()).not.toEqual([]);
  });

  test('is where it went, for refunds, also when that provider is disabled or deleted', async () => {
    const { accountId, providerId } = await openShop();
    const { id } = await pay(accountId);
    const path = `/v1/providers/${providerId}`;
    await call(accountId, 'PATCH', path, { state: 'disabled' });
    const part = await call(accountId, 'POST', `/v1/payments/${id}/refund`, { amount: 200 });
    expect(part).toMatchObject({ status: 200, body: { status: 'partially_refunded' } });
    expect((await call(accountId, 'DELETE', path)).status).toBe(204);
    const rest = await call(accountId, 'POST', `/v1/payments/${id}/refund`);
    expect(rest).toMatchObject({ status: 200, body: { status: 'refunded', provider: { id: providerId } } });
  });
});

describe('what is refused', () => {
  const TOKEN = `tok_card_${'a'.repeat(26)}`;

  test.each<[string, object, number, string]>([
    ['no card', {}, 400, 'request_invalid'],
    ['two cards', { token: TOKEN, provider_token: 'pm_1', provider_id: 'default' }, 400, 'request_invalid'],
    ['no provider to its token', { provider_token: 'pm_1' }, 400, 'request_invalid'],
    ['a card that there is not', { token: TOKEN }, 404, 'token_not_found'],
    ['a purpose of captures only', { token: TOKEN, purpose: 'tokenize' }, 400, 'request_invalid'],
    ['nothing to pay', { token: TOKEN, amount: amount(0) }, 400, 'request_invalid'],
  ])('%s', async (_name, change, status, code) => {
    const { accountId } = await openShop();
    const request = { purpose: 'charge', amount: amount(4200), ...change };
    const answer = await call<{ code: string }>(accountId, 'POST', '/v1/payments', request);
    expect(answer).toMatchObject({ status, body: { code } });
    expect(await stripe.ledger()).toEqual([]);
  });

  const NO_CURRENCY = {
    code: 'currency_unknown',
    detail: 'amount/currency is no currency that is in use: send a code of ISO 4217.',
  };

  test.each<[string, unknown, object]>([
    ['a currency that there is not', { value: 4200, currency: 'XXQ' }, NO_CURRENCY],
    ['a currency out of use', { value: 4200, currency: 'DEM' }, NO_CURRENCY],
    ['no currency', { value: 4200, currency: 'eur' }, { problems: [{ pointer: '/body/amount/currency' }] }],
    ['nothing', amount(0), { problems: [{ pointer: '/body/amount/value', detail: 'must be >= 1' }] }],
    ['less than nothing', amount(-1), { problems: [{ pointer: '/body/amount/value' }] }],
    ['half a minor unit', amount(4200.5), { problems: [{ pointer: '/body/amount/value' }] }],
    [
      'more than is taken',
      amount(100_000_000),
      { problems: [{ pointer: '/body/amount/value', detail: 'must be <= 99999999' }] },
    ],
    [
      'the largest integer that there is',
      amount(Number.MAX_SAFE_INTEGER),
      { problems: [{ pointer: '/body/amount/value' }] },
    ],
  ])('%s as an amount, by the name of the member, before anything is written', async (_name, asked, told) => {
    const { accountId } = await openShop();
    const request = { purpose: 'charge', amount: asked, token: await cardOf(accountId) };
    const headers = idempotencyKey();
    const answer = await call(accountId, 'POST', '/v1/payments', request, headers);
    expect(answer).toMatchObject({ status: 400, body: told });
    expect((await call<PaymentPage>(accountId, 'GET', '/v1/payments')).body).toEqual({ payments: [] });
    expect(await stripe.requests()).toEqual([]);
    // The key is as good as new.
    const mended = { ...request, amount: amount(4200) };
    expect(await call(accountId, 'POST', '/v1/payments', mended, headers)).toMatchObject({
      status: 201,
      body: { status: 'captured' },
    });
  });

  test.each([0, -1, 1.5, 100_000_000, Number.MAX_SAFE_INTEGER])('a refund of %d', async (asked) => {
    const { accountId } = await openShop();
    const { id } = await pay(accountId);
    const path = `/v1/payments/${id}/refund`;
    expect(await call(accountId, 'POST', path, { amount: asked })).toMatchObject({
      status: 400,
      body: { code: 'request_invalid', problems: [{ pointer: '/body/amount' }] },
    });
    expect((await call(accountId, 'GET', `/v1/payments/${id}`)).body.amount_refunded).toEqual(amount(0));
  });

  test('another mode than that of the card', async () => {
    const { accountId } = await openShop();
    const request = { purpose: 'charge', amount: amount(4200), token: await cardOf(accountId), mode: 'live' };
    const answer = await call<{ code: string }>(accountId, 'POST', '/v1/payments', request);
    expect(answer.body.code).toBe('wrong_mode');
    expect(await stripe.ledger()).toEqual([]);
  });

  test('a payment without a key, and one of another account', async () => {
    const { accountId } = await openShop();
    const { id } = await pay(accountId);
    const request = { purpose: 'charge', amount: amount(4200), token: await cardOf(accountId) };
    const bare = await call<{ code: string }>(accountId, 'POST', '/v1/payments', request, {});
    expect(bare).toMatchObject({ status: 400, body: { code: 'idempotency_key_missing' } });
    const other = await openShop();
    for (const path of [id, `${id}/capture`, `${id}/void`, `${id}/refund`]) {
      const method = path === id ? 'GET' : 'POST';
      const answer = await call<{ code: string }>(other.accountId, method, `/v1/payments/${path}`);
      expect(answer).toMatchObject({ status: 404, body: { code: 'payment_not_found' } });
    }
    expect((await call<PaymentPage>(other.accountId, 'GET', '/v1/payments')).body).toEqual({ payments: [] });
  });
});
