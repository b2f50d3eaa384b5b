import { Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Role } from '../../../src/kernel/roles.ts';
import { SCOPES } from '../../../src/access/principal.ts';
import { createLogger } from '../../../src/kernel/logger.ts';
import { execute } from '../../support/database.ts';
import { createTestHttp, idempotencyKey, type TestHttp } from '../../support/http.ts';

const NUMBER = '+15551112222';
const MASKED = '+1•••••••2222';
const WITHOUT = SCOPES.filter((scope) => scope !== 'numbers:read');

let http: TestHttp;
let log = '';

beforeAll(async () => {
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      log += chunk.toString();
      done();
    },
  });
  http = await createTestHttp({ logger: createLogger('debug', sink) });
});

afterAll(async () => await http.close());

interface Page {
  readonly code?: string;
  readonly calls: { readonly id: string; readonly from: string; readonly state: string }[];
  readonly next_cursor?: string;
}

async function list(roles: readonly Role[], scopes: readonly string[], subject = 'someone'): Promise<Page> {
  const token = await http.token({ roles, scopes, subject });
  const answer = await http.server.inject({
    method: 'GET',
    url: '/v1/calls',
    headers: { authorization: `Bearer ${token}` },
  });
  return answer.json<Page>();
}

async function search(
  payload: object,
  roles: readonly Role[] = ['integrator'],
  scopes: readonly string[] = SCOPES,
  accountId = 'acc_a',
) {
  const token = await http.token({ roles, scopes, accountId });
  const answer = await http.server.inject({
    method: 'POST',
    url: '/v1/calls/search',
    headers: { authorization: `Bearer ${token}` },
    payload,
  });
  return { status: answer.statusCode, ...answer.json<Page>() };
}

describe('a caller is shown', () => {
  beforeAll(async () => void (await http.call({ from: '+1 (555) 111-2222', agentId: 'agent-1' })));

  test.each<[string, readonly Role[], readonly string[], string]>([
    ['an integrator with the scope', ['integrator'], SCOPES, NUMBER],
    ['an integrator without it', ['integrator'], WITHOUT, MASKED],
    ['a supervisor with the scope', ['supervisor'], SCOPES, NUMBER],
    ['a trainee supervisor, whose client is without it', ['supervisor'], WITHOUT, MASKED],
    ['an agent, whatever the scope', ['agent'], SCOPES, MASKED],
    ['someone with two roles of which one may', ['agent', 'supervisor'], SCOPES, NUMBER],
  ])('to %s', async (_who, roles, scopes, shown) => {
    const { calls } = await list(roles, scopes, 'agent-1');
    expect(calls.map(({ from }) => from)).toEqual([shown]);
  });

  test('after a release', async () => {
    const callId = await http.call({ masked: true, agentId: 'agent-released' });
    const answer = await http.server.inject({
      method: 'POST',
      url: `/v1/calls/${callId}/release`,
      headers: { authorization: `Bearer ${await http.token({ scopes: WITHOUT })}` },
    });
    expect(answer.json()).toMatchObject({ id: callId, from: MASKED });
  });
});

describe('a search by number', () => {
  test('finds the calls from it, however it is written, and no others', async () => {
    const mine = await http.call({ from: '+4930123456' });
    await http.call({ from: '+4930123457' });
    for (const from of ['+4930123456', '+49 30 123456', '+49-30-123456']) {
      const { status, calls } = await search({ from });
      expect(status).toBe(200);
      expect(calls).toMatchObject([{ id: mine, from: '+4930123456' }]);
    }
    expect((await search({ from: '+4930123458' })).calls).toEqual([]);
  });

  test("finds nothing of another account's", async () => {
    await http.call({ accountId: 'acc_b', from: '+4930999999' });
    expect((await search({ from: '+4930999999' })).calls).toEqual([]);
    expect((await search({ from: '+4930999999' }, ['integrator'], SCOPES, 'acc_b')).calls).toHaveLength(1);
  });

  test('finds calls that have ended', async () => {
    const callId = await http.call({ from: '+4930777777' });
    await execute(http.db.url, `update calls set state = 'ended', ended_at = now() where id = $1`, [callId]);
    expect((await search({ from: '+4930777777' })).calls).toMatchObject([{ id: callId, state: 'ended' }]);
  });

  test('goes through the pages, the newest first, each call once', async () => {
    const made: string[] = [];
    for (let count = 0; count < 7; count += 1) made.unshift(await http.call({ from: '+4930555555' }));
    const found: string[] = [];
    let cursor: string | undefined;
    const sizes = [];
    do {
      const page = await search({ from: '+4930555555', limit: 3, ...(cursor !== undefined && { cursor }) });
      sizes.push(page.calls.length);
      found.push(...page.calls.map(({ id }) => id));
      cursor = page.next_cursor;
    } while (cursor !== undefined);
    expect(sizes).toEqual([3, 3, 1]);
    expect(found).toEqual(made);
  });

  test.each([
    'x',
    'bm8',
    Buffer.from('[1]').toString('base64url'),
    Buffer.from('["a","b"]').toString('base64url'),
    Buffer.from('[9e99,"call_aaaaaaaaaaaaaaaaaaaaaaaaaa"]').toString('base64url'),
  ])('takes no cursor of somebody else: %s', async (cursor) => {
    expect(await search({ from: NUMBER, cursor })).toMatchObject({ status: 400, code: 'cursor_invalid' });
  });

  test.each<[string, readonly Role[], readonly string[], string]>([
    ['without the scope', ['integrator'], WITHOUT, 'scope_missing'],
    ['in a role that sees no numbers', ['agent'], SCOPES, 'role_forbidden'],
    ['with no role', [], SCOPES, 'role_forbidden'],
  ])('is refused %s: it would tell a number by trying', async (_what, roles, scopes, code) => {
    expect(await search({ from: NUMBER }, roles, scopes)).toMatchObject({ status: 403, code });
  });
});

test('a whole capture leaves the number in no table and no log line', async () => {
  const number = '+14155550123';
  const callId = await http.call({ from: number, agentId: 'agent-trace' });
  const authorization = `Bearer ${await http.token()}`;
  const send = async (url: string, payload?: object) =>
    await http.server.inject({
      method: 'POST',
      url,
      headers: { authorization, ...idempotencyKey() },
      ...(payload && { payload }),
    });
  const started = await send('/v1/captures', { call_id: callId, purpose: 'tokenize' });
  const { id } = started.json<{ id: string }>();
  await send(`/v1/captures/${id}/cancel`);
  await send('/v1/calls/search', { from: number });
  await send(`/v1/calls/${number}/release`);
  await http.captures.settle(5000);

  const parts = [
    '4155550123',
    Buffer.from('4155550123').toString('hex'),
    Buffer.from('4155550123').toString('base64').slice(0, 12),
  ];
  const tables = await execute<{ name: string }>(
    http.db.url,
    `select format('%I.%I', schemaname, tablename) as name from pg_tables
     where schemaname not in ('pg_catalog', 'information_schema')`,
  );
  for (const { name } of tables) {
    for (const part of parts) {
      const found = await execute(http.db.url, `select 1 from ${name} t where strpos(t::text, $1) > 0`, [
        part,
      ]);
      expect([name, part, found]).toEqual([name, part, []]);
    }
  }
  expect(log).toContain('/v1/calls/search');
  for (const part of parts) expect(log).not.toContain(part);
});
