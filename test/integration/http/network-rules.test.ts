import { connect, type Socket } from 'node:net';
import { readFile } from 'node:fs/promises';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '../../../src/kernel/ids.ts';
import { createDevelopmentPki } from '../../../src/pki/development.ts';
import { createTestDatabase, execute, makeDataDir, type TestDatabase } from '../../support/database.ts';
import { createTestHttp, idempotencyKey, type TestHttp, type TestHttpOptions } from '../../support/http.ts';

let db: TestDatabase;
const running: TestHttp[] = [];

beforeAll(async () => {
  db = await createTestDatabase({ poolSize: 6 });
});

afterAll(async () => {
  for (const http of running) await http.close();
  await db.close();
});

async function start(options: TestHttpOptions = {}): Promise<TestHttp> {
  const http = await createTestHttp({ ...options, db });
  running.push(http);
  return http;
}

interface Answer {
  readonly status: number;
  readonly code: unknown;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Record<string, unknown>;
}

async function get(
  http: TestHttp,
  url: string,
  from: string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const answer = await http.server.inject({ method: 'GET', url, headers, remoteAddress: from });
  const body = answer.body === '' ? {} : answer.json<Record<string, unknown>>();
  return { status: answer.statusCode, code: body['code'], headers: answer.headers, body };
}

const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });

describe('allow lists', () => {
  async function account(id: string, networks: string[]): Promise<void> {
    await execute(db.url, 'insert into accounts (id, account_id, networks) values ($1, $1, $2)', [
      id,
      networks,
    ]);
  }

  async function client(accountId: string, networks: string[]): Promise<string> {
    const id = newId('cli');
    await execute(
      db.url,
      `insert into clients (id, account_id, name, roles, scopes, networks, created_at)
       values ($1, $2, 'test', '{integrator}', '{calls:read}', $3, now())`,
      [id, accountId, networks],
    );
    return id;
  }

  let http: TestHttp;
  beforeAll(async () => {
    http = await start();
  });

  const tryFrom = async (address: string, accountId: string, clientId = 'client'): Promise<Answer> =>
    await get(http, '/v1/calls', address, bearer(await http.token({ accountId, clientId })));

  test("the account's holds for all of its clients", async () => {
    await account('acc_listed', ['192.0.2.0/24', '2001:db8::/32']);
    for (const address of ['192.0.2.7', '::ffff:192.0.2.7', '2001:db8::7']) {
      expect((await tryFrom(address, 'acc_listed')).status).toBe(200);
    }
    for (const address of ['192.0.3.7', '::ffff:192.0.3.7', '2001:db9::7', '127.0.0.1', '::1']) {
      expect(await tryFrom(address, 'acc_listed')).toMatchObject({ status: 403, code: 'address_forbidden' });
    }
  });

  test("the client's holds besides the account's", async () => {
    await account('acc_both', ['192.0.2.0/24']);
    const clientId = await client('acc_both', ['192.0.2.128/25', '198.51.100.1/32']);
    expect((await tryFrom('192.0.2.200', 'acc_both', clientId)).status).toBe(200);
    expect((await tryFrom('192.0.2.7', 'acc_both', clientId)).code).toBe('address_forbidden');
    expect((await tryFrom('198.51.100.1', 'acc_both', clientId)).code).toBe('address_forbidden');
    expect((await tryFrom('192.0.2.7', 'acc_both')).status).toBe(200);
  });

  test('none allows any address', async () => {
    await account('acc_open', []);
    expect((await tryFrom('203.0.113.9', 'acc_open')).status).toBe(200);
  });

  test('they hold for the very connection', async () => {
    await account('acc_socket', ['127.0.0.2/32']);
    await http.server.listen({ host: '127.0.0.1', port: 0 });
    const { port } = http.server.server.address() as { port: number };
    const token = await http.token({ accountId: 'acc_socket' });
    const ask = async (localAddress: string, header = ''): Promise<string> =>
      await exchange(
        connect({ host: '127.0.0.1', port, localAddress }),
        `GET /v1/calls HTTP/1.1\r\nHost: a\r\n${header}Connection: close\r\nAuthorization: Bearer ${token}\r\n\r\n`,
      );
    expect(await ask('127.0.0.2')).toMatch(/^HTTP\/1.1 200 /);
    expect(await ask('127.0.0.3')).toMatch(/^HTTP\/1.1 403 [^]*address_forbidden/);
    // Nobody is a trusted proxy here: a header that anybody can write moves nobody.
    expect(await ask('127.0.0.3', 'X-Forwarded-For: 127.0.0.2\r\n')).toMatch(/^HTTP\/1.1 403 /);
    expect(await ask('127.0.0.2', 'X-Forwarded-For: 203.0.113.1\r\n')).toMatch(/^HTTP\/1.1 200 /);
  });

  test('behind a trusted proxy the address is the one that it tells', async () => {
    await account('acc_proxied', ['192.0.2.0/24']);
    const proxied = await start({
      listener: {
        trustedProxies: ['10.0.0.0/8', '2001:db8:ffff::/48'],
        headersTimeoutMs: 10_000,
        requestTimeoutMs: 15_000,
        keepAliveTimeoutMs: 72_000,
      },
    });
    const token = await proxied.token({ accountId: 'acc_proxied' });
    const via = async (from: string, forwarded: string): Promise<number> =>
      (await get(proxied, '/v1/calls', from, { ...bearer(token), 'x-forwarded-for': forwarded })).status;
    expect(await via('10.0.0.1', '192.0.2.7')).toBe(200);
    expect(await via('::ffff:10.0.0.1', '192.0.2.7')).toBe(200);
    expect(await via('2001:db8:ffff::1', '192.0.2.7')).toBe(200);
    expect(await via('10.0.0.1', '203.0.113.9')).toBe(403);
    // Whatever a client claims to have come through: only what trusted proxies have added counts.
    expect(await via('10.0.0.1', '192.0.2.7, 203.0.113.9')).toBe(403);
    expect(await via('10.0.0.1', '203.0.113.9, 192.0.2.7, 10.0.0.2')).toBe(200);
    expect(await via('203.0.113.9', '192.0.2.7')).toBe(403);
    expect(await via('10.0.0.1', 'nonsense')).toBe(403);
  });
});

describe('rate limits', () => {
  test('an address without a token, for paths that there are not too', async () => {
    const http = await start({ rateLimits: { address: 3, client: 0, account: 0 } });
    const statuses = [];
    for (const url of ['/health/live', '/nowhere', '/v1/calls', '/v1/calls', '/nowhere', '/health/live']) {
      const { status, headers } = await get(http, url, '192.0.2.1');
      expect(headers['ratelimit-policy']).toBe('"address";q=3;w=60');
      statuses.push(status);
    }
    expect(statuses).toEqual([200, 404, 401, 429, 429, 429]);
    expect((await get(http, '/health/live', '192.0.2.2')).status).toBe(200);
  });

  test('a client and its account, in the words of the contract', async () => {
    const http = await start({ rateLimits: { address: 100, client: 2, account: 3 } });
    const one = bearer(await http.token({ clientId: 'one' }));
    const first = await get(http, '/v1/calls', '192.0.2.1', one);
    expect(first.status).toBe(200);
    expect(first.headers['ratelimit']).toMatch(
      /^"address";r=99;t=\d+, "client";r=1;t=\d+, "account";r=2;t=\d+$/,
    );
    await get(http, '/v1/calls', '192.0.2.1', one);
    // What is refused for its role or scope counts as well.
    const third = await get(http, '/v1/calls', '192.0.2.9', one);
    expect(third).toMatchObject({ status: 429, code: 'rate_limited' });
    expect(third.body).toMatchObject({
      type: 'urn:hushtone:problem:rate_limited',
      title: 'Too many requests',
    });
    expect(third.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(Number(third.headers['retry-after'])).toBeGreaterThan(0);
    const two = bearer(await http.token({ clientId: 'two', roles: [] }));
    expect((await get(http, '/v1/calls', '192.0.2.1', two)).status).toBe(403);
    expect((await get(http, '/v1/calls', '192.0.2.1', two)).status).toBe(429);
    const other = bearer(await http.token({ accountId: 'acc_other', clientId: 'one' }));
    expect((await get(http, '/v1/calls', '192.0.2.1', other)).status).toBe(200);
  });

  test('behind a trusted proxy its clients count, not the proxy', async () => {
    const http = await start({
      rateLimits: { address: 1, client: 0, account: 0 },
      listener: {
        trustedProxies: ['10.0.0.1'],
        headersTimeoutMs: 10_000,
        requestTimeoutMs: 15_000,
        keepAliveTimeoutMs: 72_000,
      },
    });
    const from = async (address: string): Promise<number> =>
      (await get(http, '/health/live', '10.0.0.1', { 'x-forwarded-for': address })).status;
    expect([await from('192.0.2.1'), await from('192.0.2.2'), await from('192.0.2.1')]).toEqual([
      200, 200, 429,
    ]);
  });
});

describe("a browser page of the panel's origin", () => {
  const PANEL = 'https://desk.example.com';
  let http: TestHttp;
  beforeAll(async () => {
    http = await start({ panelOrigins: [PANEL] });
  });

  const preflight = async (origin: string) =>
    await http.server.inject({
      method: 'OPTIONS',
      url: '/v1/captures',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type,idempotency-key',
      },
    });

  test('may ask, and read what it needs', async () => {
    const { statusCode, headers } = await preflight(PANEL);
    expect(statusCode).toBe(204);
    expect(headers).toMatchObject({
      'access-control-allow-origin': PANEL,
      'access-control-allow-methods': expect.stringContaining('POST') as string,
      'access-control-allow-headers': expect.stringContaining('idempotency-key') as string,
      vary: expect.stringContaining('Origin') as string,
    });
    expect(headers).not.toHaveProperty('access-control-allow-credentials');
    const refused = await get(http, '/v1/calls', '127.0.0.1', { origin: PANEL });
    expect(refused).toMatchObject({ status: 401, headers: { 'access-control-allow-origin': PANEL } });
    expect(refused.headers['access-control-expose-headers']).toContain('retry-after');
    expect(refused.headers['access-control-expose-headers']).toContain('idempotent-replayed');
  });

  test.each([
    'https://desk.example.com.evil.example',
    'http://desk.example.com',
    'https://desk.example.com:8443',
    'https://evil.example',
    'null',
  ])('%s may not', async (origin) => {
    expect((await preflight(origin)).headers).not.toHaveProperty('access-control-allow-origin');
    const answer = await get(http, '/health/live', '127.0.0.1', { origin });
    expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
  });

  test('nobody may where no panel is named', async () => {
    const closed = await start();
    const answer = await closed.server.inject({
      method: 'OPTIONS',
      url: '/v1/captures',
      headers: { origin: PANEL, 'access-control-request-method': 'POST' },
    });
    expect(answer.statusCode).toBe(404);
    expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
  });

  test('follows events across origins', async () => {
    await http.call({ agentId: 'agent-panel' });
    const token = await http.token();
    const started = await http.server.inject({
      method: 'POST',
      url: '/v1/captures',
      headers: { ...bearer(token), ...idempotencyKey() },
      payload: { agent_id: 'agent-panel', purpose: 'tokenize' },
    });
    const { id } = started.json<{ id: string }>();
    const origin = await http.server.listen({ host: '127.0.0.1', port: 0 });
    const answer = await fetch(`${origin}/v1/captures/${id}/events`, {
      headers: { ...bearer(token), origin: PANEL },
    });
    expect(answer.headers.get('access-control-allow-origin')).toBe(PANEL);
    await answer.body?.cancel();
  });
});

test('a path that cannot be read is answered without anything to run', async () => {
  const { status, headers } = await get(await start(), '/%', '127.0.0.1');
  expect(status).toBe(400);
  expect(headers).toMatchObject({
    'content-type': expect.stringMatching(/^application\/problem\+json/) as string,
    'content-security-policy': "default-src 'none'",
    'x-content-type-options': 'nosniff',
  });
});

test.each(['/health/live', '/v1/calls', '/nowhere'])('%s carries the security headers', async (url) => {
  const http = await start();
  const { headers } = await get(http, url, '127.0.0.1');
  expect(headers).toMatchObject({
    'strict-transport-security': expect.stringMatching(/^max-age=\d{8}/) as string,
    'x-content-type-options': 'nosniff',
    'content-security-policy': expect.stringContaining("default-src 'none'") as string,
    'referrer-policy': 'no-referrer',
    'cross-origin-resource-policy': 'same-origin',
  });
  expect(headers).not.toHaveProperty('x-powered-by');
  expect(headers).not.toHaveProperty('server');
});

/** Sends, and resolves with all that comes until the other side closes. */
async function exchange(socket: Socket, ...parts: string[]): Promise<string> {
  const chunks: Buffer[] = [];
  const closed = new Promise<void>((resolve) => {
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', () => undefined);
    socket.once('close', () => resolve());
  });
  for (const part of parts) socket.write(part);
  await closed;
  return Buffer.concat(chunks).toString();
}

describe('a client that is slow or sends too much', () => {
  const TIMES = { trustedProxies: [], headersTimeoutMs: 300, requestTimeoutMs: 600, keepAliveTimeoutMs: 400 };
  let http: TestHttp;
  let port: number;
  let authorization: string;
  beforeAll(async () => {
    http = await start({ listener: TIMES });
    await http.server.listen({ host: '127.0.0.1', port: 0 });
    ({ port } = http.server.server.address() as { port: number });
    authorization = `Authorization: Bearer ${await http.token()}\r\n`;
  });

  const open = (): Socket => connect({ host: '127.0.0.1', port });
  const POST = 'POST /v1/captures HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n';

  /** A byte now and then, as a slow-loris does, until the other side has had enough. */
  async function drip(first: string, byte: string): Promise<string> {
    const socket = open();
    const timer = setInterval(() => socket.write(byte), 50);
    try {
      return await exchange(socket, first);
    } finally {
      clearInterval(timer);
      socket.destroy();
    }
  }

  test('never ends its headers', async () => {
    const answer = await drip('GET /health/live HTTP/1.1\r\nX-Slow: ', 'a');
    expect(answer).toMatch(/^HTTP\/1.1 408 [^]*application\/problem\+json[^]*"code":"request_timeout"/);
  });

  test('never ends its body', async () => {
    const answer = await drip(`${POST}${authorization}Content-Length: 1000\r\n\r\n{`, ' ');
    expect(answer).toMatch(/^HTTP\/1.1 408 [^]*"code":"request_timeout"/);
  });

  test('never says anything', async () => {
    expect(await exchange(open())).toMatch(/^HTTP\/1.1 408 /);
  });

  test('keeps a connection for nothing', async () => {
    const answer = await exchange(open(), 'GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1.1 200 /);
  });

  test('never shakes hands', async () => {
    const pki = await createDevelopmentPki(await makeDataDir());
    const secure = await start({
      listener: TIMES,
      tls: {
        cert: await readFile(pki.server.certificate, 'utf8'),
        key: await readFile(pki.server.key, 'utf8'),
      },
    });
    await secure.server.listen({ host: '127.0.0.1', port: 0 });
    const { port: securePort } = secure.server.server.address() as { port: number };
    expect(await exchange(connect({ host: '127.0.0.1', port: securePort }))).toBe('');
    const ca = await readFile(pki.ca.certificate, 'utf8');
    const shaken = connectTls({ host: '127.0.0.1', port: securePort, ca });
    expect(await exchange(shaken, 'GET /health/live HTTP/1.1\r\nX-Slow: ')).toMatch(/^HTTP\/1.1 408 /);
  });

  test('announces a body that is too large', async () => {
    const answer = await exchange(open(), `${POST}${authorization}Content-Length: 32769\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1.1 413 [^]*"code":"body_too_large"/);
  });

  test('sends a body that is too large without saying so', async () => {
    const chunk = `4000\r\n${' '.repeat(0x4000)}\r\n`;
    const head = `${POST}${authorization}Transfer-Encoding: chunked\r\n\r\n`;
    const answer = await exchange(open(), head, chunk, chunk, chunk);
    expect(answer).toMatch(/^HTTP\/1.1 413 [^]*"code":"body_too_large"/);
  });

  test('sends headers that are too large', async () => {
    const answer = await exchange(
      open(),
      `GET /health/live HTTP/1.1\r\nX-Large: ${'a'.repeat(20_000)}\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1.1 431 [^]*"code":"headers_too_large"/);
  });

  test('holds up nobody else', async () => {
    const stuck = Array.from({ length: 50 }, open);
    for (const socket of stuck) {
      socket.on('error', () => undefined).resume();
      socket.write('GET /health/live HTTP/1.1\r\nX-Slow: ');
    }
    expect((await fetch(`http://127.0.0.1:${port}/health/live`)).status).toBe(200);
    const closed = stuck.map(async (socket) => await new Promise((resolve) => socket.once('close', resolve)));
    await Promise.all(closed);
  });
});
