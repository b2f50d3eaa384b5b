import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Clock } from '../../../src/kernel/clock.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { execute } from '../../support/database.ts';
import { createTestHttp, idempotencyKey, type TestHttp } from '../../support/http.ts';

type Json = Record<string, unknown>;

const CHARGE = { purpose: 'charge', amount: { value: 4200, currency: 'EUR' } };

/** Real time, a little later when a test says so. */
let aheadMs = 0;
const clock: Clock = { ...systemClock, now: () => new Date(Date.now() + aheadMs) };

let http: TestHttp;
let integrator: string;

beforeAll(async () => {
  http = await createTestHttp({ clock });
  integrator = await http.token({ lifetimeSeconds: 86_400 });
});

afterAll(async () => await http.close());

async function send(method: string, url: string, token: string, payload?: object) {
  const answer = await http.server.inject({
    method: method as 'GET',
    url,
    headers: { authorization: `Bearer ${token}`, ...idempotencyKey() },
    ...(payload && { payload }),
  });
  const body = answer.body === '' ? {} : answer.json<Json>();
  return {
    status: answer.statusCode,
    code: body['code'],
    id: body['id'] as string,
    body,
    headers: answer.headers,
  };
}

let agents = 0;
const newAgent = (): string => `agent-${(agents += 1)}`;

interface Given {
  readonly id: string;
  readonly token: string;
}

async function grant(agentId: string, wishes: object = {}): Promise<Given> {
  const { status, body } = await send('POST', '/v1/grants', integrator, {
    agent_id: agentId,
    ...CHARGE,
    ...wishes,
  });
  expect(status).toBe(201);
  return { id: body['id'] as string, token: body['token'] as string };
}

const start = async (token: string, request: object = CHARGE) =>
  await send('POST', '/v1/captures', token, request);

const read = async (grantId: string): Promise<Json> =>
  (await send('GET', `/v1/grants/${grantId}`, integrator)).body;

test('an agent page starts, steers and watches its capture, and nothing else', async () => {
  const agentId = newAgent();
  await http.call({ agentId });
  const { id, token } = await grant(agentId);
  const started = await start(token);
  expect(started.status).toBe(201);
  const path = `/v1/captures/${started.id}`;
  expect((await send('GET', path, token)).body).toMatchObject({ ...CHARGE });
  expect((await send('HEAD', `${path}/events`, token)).status).toBe(200);
  for (const command of ['pause', 'resume']) {
    expect((await send('POST', `${path}/${command}`, token)).status).toBe(200);
  }
  expect((await send('POST', `${path}/clear`, token, { field: 'expiry' })).status).toBe(200);
  expect((await send('POST', `${path}/cancel`, token)).body).toMatchObject({ status: 'cancelled' });

  expect((await send('GET', '/v1/calls', token)).code).toBe('role_forbidden');
  expect((await send('GET', `${path}/evidence`, token)).code).toBe('role_forbidden');
  expect((await send('GET', `/v1/grants/${id}`, token)).code).toBe('role_forbidden');
  expect(await read(id)).toMatchObject({ status: 'used', use_count: 1 });
});

test('a grant with its token is kept by nothing on its way (RFC 6749 section 5.1)', async () => {
  const { headers, body } = await send('POST', '/v1/grants', integrator, { agent_id: newAgent(), ...CHARGE });
  expect(body['token']).toMatch(/^ey/);
  expect(headers['cache-control']).toBe('no-store');
});

test.each<[string, object, string]>([
  ['an agent who is named like a card', { ...CHARGE, agent_id: '4012001037141112' }, 'agent_id_like_card'],
  ['money that tokenize does not move', { ...CHARGE, purpose: 'tokenize' }, 'amount_not_allowed'],
])('no grant is given for %s', async (_what, wishes, code) => {
  const answer = await send('POST', '/v1/grants', integrator, { agent_id: newAgent(), ...wishes });
  expect([answer.status, answer.code]).toEqual([400, code]);
  expect(JSON.stringify(answer.body)).not.toContain('4012');
});

describe('what a grant is for', () => {
  test('fills in what the request leaves out', async () => {
    const agentId = newAgent();
    const callId = await http.call({ agentId });
    const fields = [{ field: 'card_number' }, { field: 'postal_code' }];
    const { token } = await grant(agentId, { call_id: callId, fields });
    const { status, body } = await start(token, { purpose: 'charge' });
    expect(status).toBe(201);
    expect(body).toMatchObject({ call_id: callId, amount: CHARGE.amount });
    expect((body['fields'] as { field: string }[]).map(({ field }) => field)).toEqual([
      'card_number',
      'postal_code',
    ]);
  });

  test('is in a currency that is in use, as a capture is', async () => {
    const agentId = newAgent();
    await http.call({ agentId });
    const request = { agent_id: agentId, purpose: 'charge', amount: { value: 4200, currency: 'XXQ' } };
    for (const path of ['/v1/grants', '/v1/captures']) {
      expect(await send('POST', path, integrator, request)).toMatchObject({
        status: 400,
        code: 'currency_unknown',
        body: { detail: expect.stringMatching(/^amount\/currency is no currency/) as string },
      });
    }
    const written = await execute(
      http.db.url,
      `select id from capture_grants where currency = 'XXQ' union all
       select id from captures where currency = 'XXQ' union all select id from payments where currency = 'XXQ'`,
    );
    expect(written).toEqual([]);
  });

  test.each([0, -1, 1.5, 100_000_000, Number.MAX_SAFE_INTEGER])('is no capture of %d', async (value) => {
    const agentId = newAgent();
    await http.call({ agentId });
    const request = { agent_id: agentId, purpose: 'charge', amount: { value, currency: 'EUR' } };
    expect(await send('POST', '/v1/captures', integrator, request)).toMatchObject({
      status: 400,
      code: 'request_invalid',
      body: { problems: [{ pointer: '/body/amount/value' }] },
    });
  });

  test.each<[string, object]>([
    ['agent', { ...CHARGE, agent_id: 'agent-other' }],
    ['purpose', { purpose: 'authorize', amount: CHARGE.amount }],
    ['purpose without money', { purpose: 'tokenize' }],
    ['amount', { ...CHARGE, amount: { value: 4201, currency: 'EUR' } }],
    ['currency', { ...CHARGE, amount: { value: 4200, currency: 'USD' } }],
    ['fields', { ...CHARGE, fields: [{ field: 'card_number' }] }],
    ['order of fields', { ...CHARGE, fields: [{ field: 'expiry' }, { field: 'card_number' }] }],
  ])('holds for the %s', async (_what, request) => {
    const agentId = newAgent();
    await http.call({ agentId });
    const fields = [{ field: 'card_number' }, { field: 'expiry' }];
    const { id, token } = await grant(agentId, { fields });
    const { status, code } = await start(token, request);
    expect([status, code]).toEqual([403, 'grant_mismatch']);
    expect(await read(id)).toMatchObject({ status: 'active', use_count: 0 });
  });

  test('holds for the call', async () => {
    const agentId = newAgent();
    const [callId, other] = [await http.call({ agentId }), await http.call({ agentId })];
    const { token } = await grant(agentId, { call_id: callId });
    expect(await start(token, { ...CHARGE, call_id: other })).toMatchObject({
      status: 403,
      code: 'grant_mismatch',
    });
    expect(await start(token, { ...CHARGE, agent_id: agentId })).toMatchObject({
      status: 201,
      body: { call_id: callId },
    });
  });

  test("reaches no other agent's call", async () => {
    const agentId = newAgent();
    const other = await http.call({ agentId: newAgent() });
    const { token } = await grant(agentId);
    expect(await start(token, { ...CHARGE, call_id: other })).toMatchObject({
      status: 404,
      code: 'call_not_found',
    });
    expect(
      await send('POST', '/v1/grants', integrator, { agent_id: agentId, call_id: other, ...CHARGE }),
    ).toMatchObject({ status: 404, code: 'call_not_found' });
  });
});

describe('how often', () => {
  test('once: a second capture is refused, and one that did not start does not count', async () => {
    const agentId = newAgent();
    await http.call({ agentId });
    const blocking = await start(integrator, { ...CHARGE, agent_id: agentId });
    const { id, token } = await grant(agentId);
    expect(await start(token)).toMatchObject({ status: 409, code: 'capture_running' });
    expect(await read(id)).toMatchObject({ status: 'active', use_count: 0 });
    await send('POST', `/v1/captures/${blocking.id}/cancel`, integrator);
    await http.captures.settle(1000);
    const mine = await start(token);
    expect(mine.status).toBe(201);
    await send('POST', `/v1/captures/${mine.id}/cancel`, token);
    await http.captures.settle(1000);
    expect(await start(token)).toMatchObject({ status: 409, code: 'grant_used' });
    expect(await read(id)).toMatchObject({ status: 'used', use_count: 1 });
  });

  test('once, asked for on many calls at the same moment: one', async () => {
    const agentId = newAgent();
    const calls = [];
    for (let count = 0; count < 6; count += 1) calls.push(await http.call({ agentId }));
    const { id, token } = await grant(agentId);
    const answers = await Promise.all(
      calls.map(async (call_id) => await start(token, { ...CHARGE, call_id })),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ code }) => code === 'grant_used')).toHaveLength(5);
    expect(await read(id)).toMatchObject({ use_count: 1 });
  });

  test('many: every one counts', async () => {
    const agentId = newAgent();
    const calls = [await http.call({ agentId }), await http.call({ agentId }), await http.call({ agentId })];
    const { id, token } = await grant(agentId, { uses: 'many' });
    const answers = await Promise.all(
      calls.map(async (call_id) => await start(token, { ...CHARGE, call_id })),
    );
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201]);
    for (const capture of answers) {
      expect((await send('GET', `/v1/captures/${capture.id}`, token)).status).toBe(200);
    }
    expect(await read(id)).toMatchObject({ status: 'active', use_count: 3 });
  });
});

describe('how long', () => {
  test.each([0, 9, 901, 1.5, '60'])('not %s seconds', async (seconds) => {
    const { status, code } = await send('POST', '/v1/grants', integrator, {
      agent_id: newAgent(),
      ...CHARGE,
      expires_in_seconds: seconds,
    });
    expect([status, code]).toEqual([400, 'request_invalid']);
  });

  test('no longer than it says, although a token has a tolerance for clocks', async () => {
    const agentId = newAgent();
    await http.call({ agentId });
    const { id, token } = await grant(agentId, { expires_in_seconds: 60 });
    const started = await start(token);
    expect(started.status).toBe(201);
    aheadMs = 61_000;
    try {
      const { status, code, headers } = await send('GET', `/v1/captures/${started.id}`, token);
      expect([status, code]).toEqual([401, 'grant_ended']);
      expect(headers['www-authenticate']).toBe('Bearer error="invalid_token"');
      expect(await read(id)).toMatchObject({ status: 'expired' });
    } finally {
      aheadMs = 0;
    }
  });

  test('until it is revoked', async () => {
    const agentId = newAgent();
    await http.call({ agentId });
    const { id, token } = await grant(agentId, { uses: 'many' });
    const path = `/v1/captures/${(await start(token)).id}`;
    expect((await send('GET', path, token)).status).toBe(200);
    const revoked = await send('POST', `/v1/grants/${id}/revoke`, integrator);
    expect(revoked).toMatchObject({ status: 200, body: { status: 'revoked' } });
    for (const [method, url] of [
      ['GET', path],
      ['POST', `${path}/cancel`],
      ['HEAD', `${path}/events`],
      ['POST', '/v1/captures'],
    ] as const) {
      expect((await send(method, url, token)).status).toBe(401);
    }
    // Once more says the same and changes nothing.
    expect((await send('POST', `/v1/grants/${id}/revoke`, integrator)).body).toEqual(revoked.body);
  });
});

describe('a stream that a grant opened', () => {
  let origin: string;
  beforeAll(async () => {
    origin = await http.server.listen({ host: '127.0.0.1', port: 0 });
  });

  async function follow(): Promise<{ id: string; body: ReadableStreamDefaultReader<Uint8Array> }> {
    const agentId = newAgent();
    await http.call({ agentId });
    const { id, token } = await grant(agentId);
    const started = await start(token);
    const answer = await fetch(`${origin}/v1/captures/${started.id}/events`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(answer.status).toBe(200);
    const reader = answer.body?.getReader();
    if (reader === undefined) throw new Error('the answer has no body');
    const first = await reader.read();
    expect(Buffer.from(first.value ?? []).toString()).toContain('event: capture.status');
    return { id, body: reader };
  }

  async function untilCut(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
    for (;;) if ((await reader.read()).done) return;
  }

  test('is cut when the grant is revoked', async () => {
    const { id, body } = await follow();
    await send('POST', `/v1/grants/${id}/revoke`, integrator);
    await expect(untilCut(body)).rejects.toThrow(/terminated/);
  });

  test('is cut when another process revokes the grant', async () => {
    const { id, body } = await follow();
    await execute(http.db.url, 'update capture_grants set revoked_at = now() where id = $1', [id]);
    await expect(untilCut(body)).rejects.toThrow(/terminated/);
  });

  test('is cut when the grant runs out', async () => {
    const { body } = await follow();
    aheadMs = 301_000;
    await expect(untilCut(body)).rejects.toThrow(/terminated/);
    aheadMs = 0;
  });
});

describe('the record', () => {
  test('names who gave, used and revoked a grant', async () => {
    const agentId = newAgent();
    await http.call({ agentId });
    const { id, token } = await grant(agentId);
    const capture = (await start(token)).body['id'];
    await send('POST', `/v1/grants/${id}/revoke`, integrator);
    const rows = await execute<{ record: string }>(
      http.db.url,
      `select record from audit_records where account_id = 'acc_a' and object_id = $1 order by sequence`,
      [id],
    );
    const records = rows.map(({ record }) => JSON.parse(record) as Json);
    const client = { kind: 'client', client_id: 'client', subject: 'integrator' };
    expect(records).toMatchObject([
      { operation: 'grant.create', result: 'done', actor: client, after: { agent_id: agentId, ...CHARGE } },
      {
        operation: 'grant.use',
        actor: { kind: 'grant', subject: agentId, grant_id: id },
        after: { capture_id: capture },
      },
      { operation: 'grant.revoke', actor: client, before: { revoked_at: null } },
    ]);
  });

  test('holds no token, nor does any other table', async () => {
    const { token } = await grant(newAgent());
    const signature = token.split('.')[2] ?? '';
    expect(signature).toHaveLength(86);
    const tables = await execute<{ name: string }>(
      http.db.url,
      `select format('%I.%I', schemaname, tablename) as name from pg_tables
       where schemaname not in ('pg_catalog', 'information_schema')`,
    );
    expect(tables.length).toBeGreaterThan(5);
    for (const { name } of tables) {
      const found = await execute(http.db.url, `select 1 from ${name} t where strpos(t::text, $1) > 0`, [
        signature,
      ]);
      expect([name, found]).toEqual([name, []]);
    }
  });
});
