import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canonicalJson } from '../../../src/audit/canonical-json.ts';
import { GENESIS_HASH, hashOf, type AuditRecord } from '../../../src/audit/chain.ts';
import type { ExportManifest } from '../../../src/audit/export.ts';
import { appendAudit } from '../../../src/audit/store.ts';
import type { AuditPage } from '../../../src/workflows/contract.ts';
import { createTestHttp, type TestHttp } from '../../support/http.ts';

const ACCOUNT = 'acc_a';
let http: TestHttp;
let auditor: string;

beforeAll(async () => {
  http = await createTestHttp();
  auditor = await http.token({ roles: ['auditor'], subject: 'vera' });
  await http.db.database.transaction(ACCOUNT, async (tx) => {
    await appendAudit(
      tx,
      Array.from({ length: 12 }, (_, index) => ({
        accountId: ACCOUNT,
        actor: {
          kind: 'client' as const,
          clientId: index < 4 ? 'desk' : 'panel',
          subject: `agent-${index % 3}`,
        },
        operation: index % 2 === 0 ? ('capture.submit' as const) : ('capture.cancel' as const),
        object: { type: 'capture', id: `cap_${index}` },
        result: 'done' as const,
        before: { status: 'ready' },
        after: { status: 'processing' },
        at: new Date(Date.UTC(2026, 2, 1, index)),
      })),
    );
  });
  await http.db.database.transaction('acc_b', async (tx) => {
    await appendAudit(tx, [
      {
        accountId: 'acc_b',
        actor: { kind: 'system' },
        operation: 'capture.status',
        object: { type: 'capture', id: 'cap_of_b' },
        result: 'done',
      },
    ]);
  });
});
afterAll(() => http.close());

async function get(path: string, token = auditor): Promise<{ status: number; body: string }> {
  const { statusCode, payload } = await http.server.inject({
    method: 'GET',
    url: path,
    headers: { authorization: `Bearer ${token}` },
  });
  return { status: statusCode, body: payload };
}

async function page(query: string): Promise<AuditPage> {
  const { status, body } = await get(`/v1/audit${query}`);
  expect([status, body]).toEqual([200, expect.stringContaining('records')]);
  return JSON.parse(body) as AuditPage;
}

const idsOf = ({ records }: AuditPage): string[] => records.map(({ object }) => object.id);

describe('GET /v1/audit', () => {
  test('has the newest first, each with a hash that anyone can work out', async () => {
    const { records } = await page('?object_type=capture&limit=3');
    expect(records.map(({ object }) => object.id)).toEqual(['cap_11', 'cap_10', 'cap_9']);
    for (const { hash, ...record } of records) expect(hashOf(canonicalJson(record))).toBe(hash);
  });

  test('is read page by page without a gap and without end', async () => {
    const seen: string[] = [];
    let cursor = '';
    for (let pages = 0; pages < 10; pages += 1) {
      const found = await page(`?object_type=capture&limit=5${cursor}`);
      seen.push(...idsOf(found));
      if (found.next_cursor === undefined) break;
      cursor = `&cursor=${found.next_cursor}`;
    }
    expect(seen).toEqual(Array.from({ length: 12 }, (_, index) => `cap_${11 - index}`));
  });

  test.each([
    ['operation=capture.submit&client_id=desk', ['cap_2', 'cap_0']],
    ['subject=agent-1&operation=capture.cancel', ['cap_7', 'cap_1']],
    ['from=2026-03-01T10:00:00Z&to=2026-03-02T00:00:00Z', ['cap_11', 'cap_10']],
    ['from=2026-03-01T12:00:00%2B02:00&to=2026-03-02T00:00:00Z', ['cap_11', 'cap_10']],
    ['object_type=capture&object_id=cap_4', ['cap_4']],
    ['result=failed', []],
    ['object_id=cap_of_b', []],
  ])('filters by %s', async (query, ids) => {
    expect(idsOf(await page(`?${query}`))).toEqual(ids);
  });

  test.each([
    'limit=0',
    'limit=201',
    'cursor=nonsense',
    'cursor=WzEsMl0',
    'from=yesterday',
    'from=2016-12-31T23:59:60Z',
    'operation=x%00y',
    'subject=%00',
    'result=perhaps',
    "object_id='%20or%201=1",
  ])('%s is refused as a bad request', async (query) => {
    const { status, body } = await get(`/v1/audit?${query}`);
    expect([status, body]).toEqual([400, expect.stringContaining('"code"')]);
  });
});

describe('access', () => {
  test.each(['/v1/audit', '/v1/audit/export'])('%s is for auditors with the scope only', async (path) => {
    expect((await get(path, await http.token())).status).toBe(403);
    expect(
      (await get(path, await http.token({ roles: ['auditor'], scopes: ['evidence:read'] }))).status,
    ).toBe(403);
    expect((await get(path)).status).toBe(200);
  });

  test('what is refused is on record, with who, why and where', async () => {
    const token = await http.token({ subject: 'nosy', clientId: 'desk-7' });
    const id = 'cap_00000a00000a00000a00000a00';
    expect((await get(`/v1/captures/${id}`, token)).status).toBe(404);
    expect((await get('/v1/audit', token)).status).toBe(403);
    const { records } = await page('?subject=nosy');
    expect(records).toMatchObject([
      {
        operation: 'access.refused',
        operation_id: 'listAuditRecords',
        result: 'refused',
        reason: 'role_forbidden',
        actor: { kind: 'client', client_id: 'desk-7', subject: 'nosy', roles: ['integrator'] },
        address: '127.0.0.1',
        object: { type: 'operation', id: 'listAuditRecords' },
      },
      { operation_id: 'getCapture', reason: 'capture_not_found', object: { type: 'capture', id } },
    ]);
    expect(records.every(({ request_id }) => request_id?.startsWith('req_') === true)).toBe(true);
  });

  test('a stranger leaves no record', async () => {
    const before = (await page('?limit=1')).records[0]?.sequence;
    expect((await get('/v1/audit', 'nonsense')).status).toBe(401);
    expect((await page('?limit=1')).records[0]?.sequence).toBe(before);
  });
});

describe('GET /v1/audit/export', () => {
  test('has the lines in the order of the chain, and a manifest of them', async () => {
    const { status, body } = await get('/v1/audit/export?client_id=desk');
    expect(status).toBe(200);
    const lines = body.split('\n');
    expect(lines.pop()).toBe('');
    const { manifest } = JSON.parse(lines.pop() ?? '') as { manifest: ExportManifest };
    expect(manifest).toMatchObject({
      format: 'hushtone-audit-1',
      account_id: ACCOUNT,
      filter: { client_id: 'desk' },
      records: 4,
      first_sequence: 1,
      last_sequence: 4,
    });
    const text = lines.map((line) => `${line}\n`).join('');
    expect(manifest.sha256).toBe(createHash('sha256').update(text).digest('base64url'));
    const read = lines.map((line) => JSON.parse(line) as { hash: string; record: AuditRecord });
    expect(read.map(({ record }) => record.object.id)).toEqual(['cap_0', 'cap_1', 'cap_2', 'cap_3']);
    for (const { hash, record } of read) expect(hashOf(canonicalJson(record))).toBe(hash);
  });

  test('is on record itself, and the whole trail links up', async () => {
    const { body } = await get('/v1/audit/export');
    const lines = body.trimEnd().split('\n').slice(0, -1);
    const read = lines.map((line) => JSON.parse(line) as { hash: string; record: AuditRecord });
    expect(read.at(-1)?.record).toMatchObject({ operation: 'audit.export', actor: { subject: 'vera' } });
    const previous = read.map(({ record }) => record.previous_hash);
    expect(previous).toEqual([GENESIS_HASH, ...read.slice(0, -1).map(({ hash }) => hash)]);
  });

  test('what is no filter is neither in the manifest nor in the trail', async () => {
    const unknown = `x${'9'.repeat(20)}`;
    const { status, body } = await get(`/v1/audit/export?result=done&${unknown}=4012001037141112`);
    expect(status).toBe(200);
    const { manifest } = JSON.parse(body.trimEnd().split('\n').at(-1) ?? '') as { manifest: ExportManifest };
    expect(manifest.filter).toEqual({ result: 'done' });
    expect(body).not.toContain(unknown);
  });

  test('a HEAD request exports nothing', async () => {
    const before = (await page('?limit=1')).records[0]?.sequence;
    const { statusCode, headers } = await http.server.inject({
      method: 'HEAD',
      url: '/v1/audit/export',
      headers: { authorization: `Bearer ${auditor}` },
    });
    expect([statusCode, headers['content-type']]).toEqual([200, 'application/x-ndjson']);
    expect((await page('?limit=1')).records[0]?.sequence).toBe(before);
  });
});
