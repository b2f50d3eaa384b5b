import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TokenRequest } from '../../../src/access/access-token.ts';
import type { CapturePage, CaptureResource } from '../../../src/workflows/contract.ts';
import { createTestHttp, type TestHttp } from '../../support/http.ts';

const CHARGE = { purpose: 'charge', amount: { value: 4200, currency: 'EUR' } };

let http: TestHttp;

beforeAll(async () => {
  http = await createTestHttp();
});

afterAll(async () => await http.close());

type Who = Partial<TokenRequest>;

let keys = 0;

async function ask(method: 'GET' | 'POST', url: string, who: Who = {}, payload?: object) {
  keys += 1;
  const answer = await http.server.inject({
    method,
    url,
    headers: { authorization: `Bearer ${await http.token(who)}`, 'idempotency-key': `key-${keys}` },
    ...(payload && { payload }),
  });
  return { status: answer.statusCode, body: answer.json<Record<string, unknown>>() };
}

/** A running capture on a new call. */
async function start(agentId: string, who: Who = {}, accountId = 'acc_a'): Promise<CaptureResource> {
  await http.call({ agentId, accountId });
  const { status, body } = await ask('POST', '/v1/captures', who, { agent_id: agentId, ...CHARGE });
  expect(status).toBe(201);
  return body as unknown as CaptureResource;
}

async function list(query: Record<string, string>, who: Who = {}): Promise<CapturePage> {
  const { status, body } = await ask('GET', `/v1/captures?${new URLSearchParams(query).toString()}`, who);
  expect(body).toHaveProperty('captures');
  expect(status).toBe(200);
  return body as unknown as CapturePage;
}

const idsOf = ({ captures }: CapturePage): string[] => captures.map(({ id }) => id);

describe('pages', () => {
  const started: string[] = [];

  beforeAll(async () => {
    for (let index = 0; index < 5; index += 1) started.unshift((await start(`paged-${index}`)).id);
  });

  test('are the newest first, and hold each capture once', async () => {
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page: CapturePage = await list({ limit: '2', ...(cursor !== undefined && { cursor }) });
      expect(page.captures.length).toBeLessThanOrEqual(2);
      seen.push(...idsOf(page));
      cursor = page.next_cursor;
    } while (cursor !== undefined);
    expect(seen.filter((id) => started.includes(id))).toHaveLength(started.length);
    const { captures } = await list({});
    expect(seen).toEqual(captures.map(({ id }) => id));
    const times = captures.map(({ created_at: at }) => at);
    expect(times).toEqual(times.toSorted().toReversed());
  });

  test('what starts meanwhile changes nothing of the pages that follow', async () => {
    const all = idsOf(await list({}));
    const first = await list({ limit: '3' });
    await start('paged-later');
    const rest = await list({ cursor: first.next_cursor ?? '' });
    expect([...idsOf(first), ...idsOf(rest)]).toEqual(all);
  });

  test('a cursor of another list is refused', async () => {
    const foreign = [[41], ['2026-03-01T09:30:00.000Z', 'call_x'], ['never', started[0]], []].map((place) =>
      Buffer.from(JSON.stringify(place)).toString('base64url'),
    );
    for (const cursor of [...foreign, 'garbage']) {
      const { status, body } = await ask('GET', `/v1/captures?cursor=${cursor}`);
      expect([status, body['code']]).toEqual([400, 'cursor_invalid']);
    }
  });

  test('a page is as long as the contract allows', async () => {
    for (const limit of ['0', '201', 'x']) {
      const { status, body } = await ask('GET', `/v1/captures?limit=${limit}`);
      expect([status, body['code']]).toEqual([400, 'request_invalid']);
    }
  });
});

describe('filters', () => {
  test('by status, agent and call, all of which must hold', async () => {
    const running = await start('filtered-1');
    const over = await start('filtered-2');
    await ask('POST', `/v1/captures/${over.id}/cancel`);
    await http.captures.settle(1000);
    expect(idsOf(await list({ agent_id: 'filtered-1' }))).toEqual([running.id]);
    expect(idsOf(await list({ call_id: over.call_id }))).toEqual([over.id]);
    const cancelled = await list({ status: 'cancelled' });
    expect(idsOf(cancelled)).toContain(over.id);
    expect(new Set(cancelled.captures.map(({ status }) => status))).toEqual(new Set(['cancelled']));
    expect(idsOf(await list({ status: 'cancelled', agent_id: 'filtered-1' }))).toEqual([]);
  });

  test('by the time of its start: from it on, and before it', async () => {
    const { id, created_at: at } = await start('timed');
    const after = new Date(Date.parse(at) + 1).toISOString();
    expect(idsOf(await list({ created_from: at }))).toContain(id);
    expect(idsOf(await list({ created_to: after }))).toContain(id);
    expect(idsOf(await list({ created_from: after }))).not.toContain(id);
    expect(idsOf(await list({ created_to: at }))).not.toContain(id);
  });

  test('a moment that does not exist is refused', async () => {
    const { status, body } = await ask('GET', '/v1/captures?created_from=2016-12-31T23:59:60Z');
    expect([status, body['code']]).toEqual([400, 'time_invalid']);
  });

  test('what is not known is refused', async () => {
    for (const query of ['status=lost', 'agent_id=%00', 'call_id=call_1', 'created_to=yesterday']) {
      const { status, body } = await ask('GET', `/v1/captures?${query}`);
      expect([status, body['code']]).toEqual([400, 'request_invalid']);
    }
  });
});

describe('who sees what', () => {
  test('an agent: the captures on the own calls, and no others by asking for them', async () => {
    const own = await start('seer');
    const other = await start('not-seer');
    const seer: Who = { subject: 'seer', roles: ['agent'] };
    expect(idsOf(await list({}, seer))).toEqual([own.id]);
    expect(idsOf(await list({ agent_id: 'not-seer' }, seer))).toEqual([]);
    expect(idsOf(await list({ call_id: other.call_id }, seer))).toEqual([]);
  });

  test('a supervisor: those that run', async () => {
    const running = await start('watched');
    const over = await start('was-watched');
    await ask('POST', `/v1/captures/${over.id}/cancel`);
    await http.captures.settle(1000);
    const seen = idsOf(await list({}, { roles: ['supervisor'] }));
    expect(seen).toContain(running.id);
    expect(seen).not.toContain(over.id);
    const both: Who = { subject: 'was-watched', roles: ['supervisor', 'agent'] };
    expect(idsOf(await list({ limit: '200' }, both))).toEqual(expect.arrayContaining([running.id, over.id]));
  });

  test("a grant: its own captures, not those of the same agent's calls", async () => {
    const before = await start('granted');
    await ask('POST', `/v1/captures/${before.id}/cancel`);
    await http.captures.settle(1000);
    const grant = await ask('POST', '/v1/grants', {}, { agent_id: 'granted', ...CHARGE, uses: 'many' });
    const page: Who = { subject: 'granted', roles: ['agent'], grantId: grant.body['id'] as string };
    expect(idsOf(await list({}, page))).toEqual([]);
    const { status, body } = await ask('POST', '/v1/captures', page, {
      call_id: await http.call({ agentId: 'granted' }),
      ...CHARGE,
    });
    expect(status).toBe(201);
    expect(idsOf(await list({}, page))).toEqual([body['id']]);
  });

  test('another account: nothing of this one', async () => {
    const mine = await start('ours');
    const theirs = await start('theirs', { accountId: 'acc_b' }, 'acc_b');
    const seen = idsOf(await list({ limit: '200' }, { accountId: 'acc_b' }));
    expect(seen).toContain(theirs.id);
    expect(seen).not.toContain(mine.id);
    expect(idsOf(await list({ limit: '200' }))).not.toContain(theirs.id);
  });
});
