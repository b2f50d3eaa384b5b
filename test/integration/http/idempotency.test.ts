import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { TokenRequest } from '../../../src/access/access-token.ts';
import type { Database } from '../../../src/db/database.ts';
import { HushtoneError } from '../../../src/kernel/errors.ts';
import { silentLogger } from '../../../src/kernel/logger.ts';
import type { Actor, IdempotencyClaim } from '../../../src/workflows/contract.ts';
import { cleanIdempotencyKeys, Idempotency } from '../../../src/workflows/idempotency.ts';
import { createTestDatabase, execute, type TestDatabase } from '../../support/database.ts';
import { HandClock } from '../../support/hand-clock.ts';
import { createTestHttp, type TestHttp } from '../../support/http.ts';
import { ManualClock } from '../../support/manual-clock.ts';

type Json = Record<string, unknown>;

const HOUR = 3600;
const CHARGE = { purpose: 'charge', amount: { value: 4200, currency: 'EUR' } };
const NUMBER = '+14155550123';

const clock = new HandClock();
let db: TestDatabase;
/** Two instances on one database. */
let http: TestHttp;
let other: TestHttp;

beforeAll(async () => {
  db = await createTestDatabase({ poolSize: 10 });
  http = await createTestHttp({ db, clock });
  other = await createTestHttp({ db, clock, keys: http.keys });
});

afterAll(async () => {
  await other.close();
  await http.close();
  await db.close();
});

let count = 0;
let key: string;
let agentId: string;

beforeEach(() => {
  count += 1;
  key = `request-${count}`;
  agentId = `agent-${count}`;
});

interface Answer {
  readonly status: number;
  readonly code: unknown;
  readonly body: Json;
  readonly location: unknown;
  readonly replayed: unknown;
}

async function post(
  url: string,
  payload?: object,
  { by = http, header = key, who = {} }: { by?: TestHttp; header?: string; who?: Partial<TokenRequest> } = {},
): Promise<Answer> {
  const answer = await by.server.inject({
    method: 'POST',
    url,
    headers: {
      authorization: `Bearer ${await by.token(who)}`,
      ...(header !== '' && { 'idempotency-key': header }),
    },
    ...(payload && { payload }),
  });
  const body = answer.json<Json>();
  return {
    status: answer.statusCode,
    code: body['code'],
    body,
    location: answer.headers['location'],
    replayed: answer.headers['idempotent-replayed'],
  };
}

/** A call that both instances carry. */
async function connect(change: { from?: string; masked?: boolean } = {}): Promise<string> {
  const callId = await http.call({ agentId, ...change });
  const call = http.calls.get(callId);
  if (call !== undefined) other.calls.set(call);
  return callId;
}

const rowsOf = async (table: string): Promise<number> => {
  const column = table === 'captures' ? `view ->> 'reference'` : 'agent_id';
  const [row] = await execute<{ n: number }>(
    db.url,
    `select count(*)::int as n from ${table} where ${column} = $1`,
    [agentId],
  );
  return row?.n ?? 0;
};

const keptRows = async (): Promise<number> =>
  (await execute<{ n: number }>(db.url, 'select count(*)::int as n from idempotency_keys'))[0]?.n ?? 0;

const capture = (): object => ({ agent_id: agentId, ...CHARGE, reference: agentId });
const grant = (): object => ({ agent_id: agentId, ...CHARGE });

describe('a key', () => {
  test.each([
    ['/v1/captures', CHARGE],
    ['/v1/grants', { agent_id: 'agent-1', ...CHARGE }],
    ['/v1/captures/cap_0123ab0123ab0123ab0123ab01/submit', undefined],
  ])('is needed for %s', async (url, payload) => {
    expect(await post(url, payload, { header: '' })).toMatchObject({
      status: 400,
      code: 'idempotency_key_missing',
    });
  });

  test('is not needed elsewhere, and a request without one leaves no row', async () => {
    await connect();
    const { body } = await post('/v1/captures', capture());
    const before = await keptRows();
    expect(await post(`/v1/captures/${String(body['id'])}/cancel`, undefined, { header: '' })).toMatchObject({
      status: 200,
      replayed: undefined,
    });
    expect(await keptRows()).toBe(before);
  });

  test.each(['a b', 'x'.repeat(65), '"open', 'ä'])('like %j is refused', async (header) => {
    for (const url of ['/v1/captures', '/v1/captures/cap_0123ab0123ab0123ab0123ab01/cancel']) {
      expect(await post(url, CHARGE, { header })).toMatchObject({
        status: 400,
        code: 'idempotency_key_invalid',
      });
    }
  });

  test('of a request that does not fit the contract is not claimed', async () => {
    const before = await keptRows();
    expect(await post('/v1/grants', { agent_id: agentId })).toMatchObject({ code: 'request_invalid' });
    expect(await keptRows()).toBe(before);
    expect(await post('/v1/grants', grant())).toMatchObject({ status: 201, replayed: undefined });
  });

  test.each([
    ['client', { clientId: 'other' }],
    ['subject', { subject: 'other' }],
    ['account', { accountId: 'acc_b' }],
  ])('is the own of its %s', async (_whose, who) => {
    await http.call({ accountId: 'acc_b', agentId: 'somebody' });
    const mine = await post('/v1/grants', grant());
    const theirs = await post('/v1/grants', { ...grant(), purpose: 'authorize' }, { who });
    expect([mine.status, theirs.status]).toEqual([201, 201]);
    expect(theirs.body['id']).not.toBe(mine.body['id']);
  });
});

describe('the same request again', () => {
  test('is answered as the first time, by any instance', async () => {
    await connect();
    const first = await post('/v1/captures', capture());
    expect(first).toMatchObject({ status: 201, replayed: undefined });
    await post(`/v1/captures/${String(first.body['id'])}/cancel`, undefined, { header: `${key}-cancel` });
    for (const by of [http, other]) {
      expect(await post('/v1/captures', capture(), { by })).toEqual({ ...first, replayed: 'true' });
    }
    expect(await post('/v1/captures', capture(), { header: `"${key}"` })).toMatchObject({ replayed: 'true' });
    expect(await rowsOf('captures')).toBe(1);
  });

  test('is refused as the first time, once it was held against the state of things', async () => {
    const first = await post('/v1/captures', capture());
    expect(first).toMatchObject({ status: 404, code: 'call_not_found' });
    await connect();
    expect(await post('/v1/captures', capture())).toEqual({ ...first, replayed: 'true' });
    expect(await post('/v1/captures', capture(), { header: `${key}-new` })).toMatchObject({ status: 201 });
  });

  test('does not know the order of members, and knows everything else', async () => {
    const first = await post('/v1/grants', grant());
    const turned = Object.fromEntries(Object.entries(grant()).toReversed());
    expect((await post('/v1/grants', turned)).body['id']).toBe(first.body['id']);
    const mismatch = { status: 422, code: 'idempotency_mismatch', replayed: undefined };
    expect(await post('/v1/grants', { ...grant(), uses: 'many' })).toMatchObject(mismatch);
    expect(await post(`/v1/grants/${String(first.body['id'])}/revoke`)).toMatchObject(mismatch);
    expect(await rowsOf('capture_grants')).toBe(1);
  });
});

describe('two instances that get the same key at once', () => {
  const AT_ONCE = 6;

  test.each([
    ['/v1/captures', capture, 'captures'],
    ['/v1/grants', grant, 'capture_grants'],
  ])('do it once: %s', async (url, request, table) => {
    for (let round = 0; round < 3; round += 1) {
      count += 1;
      key = `request-${count}`;
      agentId = `agent-${count}`;
      await connect();
      const answers = await Promise.all(
        Array.from({ length: AT_ONCE }, async (_, n) =>
          post(url, request(), { by: n % 2 === 0 ? http : other }),
        ),
      );
      expect(await rowsOf(table)).toBe(1);
      const made = answers.filter(({ status, replayed }) => status === 201 && replayed === undefined);
      expect(made).toHaveLength(1);
      // What made it, what was told again, and who came in between.
      const expected = [`201 ${String(made[0]?.body['id'])}`, '409 idempotency_in_flight'];
      for (const { status, body, code } of answers) {
        expect(expected).toContain(`${status} ${String(code ?? body['id'])}`);
      }
    }
  });
});

describe('after 24 hours', () => {
  test('a key is new', async () => {
    const first = await post('/v1/grants', grant());
    clock.pass(24 * HOUR - 1);
    expect(await post('/v1/grants', grant())).toMatchObject({ replayed: 'true' });
    clock.pass(1);
    const later = await post('/v1/grants', { ...grant(), uses: 'many' });
    expect(later).toMatchObject({ status: 201, replayed: undefined });
    expect(later.body['id']).not.toBe(first.body['id']);
    expect(await post('/v1/grants', { ...grant(), uses: 'many' })).toMatchObject({ replayed: 'true' });
  });

  test('its row is deleted, and no younger one', async () => {
    clock.pass(25 * HOUR);
    await cleanIdempotencyKeys({ database: db.database, clock });
    expect(await keptRows()).toBe(0);
    await post('/v1/grants', grant());
    clock.pass(12 * HOUR);
    await post('/v1/grants', grant(), { header: `${key}-later` });
    clock.pass(12 * HOUR);
    expect(await cleanIdempotencyKeys({ database: db.database, clock })).toBe(1);
    expect(await keptRows()).toBe(1);
  });
});

describe('a process that died', () => {
  /** Works on requests and never comes to keep an answer. */
  let dying: TestHttp;
  const unsettled: IdempotencyClaim[] = [];
  let desk: Idempotency;
  beforeAll(async () => {
    desk = new Idempotency({ database: db.database, clock, logger: silentLogger });
    dying = await createTestHttp({
      db,
      clock,
      keys: http.keys,
      idempotency: {
        begin: async (actor, request) => await desk.begin(actor, request),
        keep: async (claim) => void unsettled.push(claim),
        release: async (claim) => void unsettled.push(claim),
        abandon: async (claim) => void unsettled.push(claim),
      },
    });
  });
  afterAll(async () => await dying.close());

  test('before it did anything is followed by a retry, a minute later', async () => {
    await post('/v1/captures', capture(), { by: dying });
    await connect();
    clock.pass(59);
    expect(await post('/v1/captures', capture())).toMatchObject({ code: 'idempotency_in_flight' });
    clock.pass(1);
    const taken = await post('/v1/captures', capture(), { by: other });
    expect(taken).toMatchObject({ status: 201, replayed: undefined });
    expect(await post('/v1/captures', capture())).toEqual({ ...taken, replayed: 'true' });
  });

  test('after it had made the capture is followed by a retry that gets this capture', async () => {
    // Carried by the dying one alone: the others would have to refuse a new capture.
    await dying.call({ agentId });
    const made = await post('/v1/captures', capture(), { by: dying });
    expect(made.status).toBe(201);
    clock.pass(61);
    const retried = await post('/v1/captures', capture(), { by: other });
    expect(retried).toMatchObject({
      status: 201,
      body: { id: made.body['id'] },
      location: made.location,
      replayed: undefined,
    });
    expect(await rowsOf('captures')).toBe(1);
    expect(await post('/v1/captures', capture())).toEqual({ ...retried, replayed: 'true' });
  });

  test('after it had used up a grant too', async () => {
    await dying.call({ agentId });
    const { body } = await post('/v1/grants', grant());
    const who = {
      grantId: body['id'] as string,
      subject: agentId,
      roles: [],
      scopes: ['captures:write', 'captures:read'],
    };
    const made = await post('/v1/captures', CHARGE, { by: dying, who });
    expect(made.status).toBe(201);
    clock.pass(61);
    const retried = await post('/v1/captures', CHARGE, { by: other, who });
    expect(retried).toMatchObject({ status: 201, body: { id: made.body['id'] } });
  });

  test('is followed by one of those that try at once', async () => {
    await post('/v1/captures', capture(), { by: dying });
    await connect();
    clock.pass(61);
    const answers = await Promise.all(
      [http, other, http, other].map(async (by) => await post('/v1/captures', capture(), { by })),
    );
    expect(answers.filter(({ status, replayed }) => status === 201 && replayed === undefined)).toHaveLength(
      1,
    );
    expect(await rowsOf('captures')).toBe(1);
  });

  test('and was only slow changes nothing any more', async () => {
    await post('/v1/captures', capture(), { by: dying });
    const slow = unsettled.at(-1);
    await connect();
    clock.pass(61);
    const taken = await post('/v1/captures', capture(), { by: other });
    if (slow === undefined) throw new Error('nothing was claimed');
    await desk.keep(slow, { status: 404, body: { code: 'call_not_found' } });
    await desk.release(slow);
    expect(await post('/v1/captures', capture())).toEqual({ ...taken, replayed: 'true' });
  });

  test('and was only slow neither frees nor gives up the key that another works under', async () => {
    await post('/v1/captures', capture(), { by: dying });
    const slow = unsettled.at(-1);
    await connect();
    clock.pass(61);
    await post('/v1/captures', capture(), { by: dying });
    const current = unsettled.at(-1);
    if (slow === undefined || current === undefined) throw new Error('nothing was claimed');
    expect(current).toMatchObject({ id: slow.id, takenOver: true });
    const inFlight = { status: 409, code: 'idempotency_in_flight' };
    await desk.release(slow);
    expect(await post('/v1/captures', capture())).toMatchObject(inFlight);
    await desk.abandon(slow);
    expect(await post('/v1/captures', capture())).toMatchObject(inFlight);
    await desk.keep(slow, { status: 404, body: { code: 'call_not_found' } });
    expect(await post('/v1/captures', capture())).toMatchObject(inFlight);
    // Whoever has it may.
    await desk.abandon(current);
    expect(await post('/v1/captures', capture())).toMatchObject({ status: 201, replayed: undefined });
  });

  test('is no excuse for another request under its key', async () => {
    await post('/v1/captures', capture(), { by: dying });
    clock.pass(61);
    expect(await post('/v1/captures', { ...capture(), purpose: 'authorize' })).toMatchObject({ status: 422 });
  });
});

describe('an answer that is not kept', () => {
  test.each([
    ['unavailable', 503, 'database_unavailable'],
    ['internal', 500, 'internal_error'],
    ['forbidden', 403, 'role_forbidden'],
    ['unauthenticated', 401, 'grant_ended'],
    ['limited', 429, 'rate_limited'],
    ['invalid', 400, 'amount_not_allowed'],
  ] as const)('%s', async (kind, status, code) => {
    let fails = true;
    const { grants } = http;
    const failing = await createTestHttp({
      db,
      clock,
      keys: http.keys,
      grants: {
        create: async (actor, request) => {
          if (fails) throw new HushtoneError(code, kind, 'It went wrong.');
          return await grants.create(actor, request);
        },
        get: async (actor, id) => await grants.get(actor, id),
        revoke: async (actor, id) => await grants.revoke(actor, id),
        check: async (actor) => await grants.check(actor),
        watch: (actor, ended) => grants.watch(actor, ended),
      },
    });
    try {
      const before = await keptRows();
      expect(await post('/v1/grants', grant(), { by: failing })).toMatchObject({ status, code });
      // What failed may have been done all the same: the key stays that request's.
      expect(await keptRows()).toBe(status >= 500 ? before + 1 : before);
      fails = false;
      const again = await post('/v1/grants', grant(), { by: failing });
      expect(again).toMatchObject({ status: 201, replayed: undefined });
    } finally {
      await failing.close();
    }
  });
});

describe('what a row holds', () => {
  const content = async (): Promise<string> => {
    const rows = await execute<{ text: string }>(db.url, 'select k::text as text from idempotency_keys k');
    return rows.map(({ text }) => text).join('\n');
  };

  test("no grant's token, and a replay is without it", async () => {
    const first = await post('/v1/grants', grant());
    const token = first.body['token'] as string;
    expect(token).toMatch(/^ey/);
    const { token: _token, ...rest } = first.body;
    expect(await post('/v1/grants', grant())).toEqual({ ...first, body: rest, replayed: 'true' });
    expect(await content()).toContain(String(first.body['id']));
    expect(await content()).not.toContain(token.slice(0, 20));
    expect(await content()).not.toContain(key);
  });

  test("no webhook's secret, and a replay is without it", async () => {
    const request = { url: 'https://hooks.example.com/in' };
    const first = await post('/v1/webhooks', request);
    const { secret, ...rest } = first.body;
    expect(secret).toMatch(/^whsec_/);
    expect(await post('/v1/webhooks', request)).toEqual({ ...first, body: rest, replayed: 'true' });
    const rotate = `/v1/webhooks/${String(rest['id'])}/rotate`;
    const rotated = await post(rotate, {}, { header: `${key}-rotate` });
    expect(rotated.body['secret']).toMatch(/^whsec_/);
    const again = await post(rotate, {}, { header: `${key}-rotate` });
    expect(again).toMatchObject({ status: 200, replayed: 'true' });
    expect(again.body).not.toHaveProperty('secret');
    expect(await content()).not.toContain('whsec_');
  });

  test("no caller's number, and a replay shows it masked", async () => {
    const callId = await connect({ from: NUMBER, masked: true });
    const url = `/v1/calls/${callId}/release`;
    expect(await post(url)).toMatchObject({ status: 200, body: { from: NUMBER } });
    expect(await post(url)).toMatchObject({ replayed: 'true', body: { id: callId, from: '+1•••••••0123' } });
    await post('/v1/calls/search', { from: NUMBER }, { header: `${key}-search` });
    expect(await content()).not.toContain(NUMBER.slice(2));
  });

  test.each(['token', 'secret'])('is refused by the database with a %s in it', async (name) => {
    const write = db.database.transaction('acc_a', (tx) =>
      tx.query(`update idempotency_keys set body = jsonb_build_object($1::text, 'x') where state = 'done'`, [
        name,
      ]),
    );
    await expect(write).rejects.toMatchObject({ constraint: 'idempotency_keys_no_secret' });
  });
});

test('the answer is given when it cannot be kept, and is kept as soon as it can', async () => {
  const manual = new ManualClock();
  let failures = 3;
  const failing: Database = {
    ...db.database,
    transaction: async (accountId, work) => {
      if (failures-- > 0) throw new Error('the connection is lost');
      return await db.database.transaction(accountId, work);
    },
  };
  const actor: Actor = {
    accountId: 'acc_a',
    subject: 'integrator',
    clientId: 'client',
    roles: ['integrator'],
    scopes: new Set(),
    reach: ['account'],
  };
  const request = { key, operation: 'createGrant', method: 'POST', path: '/v1/grants', body: {} };
  const steady = new Idempotency({ database: db.database, clock: manual, logger: silentLogger });
  const shaky = new Idempotency({ database: failing, clock: manual, logger: silentLogger });
  const begun = await steady.begin(actor, request);
  if ('answer' in begun) throw new Error('was answered');
  await shaky.keep(begun.claim, { status: 201, body: { id: 'gnt' }, location: '/v1/grants/gnt' });
  await expect(steady.begin(actor, request)).rejects.toMatchObject({ code: 'idempotency_in_flight' });
  // The first repetition fails too, the second does not.
  for (const wait of [100, 500]) {
    await expect.poll(() => manual.pending).toBe(1);
    manual.advance(wait);
  }
  await expect
    .poll(async () => await steady.begin(actor, request).catch((error: HushtoneError) => error.code))
    .toEqual({ answer: { status: 201, body: { id: 'gnt' }, location: '/v1/grants/gnt' } });
});
