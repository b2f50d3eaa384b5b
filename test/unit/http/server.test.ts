/* oxlint-disable vitest/expect-expect -- expectProblem asserts */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { LightMyRequestResponse } from 'fastify';
import { SCOPES } from '../../../src/access/principal.ts';
import { HushtoneError, type ErrorKind } from '../../../src/kernel/errors.ts';
import {
  ACTOR,
  bearer,
  buildGateway,
  CALL,
  CALL_ID,
  CAPTURE,
  CAPTURE_ID,
  checkProblem,
  CONTRACT,
  EVIDENCE,
  KEY,
  sendRaw,
  type Gateway,
  type RawAnswer,
} from './gateway.ts';

const SECRET = 'insert into cards values (4242424242424242)';

interface Asked {
  readonly operationId: string;
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly scope: string;
  /** What the token needs besides. */
  readonly besides?: string;
  readonly payload?: object;
  readonly success: number;
  readonly result: unknown;
}

const CAPTURES = `/v1/captures/${CAPTURE_ID}`;
const FIELD = { field: 'expiry' };

/** Every operation that needs a token and answers with a document. */
const OPERATIONS: readonly Asked[] = [
  {
    operationId: 'createCapture',
    method: 'POST',
    url: '/v1/captures',
    scope: 'captures:write',
    payload: { call_id: CALL_ID, purpose: 'tokenize' },
    success: 201,
    result: { ...CAPTURE, status: 'securing' },
  },
  {
    operationId: 'listCaptures',
    method: 'GET',
    url: '/v1/captures',
    scope: 'captures:read',
    success: 200,
    result: { captures: [CAPTURE] },
  },
  {
    operationId: 'getCapture',
    method: 'GET',
    url: CAPTURES,
    scope: 'captures:read',
    success: 200,
    result: CAPTURE,
  },
  ...(['focus', 'clear', 'pause', 'resume', 'submit', 'cancel'] as const).map((name) => ({
    operationId: { focus: 'focusField', clear: 'clearField' }[name as string] ?? `${name}Capture`,
    method: 'POST' as const,
    url: `${CAPTURES}/${name}`,
    scope: 'captures:write',
    ...((name === 'focus' || name === 'clear') && { payload: FIELD }),
    success: 200,
    result: CAPTURE,
  })),
  {
    operationId: 'getCaptureEvidence',
    method: 'GET',
    url: `${CAPTURES}/evidence`,
    scope: 'evidence:read',
    success: 200,
    result: EVIDENCE,
  },
  {
    operationId: 'listCalls',
    method: 'GET',
    url: '/v1/calls',
    scope: 'calls:read',
    success: 200,
    result: { calls: [CALL] },
  },
  {
    operationId: 'searchCalls',
    method: 'POST',
    url: '/v1/calls/search',
    scope: 'numbers:read',
    besides: 'calls:read',
    payload: { from: '+15083084809' },
    success: 200,
    result: { calls: [CALL] },
  },
  {
    operationId: 'releaseCall',
    method: 'POST',
    url: `/v1/calls/${CALL_ID}/release`,
    scope: 'calls:release',
    success: 200,
    result: CALL,
  },
];

const POSTS = OPERATIONS.filter(({ method }) => method === 'POST');
const WITH_ID = OPERATIONS.filter(({ url }) => url.includes('_0123'));
const scopesOf = ({ scope, besides }: Asked): string[] =>
  besides === undefined ? [scope] : [scope, besides];
const title = ({ operationId }: Asked): string => operationId;
const each = (operations: readonly Asked[]): [string, Asked][] => operations.map((o) => [title(o), o]);

let gateway: Gateway;

beforeAll(async () => {
  gateway = await buildGateway();
});
beforeEach(() => gateway.reset());
afterAll(async () => {
  await gateway.http.close();
});

async function ask(
  { method, url, payload }: Pick<Asked, 'method' | 'url' | 'payload'>,
  headers: Record<string, string> = {},
): Promise<LightMyRequestResponse> {
  return await gateway.http.inject({
    method,
    url,
    headers: { authorization: await bearer(), ...KEY, ...headers },
    ...(payload && { payload }),
  });
}

/** An error is a problem document, declared for its operation when there is one, and says nothing that is secret. */
function expectProblem(
  response: LightMyRequestResponse | RawAnswer,
  status: number,
  code: string,
  operationId?: string,
): Record<string, unknown> {
  const answer =
    'statusCode' in response
      ? { status: response.statusCode, headers: response.headers, body: response.body }
      : response;
  const problem = JSON.parse(answer.body) as Record<string, unknown>;
  expect(problem).toMatchObject({ status, code, type: `urn:hushtone:problem:${code}` });
  expect(answer.status).toBe(status);
  expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
  expect(problem['request_id']).toMatch(/^req_[0-9a-z]{26}$/);
  checkProblem(problem);
  if (operationId !== undefined) CONTRACT.checkResponse(operationId, status, problem);
  expect(answer.body).not.toContain('4242');
  return problem;
}

describe('an operation', () => {
  test.each(each(OPERATIONS))('%s answers as the contract says', async (_, operation) => {
    const response = await ask(operation);
    expect(response.statusCode).toBe(operation.success);
    expect(response.headers['content-type']).toMatch(/^application\/json/);
    expect(response.json()).toEqual(operation.result);
    expect(gateway.desk.asked).toHaveLength(1);
    expect(gateway.desk.asked[0]?.actor).toMatchObject(ACTOR);
  });

  test('createCapture says where the capture is read', async () => {
    const response = await ask(OPERATIONS[0] as Asked);
    expect(response.headers['location']).toBe(`/v1/captures/${CAPTURE_ID}`);
  });

  test('hands the request over with its defaults filled in', async () => {
    const payload = { agent_id: 'agent-1', purpose: 'charge', amount: { value: 1, currency: 'EUR' } };
    await ask({ method: 'POST', url: '/v1/captures', payload: { ...payload, fields: [{ field: 'pin' }] } });
    expect(gateway.desk.asked[0]?.what).toEqual({
      ...payload,
      fields: [{ field: 'pin', required: true, max_attempts: 3 }],
      auto_advance: true,
      auto_submit: false,
    });
  });

  test.each([
    ['focus', { type: 'focus', field: 'expiry' }],
    ['clear', { type: 'clear', field: 'expiry' }],
    ['pause', { type: 'pause' }],
    ['resume', { type: 'resume' }],
    ['submit', { type: 'submit' }],
    ['cancel', { type: 'cancel' }],
  ])('%s is that command', async (name, command) => {
    await ask({ method: 'POST', url: `${CAPTURES}/${name}`, payload: FIELD });
    expect(gateway.desk.asked[0]?.what).toEqual([CAPTURE_ID, command]);
  });
});

describe('access', () => {
  test.each(each(OPERATIONS))('%s needs its scope and no other', async (_, operation) => {
    const others = SCOPES.filter((scope) => scope !== operation.scope);
    const refused = await ask(operation, { authorization: await bearer(others) });
    const problem = expectProblem(refused, 403, 'scope_missing', operation.operationId);
    expect(problem['detail']).toContain(operation.scope);
    expect(refused.headers['www-authenticate']).toBe('Bearer error="insufficient_scope"');
    expect(gateway.refusals).toMatchObject([
      { operationId: operation.operationId, reason: 'scope_missing', actor: ACTOR },
    ]);
    const allowed = await ask(operation, { authorization: await bearer(scopesOf(operation)) });
    expect(allowed.statusCode).toBe(operation.success);
  });

  test.each(each(OPERATIONS))(
    '%s refuses a stranger before it looks at the request',
    async (_, operation) => {
      const response = await gateway.http.inject({
        method: operation.method,
        url: operation.url.replace(/_0123\w+/, '_nonsense'),
        headers: { 'content-type': 'text/nonsense' },
        payload: 'x'.repeat(100_000),
      });
      expectProblem(response, 401, 'token_missing', operation.operationId);
      expect(response.headers['www-authenticate']).toBe('Bearer');
      expect(gateway.desk.asked).toEqual([]);
      // Nobody is known who could be put on record.
      expect(gateway.refusals).toEqual([]);
    },
  );

  test.each(['Basic YTpi', 'Bearer', 'Bearer ', 'Bearer a b', `Bearer ${'a'.repeat(5000)}`, 'bearer'])(
    'an Authorization header that holds no token is none: %.16s',
    async (authorization) => {
      expectProblem(await ask(OPERATIONS[1] as Asked, { authorization }), 401, 'token_missing', 'getCapture');
    },
  );

  test('a token that is not valid is refused, and not why', async () => {
    const [, payload = ''] = (await bearer()).split('.');
    const response = await ask(OPERATIONS[1] as Asked, { authorization: `Bearer x.${payload}.z` });
    const problem = expectProblem(response, 401, 'token_invalid', 'getCapture');
    expect(problem['detail']).toBe('the access token is not valid');
    expect(response.headers['www-authenticate']).toBe('Bearer error="invalid_token"');
  });

  test('the scheme is not case-sensitive', async () => {
    const authorization = (await bearer()).replace('Bearer', 'bearer');
    expect((await ask(OPERATIONS[1] as Asked, { authorization })).statusCode).toBe(200);
  });

  test('the token of one request is not that of the next', async () => {
    await ask(OPERATIONS[1] as Asked);
    const response = await gateway.http.inject({ method: 'GET', url: CAPTURES });
    expectProblem(response, 401, 'token_missing', 'getCapture');
  });
});

describe('a request that does not fit', () => {
  const create = async (payload: unknown): Promise<LightMyRequestResponse> =>
    await ask({ method: 'POST', url: '/v1/captures', payload: payload as object });

  test.each([
    ['no purpose', {}, '/body'],
    ['a purpose that is not known', { purpose: 'refund' }, '/body/purpose'],
    [
      'an amount of nothing',
      { purpose: 'charge', amount: { value: 0, currency: 'EUR' } },
      '/body/amount/value',
    ],
    [
      'an amount as text',
      { purpose: 'charge', amount: { value: '1', currency: 'EUR' } },
      '/body/amount/value',
    ],
    ['a broken amount', { purpose: 'charge', amount: { value: 1.5, currency: 'EUR' } }, '/body/amount/value'],
    [
      'a currency in small letters',
      { purpose: 'charge', amount: { value: 1, currency: 'eur' } },
      '/body/amount/currency',
    ],
    ['a member that is not known', { purpose: 'tokenize', card_number: '4242424242424242' }, '/body'],
    [
      'a field that is not known',
      { purpose: 'tokenize', fields: [{ field: 'track2' }] },
      '/body/fields/0/field',
    ],
    ['no field', { purpose: 'tokenize', fields: [] }, '/body/fields'],
    ['a brand twice', { purpose: 'tokenize', accepted_brands: ['visa', 'visa'] }, '/body/accepted_brands'],
    ['a call that is none', { purpose: 'tokenize', call_id: '4242424242424242' }, '/body/call_id'],
    ['a list', [], '/body'],
    ['text', 'charge', '/body'],
    ['null', null, '/body'],
  ])('in its body is told where: %s', async (_, payload, pointer) => {
    const sent = await gateway.http.inject({
      method: 'POST',
      url: '/v1/captures',
      headers: { authorization: await bearer(), ...KEY, 'content-type': 'application/json' },
      payload: JSON.stringify(payload),
    });
    const problem = expectProblem(sent, 400, 'request_invalid', 'createCapture');
    expect((problem['problems'] as { pointer: string }[]).map((mistake) => mistake.pointer)).toContain(
      pointer,
    );
    expect(gateway.desk.asked).toEqual([]);
  });

  test('has all of its mistakes told at once', async () => {
    const problem = (await create({ purpose: 'x', timeout_seconds: 1, reference: '' })).json<{
      problems: unknown[];
    }>();
    expect(problem.problems).toHaveLength(4); // the empty reference breaks two rules
  });

  test.each(each(WITH_ID))('%s refuses an id that is none', async (_, operation) => {
    for (const id of ['x', '_0123ab0123ab0123ab0123ab0', '_0123AB0123AB0123AB0123AB01']) {
      const url = operation.url.replace(/_0123\w+/, id);
      expectProblem(await ask({ ...operation, url }), 400, 'request_invalid', operation.operationId);
    }
    expect(gateway.desk.asked).toEqual([]);
  });

  test.each(['', 'application/json', 'APPLICATION/JSON', 'application/json; charset=utf-8; a=b'])(
    'is checked whatever media type it names: %j',
    async (type) => {
      const headers = { authorization: await bearer(), ...KEY, ...(type !== '' && { 'content-type': type }) };
      const url = '/v1/captures';
      const empty = await gateway.http.inject({ method: 'POST', url, headers });
      expectProblem(empty, 400, 'request_invalid', 'createCapture');
      const wrong = await gateway.http.inject({ method: 'POST', url, headers, payload: '{"purpose":"x"}' });
      expect([400, 415]).toContain(wrong.statusCode);
      expect(gateway.desk.asked).toEqual([]);
    },
  );

  test.each([
    'application/json-patch+json',
    'application/jsonx',
    'application/x;application/json',
    'text/json',
  ])('is not read as JSON when it is named %s', async (type) => {
    const response = await ask(OPERATIONS[0] as Asked, { 'content-type': type });
    expectProblem(response, 415, 'media_type_unsupported', 'createCapture');
  });

  test('to focus needs a field', async () => {
    for (const payload of [{}, { field: 'track2' }, { field: 'pin', value: '1234' }]) {
      const response = await ask({ method: 'POST', url: `${CAPTURES}/focus`, payload });
      expectProblem(response, 400, 'request_invalid', 'focusField');
    }
    expectProblem(
      await ask({ method: 'POST', url: `${CAPTURES}/focus` }),
      400,
      'request_invalid',
      'focusField',
    );
  });
});

describe('a request that cannot be read', () => {
  const post = async (url: string, headers: Record<string, string>, payload: string) =>
    await gateway.http.inject({
      method: 'POST',
      url,
      headers: { authorization: await bearer(), ...KEY, ...headers },
      payload,
    });
  const JSON_TYPE = { 'content-type': 'application/json' };

  test.each(each(POSTS))('%s: a body of more than 32 KiB', async (_, { url, operationId }) => {
    const response = await post(url, JSON_TYPE, `{"reference":"${'4242'.repeat(9000)}"}`);
    expectProblem(response, 413, 'body_too_large', operationId);
  });

  test.each(each(POSTS))('%s: a body of another media type', async (_, { url, operationId }) => {
    for (const type of ['text/plain', 'application/xml', 'application/x-www-form-urlencoded', 'nonsense']) {
      const response = await post(url, { 'content-type': type }, 'field=4242424242424242');
      expectProblem(response, 415, 'media_type_unsupported', operationId);
    }
  });

  test.each(each(POSTS))('%s: a body that is not JSON', async (_, { url, operationId }) => {
    const response = await post(url, JSON_TYPE, '{"field": 4242424242424242');
    expectProblem(response, 400, 'body_not_json', operationId);
  });

  test.each(['pause', 'resume', 'submit', 'cancel'])(
    '%s needs no body, and takes an empty one',
    async (name) => {
      const url = `${CAPTURES}/${name}`;
      for (const headers of [{}, JSON_TYPE]) expect((await post(url, headers, '')).statusCode).toBe(200);
    },
  );

  test('a body at the limit is read', async () => {
    const response = await post(`${CAPTURES}/pause`, JSON_TYPE, `"${'x'.repeat(32 * 1024 - 2)}"`);
    expect(response.statusCode).toBe(200);
  });

  test('a member __proto__ is one that is not known', async () => {
    const response = await post('/v1/captures', JSON_TYPE, '{"purpose":"tokenize","__proto__":{"x":1}}');
    expectProblem(response, 400, 'request_invalid', 'createCapture');
  });

  test('a path that cannot be decoded is not echoed', async () => {
    const response = await ask({ method: 'GET', url: '/v1/captures/%ff4242424242424242' });
    expectProblem(response, 400, 'request_invalid', 'getCapture');
  });

  test('a parameter that is too long', async () => {
    const response = await ask({ method: 'GET', url: `/v1/captures/${'4242'.repeat(100)}` });
    expectProblem(response, 400, 'request_invalid', 'getCapture');
  });

  test.each([
    ['is no HTTP', 'HELLO 4242424242424242\r\n\r\n', 400, 'request_invalid'],
    [
      'has a header that is too large',
      `GET / HTTP/1.1\r\nx: ${'4242'.repeat(8000)}\r\n\r\n`,
      431,
      'headers_too_large',
    ],
  ])('what %s is a problem too', async (_, bytes, status, code) => {
    expectProblem(await sendRaw(await gateway.listen(), bytes), status, code);
  });
});

describe('what the contract does not have', () => {
  test.each([
    ['GET', '/'],
    ['GET', '/v1'],
    ['PUT', '/v1/captures'],
    ['DELETE', CAPTURES],
    ['PUT', CAPTURES],
    ['PATCH', CAPTURES],
    ['OPTIONS', '/v1/calls'],
    ['POST', '/health/live'],
    ['GET', '/v1/captures/../../etc/passwd'],
    ['GET', '/openapi.yaml'],
  ] as const)('%s %s is not found', async (method, url) => {
    const response = await gateway.http.inject({ method, url, headers: { authorization: await bearer() } });
    expectProblem(response, 404, 'route_not_found');
  });

  test('is not found for a stranger either, with the body unread', async () => {
    const response = await gateway.http.inject({ method: 'POST', url: '/none', payload: 'x'.repeat(50_000) });
    expect([404, 413, 415]).toContain(response.statusCode);
    expect(response.headers['content-type']).toMatch(/^application\/problem\+json/);
  });
});

describe('a failure', () => {
  const KINDS: [ErrorKind, number, string][] = [
    ['not_found', 404, 'call_not_found'],
    ['conflict', 409, 'capture_running'],
    ['unavailable', 503, 'database_unavailable'],
    ['internal', 500, 'transaction_aborted'],
  ];
  /** They name no object, and change nothing. */
  const ONLY_LOOK = ['listCaptures', 'listCalls', 'searchCalls'];

  test.each(each(OPERATIONS))('of %s is a problem document that is declared', async (_, operation) => {
    for (const [kind, status, code] of KINDS) {
      const looks = ONLY_LOOK.includes(operation.operationId);
      if ((kind === 'conflict' || kind === 'not_found') && looks) continue;
      if (kind === 'conflict' && operation.method === 'GET') continue;
      gateway.desk.failure = new HushtoneError(code, kind, 'In plain words.', { cause: new Error(SECRET) });
      const shown = kind === 'internal' ? 'internal_error' : code;
      expectProblem(await ask(operation), status, shown, operation.operationId);
    }
  });

  test.each([new TypeError(SECRET), Object.assign(new Error(SECRET), { statusCode: 503 }), SECRET])(
    'that nobody foresaw shows nothing, and is logged without digits under its request id',
    async (failure) => {
      gateway.desk.failure = failure;
      const problem = expectProblem(await ask(OPERATIONS[1] as Asked), 500, 'internal_error', 'getCapture');
      const line = gateway.logged.find((entry) => entry.includes('request failed')) ?? '';
      expect(line).toContain(problem['request_id']);
      expect(gateway.logged.join('')).not.toContain('4242');
    },
  );

  test('of a client is no error of ours and is not logged as one', async () => {
    await ask({ method: 'POST', url: '/v1/captures', payload: {} });
    expect(gateway.logged.filter((line) => line.includes('request failed'))).toEqual([]);
  });
});

describe('a response that is off contract', () => {
  const OFF = { ...CAPTURE, card_number: '4242424242424242' };

  test('fails the request', async () => {
    gateway.desk.answer = OFF;
    expectProblem(await ask(OPERATIONS[1] as Asked), 500, 'internal_error', 'getCapture');
    expect(gateway.logged.join('')).toContain('response_off_contract');
    expect(gateway.logged.join('')).not.toContain('4242');
  });

  test('fails the request when it is a problem that is not declared', async () => {
    gateway.desk.failure = new HushtoneError('odd', 'conflict', 'listCalls knows no conflict.');
    const list = OPERATIONS.find(({ operationId }) => operationId === 'listCalls') as Asked;
    expectProblem(await ask(list), 500, 'internal_error', 'listCalls');
    expect(gateway.logged.join('')).toContain('listCalls 409: no such response is declared');
  });

  test('is let through where responses are not checked', async () => {
    const unchecked = await buildGateway({ checkResponses: false });
    unchecked.desk.answer = OFF;
    const authorization = await bearer();
    const response = await unchecked.http.inject({ url: CAPTURES, headers: { authorization } });
    await unchecked.http.close();
    expect(response.json()).toEqual(OFF);
  });

  test('is found without a handler: the server does not start', async () => {
    const document = structuredClone(CONTRACT.document) as { paths: Record<string, unknown> };
    document.paths['/v1/refunds'] = {
      post: { operationId: 'refund', responses: { 200: { description: '' } } },
    };
    await expect(buildGateway({ contract: { ...CONTRACT, document } })).rejects.toThrow(
      'openapi.yaml has the operation refund and no handler does',
    );
  });
});

describe('health', () => {
  test('is open to everyone', async () => {
    const live = await gateway.http.inject('/health/live');
    expect([live.statusCode, live.json()]).toEqual([200, { status: 'ok', checks: {} }]);
    const ready = await gateway.http.inject('/health/ready');
    expect([ready.statusCode, ready.json()]).toEqual([200, { status: 'ok', checks: { database: 'ok' } }]);
  });

  test('tells what is unavailable', async () => {
    const report = { status: 'unavailable', checks: { database: 'unavailable' } } as const;
    gateway.health = () => Promise.resolve(report);
    const ready = await gateway.http.inject('/health/ready');
    expect([ready.statusCode, ready.json()]).toEqual([503, report]);
    expect((await gateway.http.inject('/health/live')).statusCode).toBe(200);
  });

  test('that cannot be told is a problem', async () => {
    gateway.health = () => Promise.reject(new Error(SECRET));
    expectProblem(await gateway.http.inject('/health/ready'), 500, 'internal_error', 'getReadiness');
  });
});

describe('every answer', () => {
  test.each([
    ['a document', '/health/live', 200],
    ['a refusal', CAPTURES, 401],
    ['an unknown path', '/none', 404],
  ])('has the headers of helmet: %s', async (_, url, status) => {
    const { headers, statusCode } = await gateway.http.inject(url);
    expect(statusCode).toBe(status);
    expect(headers).toMatchObject({
      'content-security-policy': expect.stringContaining("default-src 'none'") as string,
      'strict-transport-security': expect.stringContaining('max-age=') as string,
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'SAMEORIGIN',
      'referrer-policy': 'no-referrer',
    });
    expect(headers).not.toHaveProperty('x-powered-by');
    expect(headers).not.toHaveProperty('server');
  });

  test('is logged by its route, never by its path or query', async () => {
    await ask({ method: 'GET', url: `${CAPTURES}?pan=4242424242424242` });
    await gateway.http.inject('/none/4242424242424242');
    const lines = gateway.logged.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map(({ method, route, httpStatus }) => [method, route, httpStatus])).toEqual([
      ['GET', '/v1/captures/:capture_id', 200],
      ['GET', 'none', 404],
    ]);
    expect(gateway.logged.join('')).not.toContain('4242');
  });
});
