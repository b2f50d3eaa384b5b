import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLogger } from '../../../src/kernel/logger.ts';
import type {
  ProviderKindResource,
  ProviderResource,
  RoutingResource,
} from '../../../src/workflows/providers/contract.ts';
import { createTestHttp, idempotencyKey, type TestHttp } from '../../support/http.ts';

const KEY = 'sk_test_httpFirst1234wxyz';
const PASSWORD = 'a password of the provider';

let http: TestHttp;
const log: string[] = [];

beforeAll(async () => {
  http = await createTestHttp({
    logger: createLogger('debug', { write: (line: string) => void log.push(line) }),
  });
});

afterAll(async () => await http.close());

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

interface Answer<T> {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: T;
}

let accounts = 0;
const newAccount = (): string => `acc_p${(accounts += 1)}`;

/** Every answer is checked against openapi.yaml on its way out: one that does not fit comes as a 500. */
async function call<T = unknown>(
  accountId: string,
  method: Method,
  path: string,
  body?: unknown,
  headers: Record<string, string> = idempotencyKey(),
): Promise<Answer<T>> {
  const token = await http.token({ accountId, subject: 'admin-1', roles: ['admin'] });
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

const REQUEST = {
  kind: 'scripted',
  name: 'Main',
  mode: 'test',
  configuration: {
    secret_key: KEY,
    merchant_account: 'Shop',
    login: { username: 'user', password: PASSWORD },
  },
};

const SHOWN = {
  secret_key: { set: true, hint: 'wxyz' },
  merchant_account: 'Shop',
  login: { username: 'user', password: { set: true, hint: 'ider' } },
};

async function add(accountId: string, change: object = {}): Promise<ProviderResource> {
  const answer = await call<ProviderResource>(accountId, 'POST', '/v1/providers', { ...REQUEST, ...change });
  expect(answer.status).toBe(201);
  return answer.body;
}

describe('payment providers over HTTP', () => {
  test('are configured, read, changed, checked and deleted', async () => {
    const accountId = newAccount();
    const created = await call<ProviderResource>(accountId, 'POST', '/v1/providers', REQUEST);
    expect(created).toMatchObject({
      status: 201,
      body: { ...REQUEST, state: 'active', configuration: SHOWN },
    });
    const { id } = created.body;
    const path = `/v1/providers/${id}`;
    expect(created.headers['location']).toBe(path);
    expect((await call(accountId, 'GET', path)).body).toEqual(created.body);
    expect((await call(accountId, 'GET', '/v1/providers')).body).toEqual({ providers: [created.body] });

    const patched = await call<ProviderResource>(accountId, 'PATCH', path, {
      state: 'disabled',
      configuration: { ...SHOWN, login: null, secret_key: 'sk_test_another1234567890' },
    });
    expect(patched).toMatchObject({
      status: 200,
      body: { state: 'disabled', configuration: { secret_key: { set: true, hint: '7890' } } },
    });
    expect(patched.body.configuration).not.toHaveProperty('login');

    const checked = await call(accountId, 'POST', `${path}/check`);
    expect(checked).toMatchObject({ status: 200, body: { provider_id: id, ok: true, findings: [] } });
    expect(await call(accountId, 'POST', '/v1/providers/default/check')).toMatchObject({
      status: 200,
      body: { provider_id: 'default', mode: 'test' },
    });

    expect(await call(accountId, 'DELETE', path)).toMatchObject({ status: 204, body: undefined });
    for (const [method, of, body] of [
      ['GET', path],
      ['PATCH', path, { name: 'x' }],
      ['DELETE', path],
      ['POST', `${path}/check`],
    ] as const) {
      expect(await call(accountId, method, of, body)).toMatchObject({
        status: 404,
        body: { code: 'provider_not_found' },
      });
    }
    expect((await call(accountId, 'GET', '/v1/providers')).body).toEqual({ providers: [] });
    // Payments that were made with it are still found.
    expect(await http.directory.find(accountId, id)).toMatchObject({ id });
  });

  test('are told of with the schema of what each kind takes', async () => {
    const { body } = await call<{ kinds: ProviderKindResource[] }>(newAccount(), 'GET', '/v1/provider-kinds');
    const kinds = body.kinds.map(({ kind }) => kind);
    expect(kinds).toEqual(
      expect.arrayContaining(['adyen', 'connector', 'jwe', 'sandbox', 'stripe', 'template']),
    );
    for (const { configuration_schema: schema } of body.kinds) {
      expect(schema).toMatchObject({ type: 'object', additionalProperties: false });
    }
  });

  test.each<[string, object, string, RegExp]>([
    [
      'an unknown member',
      { configuration: { ...REQUEST.configuration, color: 'red' } },
      'provider_configuration',
      /\(color\)/,
    ],
    ['a missing one', { configuration: { secret_key: KEY } }, 'provider_configuration', /merchant_account/],
    [
      'a live key in test mode',
      { configuration: { ...REQUEST.configuration, secret_key: 'sk_live_abcdefgh' } },
      'wrong_mode',
      /live credentials/,
    ],
    ['a test key in live mode', { mode: 'live' }, 'wrong_mode', /test credentials/],
    ['an unknown kind', { kind: 'carrier_pigeon' }, 'provider_kind_unknown', /scripted/],
    ['a name like a card number', { name: '4242-4242-4242-4242' }, 'provider_name_like_card', /./],
    ['a name with a control character', { name: 'a\u0000b' }, 'request_invalid', /./],
    [
      'text that is none',
      { configuration: { ...REQUEST.configuration, merchant_account: 'a\u0000b' } },
      'provider_configuration',
      /merchant_account/,
    ],
    [
      'half a character',
      { configuration: { ...REQUEST.configuration, merchant_account: '\ud800' } },
      'provider_configuration',
      /merchant_account/,
    ],
    [
      'a template that puts its credential in the way',
      {
        kind: 'template',
        configuration: {
          credential: KEY,
          url: 'https://vault.example.com',
          template: {
            authentication: { scheme: 'header', name: 'Content-Length' },
            request: { path: '/cards', body: { number: '{{card.number}}' } },
            answer: { succeeded: { statuses: [201], where: { '/kept': true }, token: '/id' } },
            check: { method: 'GET', path: '/account' },
          },
        },
      },
      'template_invalid',
      /authentication puts the credential into content-length/,
    ],
    ['a mode that there is not', { mode: 'production' }, 'request_invalid', /./],
    ['no configuration', { configuration: {} }, 'request_invalid', /./],
  ])('%s is refused', async (_name, change, code, detail) => {
    const accountId = newAccount();
    // Without a key: it is told by nobody else.
    const request = { ...REQUEST, ...change };
    const answer = await call<{ detail: string }>(accountId, 'POST', '/v1/providers', request, {});
    expect(answer).toMatchObject({ status: 400, body: { code } });
    expect(answer.body.detail).toMatch(detail);
    expect(JSON.stringify(answer.body)).not.toContain(KEY);
    expect((await call(accountId, 'GET', '/v1/providers')).body).toEqual({ providers: [] });
  });

  test('are made once, however often the same request comes', async () => {
    const accountId = newAccount();
    const headers = { 'idempotency-key': 'provider-1' };
    const first = await call<ProviderResource>(accountId, 'POST', '/v1/providers', REQUEST, headers);
    const again = await call<ProviderResource>(accountId, 'POST', '/v1/providers', REQUEST, headers);
    expect(again).toMatchObject({
      status: 201,
      body: first.body,
      headers: { 'idempotent-replayed': 'true', location: first.headers['location'] },
    });
    const { body } = await call<{ providers: unknown[] }>(accountId, 'GET', '/v1/providers');
    expect(body.providers).toHaveLength(1);
    const other = { ...REQUEST, name: 'Other' };
    expect(await call(accountId, 'POST', '/v1/providers', other, headers)).toMatchObject({ status: 422 });
    const path = `/v1/providers/${first.body.id}`;
    const deletion = { 'idempotency-key': 'provider-1-deletion' };
    expect((await call(accountId, 'DELETE', path, undefined, deletion)).status).toBe(204);
    expect((await call(accountId, 'DELETE', path, undefined, deletion)).status).toBe(204);
  });

  test('are those of one account', async () => {
    const { id } = await add(newAccount());
    const other = newAccount();
    expect((await call(other, 'GET', `/v1/providers/${id}`)).status).toBe(404);
    expect((await call(other, 'PATCH', `/v1/providers/${id}`, { name: 'Mine' })).status).toBe(404);
    const rules = [{ mode: 'test', providers: [id] }];
    expect(await call(other, 'PUT', '/v1/provider-routing', { rules })).toMatchObject({
      status: 400,
      body: { code: 'routing_provider_unknown' },
    });
  });

  test('leave no secret in the log', () => {
    expect(log.join('\n')).toContain('/v1/providers');
    for (const secret of [KEY, PASSWORD, 'another1234567890', 'sk_live_']) {
      expect(log.join('\n')).not.toContain(secret);
    }
  });
});

describe('routing rules over HTTP', () => {
  test('are put as a whole and decide where a payment goes', async () => {
    const accountId = newAccount();
    const [a, b] = [await add(accountId, { name: 'A' }), await add(accountId, { name: 'B' })];
    expect((await call(accountId, 'GET', '/v1/provider-routing')).body).toEqual({ rules: [] });
    const rules = [
      {
        mode: 'test',
        currencies: ['EUR'],
        brands: ['amex'],
        amount_from: 1000,
        amount_to: 5000,
        providers: [b.id, a.id],
      },
      { mode: 'test', purposes: ['charge'], providers: ['default'] },
    ];
    const put = await call<RoutingResource>(accountId, 'PUT', '/v1/provider-routing', { rules });
    expect(put).toMatchObject({ status: 200, body: { rules } });
    expect((await call(accountId, 'GET', '/v1/provider-routing')).body).toEqual(put.body);
    const amount = { value: 1000, currency: 'EUR' };
    const question = { mode: 'test', purpose: 'charge', amount, brand: 'amex' } as const;
    const routed = await http.directory.route(accountId, question);
    expect(routed.map(({ id }) => id)).toEqual([b.id, a.id]);
    expect(await call(accountId, 'DELETE', `/v1/providers/${a.id}`)).toMatchObject({
      status: 409,
      body: { code: 'provider_routed' },
    });
  });

  test.each<[string, object, string]>([
    ['no provider', { mode: 'test', providers: [] }, 'request_invalid'],
    ['a provider twice', { mode: 'test', providers: ['default', 'default'] }, 'request_invalid'],
    ['no mode', { providers: ['default'] }, 'request_invalid'],
    ['an empty condition', { mode: 'test', currencies: [], providers: ['default'] }, 'request_invalid'],
    [
      'a currency that there is not',
      { mode: 'test', currencies: ['EUR', 'XXQ'], providers: ['default'] },
      'currency_unknown',
    ],
    [
      'a brand that there is not',
      { mode: 'test', brands: ['bitcoin'], providers: ['default'] },
      'request_invalid',
    ],
    [
      'a provider that there is not',
      { mode: 'test', providers: [`prv_${'a'.repeat(26)}`] },
      'routing_provider_unknown',
    ],
    ['another mode than its provider', { mode: 'live', providers: ['default'] }, 'routing_modes_mixed'],
    [
      'an amount without a currency',
      { mode: 'test', amount_to: 5, providers: ['default'] },
      'routing_amount_unclear',
    ],
  ])('with %s are refused', async (_name, rule, code) => {
    const accountId = newAccount();
    expect(await call(accountId, 'PUT', '/v1/provider-routing', { rules: [rule] })).toMatchObject({
      status: 400,
      body: { code },
    });
  });
});
