import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { Refusal, type Refusals } from '../../../../simulators/doubles/route.ts';
import { startDouble, type DoubleServer } from '../../../../simulators/doubles/server.ts';
import { makeTlsMaterial, type TlsMaterial } from '../../../support/tls-peers.ts';

const REFUSALS: Refusals = {
  notFound: ({ path }) => ({ status: 404, body: { path } }),
  rateLimited: () => ({ status: 429, body: {} }),
  serverError: (status) => ({ status, body: {} }),
  keyInFlight: () => ({ status: 409, body: {} }),
  keyReused: () => ({ status: 422, body: {} }),
};

interface Reply {
  readonly status: number;
  readonly text: string;
  readonly replayed: boolean;
}

describe('a double', () => {
  let tls: TlsMaterial;
  let double: DoubleServer;
  let done: string[];

  beforeAll(async () => {
    tls = await makeTlsMaterial();
  });

  const start = async (adminToken?: string): Promise<void> => {
    done = [];
    double = await startDouble(
      {
        routes: [
          {
            method: 'POST',
            path: /\/things\/([a-z]+)/,
            target: 'pay',
            handle: (request) => {
              const {
                parameters: [name = ''],
                body,
                headers,
              } = request;
              return request.once(String(headers['key']), body.toString(), () => {
                if (name === 'forbidden') throw new Refusal({ status: 402, body: { name } });
                done.push(name);
                return { status: 201, body: { name, nth: done.length } };
              });
            },
          },
          { method: 'GET', path: /\/things/, target: 'lookup', handle: () => ({ status: 200, body: done }) },
        ],
        refusals: REFUSALS,
        replayed: { 'idempotent-replayed': 'true' },
        admit: ({ headers }) => {
          if (headers.authorization !== 'Bearer me') throw new Refusal({ status: 401, body: {} });
        },
        ledger: () => [],
        clear: () => (done.length = 0),
      },
      { tls: { ca: tls.ca, ...tls.server }, ...(adminToken !== undefined && { adminToken }) },
    );
  };

  afterEach(() => double.close());

  const send = (method: string, path: string, key = 'k', body = '', authorization = 'Bearer me') =>
    new Promise<Reply>((resolve, reject) => {
      const options = { method, ca: tls.ca, agent: false as const, headers: { key, authorization } };
      const request = httpsRequest(`${double.url}${path}`, options, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            text: Buffer.concat(chunks).toString(),
            replayed: response.headers['idempotent-replayed'] === 'true',
          }),
        );
      });
      request.on('error', reject);
      request.end(body);
    });

  it('does a thing once for a key and gives the same answer again', async () => {
    await start();
    const first = await send('POST', '/things/chair', 'k', 'red');
    expect(first).toEqual({ status: 201, text: '{"name":"chair","nth":1}', replayed: false });
    expect(await send('POST', '/things/chair', 'k', 'red')).toEqual({ ...first, replayed: true });
    expect(await send('POST', '/things/chair', 'k', 'blue')).toMatchObject({ status: 422 });
    expect(await send('POST', '/things/forbidden', 'f')).toMatchObject({ status: 402, replayed: false });
    expect(await send('POST', '/things/forbidden', 'f')).toMatchObject({ status: 402, replayed: true });
    expect(done).toEqual(['chair']);
    await double.reset();
    expect(await send('POST', '/things/chair', 'k', 'blue')).toMatchObject({ status: 201, replayed: false });
  });

  it('refuses a key that is in flight', async () => {
    await start();
    await double.setFaults([{ kind: 'delay', delayMs: 500 }]);
    const first = send('POST', '/things/chair');
    await vi.waitFor(async () => expect(await double.requests()).toHaveLength(1));
    expect(await send('POST', '/things/chair')).toMatchObject({ status: 409 });
    expect(await first).toMatchObject({ status: 201 });
  });

  it('refuses strangers, what it does not know and what is too long', async () => {
    await start();
    expect(await send('GET', '/things', 'k', '', 'Bearer you')).toMatchObject({ status: 401 });
    expect(await send('GET', '/nothing')).toMatchObject({ status: 404, text: '{"path":"/nothing"}' });
    expect(await send('GET', '/things/chair')).toMatchObject({ status: 404 });
    expect(await send('POST', '/things/chair/leg')).toMatchObject({ status: 404 });
    expect(await send('POST', '/things/chair', 'k', 'x'.repeat(65 * 1024))).toMatchObject({ status: 413 });
    expect(done).toEqual([]);
  });

  it.each([
    ['rate_limited', 429, 0],
    ['server_error', 500, 0],
    ['server_error_after', 500, 1],
  ] as const)('answers for %s with %i', async (kind, status, times) => {
    await start();
    await double.setFaults([{ kind }]);
    expect(await send('POST', '/things/chair')).toMatchObject({ status });
    expect(done).toHaveLength(times);
  });

  it.each([
    ['drop', 0],
    ['lose_answer', 1],
    ['truncated', 1],
  ] as const)('breaks off for %s', async (kind, times) => {
    await start();
    await double.setFaults([{ kind }]);
    await expect(send('POST', '/things/chair')).rejects.toThrow(/hang up|ECONNRESET|aborted/);
    expect(done).toHaveLength(times);
  });

  it('answers with too much, or nothing that can be read', async () => {
    await start();
    await double.setFaults([{ kind: 'too_long' }, { kind: 'garbage' }]);
    expect((await send('POST', '/things/chair', 'a')).text.length).toBeGreaterThan(1024 * 1024);
    expect(await send('POST', '/things/table', 'b')).toMatchObject({
      status: 200,
      text: '<html>it works</html>',
    });
    expect(done).toEqual(['chair', 'table']);
  });

  it.each([
    ['hang', 0],
    ['hang_after', 1],
  ] as const)('never answers for %s, and is closed all the same', async (kind, times) => {
    await start();
    await double.setFaults([{ kind }]);
    const attempt = send('POST', '/things/chair').catch((error: Error) => error.message);
    await vi.waitFor(async () => expect(await double.requests()).toHaveLength(1));
    await double.close();
    expect(await attempt).toMatch(/hang up|ECONNRESET/);
    expect(done).toHaveLength(times);
  });

  it('shows its ledger to whoever has the admin token only', async () => {
    await start('the-admin-token');
    const ask = (path: string, method: string, token: string, body?: string) =>
      new Promise<number>((resolve, reject) => {
        const url = `http://127.0.0.1:${double.adminPort ?? 0}${path}`;
        const headers = { authorization: `Bearer ${token}` };
        const request = httpRequest(url, { method, headers, agent: false }, (response) => {
          response.on('end', () => resolve(response.statusCode ?? 0)).resume();
        });
        request.on('error', reject);
        request.end(body);
      });
    expect(await ask('/admin/ledger', 'GET', 'another')).toBe(401);
    expect(await ask('/admin/ledger', 'GET', 'the-admin-token')).toBe(200);
    expect(await ask('/admin/nothing', 'GET', 'the-admin-token')).toBe(404);
    expect(await ask('/admin/faults', 'POST', 'the-admin-token', '[{"kind":"hang","x":1}]')).toBe(400);
    expect(await ask('/admin/faults', 'POST', 'the-admin-token', '[{"kind":"rate_limited"}]')).toBe(204);
    expect(await send('POST', '/things/chair')).toMatchObject({ status: 429 });
    expect(await ask('/admin/reset', 'POST', 'the-admin-token')).toBe(204);
    expect(await double.requests()).toEqual([]);
  });
});
