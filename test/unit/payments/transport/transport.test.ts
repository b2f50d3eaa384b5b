import { once } from 'node:events';
import { createServer as createTcpServer, type Socket } from 'node:net';
import { inspect } from 'node:util';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { systemClock, type Clock } from '../../../../src/kernel/clock.ts';
import {
  Transport,
  TransportError,
  type TransportOptions,
} from '../../../../src/payments/transport/transport.ts';
import { Secret } from '../../../../src/secrets/secret.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { makeTlsMaterial, TestServers, type TlsMaterial } from '../../../support/tls-peers.ts';
import { secretDigits } from '../secret-digits.ts';

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}';
const TIMEOUT_MS = 30_000;

describe('Transport', () => {
  let material: TlsMaterial;
  let strangers: TlsMaterial;
  const servers = new TestServers();
  const transports: Transport[] = [];

  beforeAll(async () => {
    [material, strangers] = await Promise.all([makeTlsMaterial(), makeTlsMaterial()]);
  });

  afterEach(async () => {
    for (const transport of transports.splice(0)) transport.close();
    await servers.close();
  });

  const transportTo = (
    url: string,
    clock: Clock = systemClock,
    changes: Partial<TransportOptions> = {},
  ): Transport => {
    const transport = new Transport({
      url: new URL(url),
      ca: material.ca,
      timeoutMs: TIMEOUT_MS,
      clock,
      ...changes,
    });
    transports.push(transport);
    return transport;
  };

  const post = (transport: Transport) =>
    transport.exchange({ method: 'POST', path: '/v1/payments', body: '{"a":1}' });

  const failureOf = async (exchange: Promise<unknown>): Promise<TransportError> => {
    const failure: unknown = await exchange.then(
      () => undefined,
      (error: unknown) => error,
    );
    if (!(failure instanceof TransportError))
      throw new Error('it did not fail as expected', { cause: failure });
    return failure;
  };

  it('sends the body with its length and gives the answer', async () => {
    let seen = '';
    const url = await servers.tls(material, (socket, text) => {
      seen += text;
      if (seen.endsWith('{"a":1}')) socket.write(OK);
    });
    const answer = await post(transportTo(`${url}/base/`));
    expect(answer).toEqual({ status: 200, body: Buffer.from('{}'), headers: { 'content-length': '2' } });
    expect(seen).toMatch(/^POST \/base\/v1\/payments HTTP\/1\.1\r\n/);
    expect(seen).toMatch(/content-length: 7\r\n/i);
    expect(seen).toMatch(/content-type: application\/json\r\n/i);
  });

  it('sends every secret as a record of its own, and the whole with its length', async () => {
    const pieces: string[] = [];
    const url = await servers.tls(material, (socket, text) => {
      pieces.push(text);
      if (text === '-') socket.write(OK);
    });
    using number = secretDigits('4242424242424242');
    using expiry = secretDigits('1239');
    const answer = await transportTo(url).exchange({
      method: 'POST',
      path: '/',
      headers: { 'content-type': 'text/plain' },
      body: ['n=', number, '&m=', { of: expiry, start: 0, end: 2 }, { of: expiry, start: 2, end: 4 }, '-'],
    });
    expect(answer.status).toBe(200);
    const [header, ...body] = pieces;
    expect(header).toMatch(/^POST \/ HTTP.*content-length: 26\r\n.*\r\n\r\nn=$|\r\n\r\n$/s);
    expect(header).toMatch(/content-type: text\/plain\r\n/);
    expect(body.filter((piece) => piece !== 'n=')).toEqual(['4242424242424242', '&m=', '12', '39', '-']);
  });

  it('is done with a secret when it has answered, so that it may be wiped', async () => {
    let seen = '';
    const url = await servers.tls(material, (socket, text) => {
      seen += text;
      if (text.includes('n=')) socket.write('HTTP/1.1 400 No\r\ncontent-length: 0\r\n\r\n');
    });
    const transport = transportTo(url);
    for (let round = 0; round < 20; round += 1) {
      const number = secretDigits('4242424242424242');
      const body = ['n=', ...Array.from({ length: 40 }, () => number)];
      const { status } = await transport.exchange({ method: 'POST', path: '/', body });
      number.wipe();
      expect(status).toBe(400);
    }
    await vi.waitFor(() => expect(seen.match(/POST/g)).toHaveLength(20));
    expect(seen).not.toContain('\0');
  });

  it('reads a secret only while it is lent: it may be wiped the moment that is over', async () => {
    let seen = '';
    const url = await servers.tls(material, (socket, text) => {
      seen += text;
      if (seen.endsWith('-')) socket.write(OK);
    });
    using number = secretDigits('4242424242424242');
    const use = number.use.bind(number);
    let lent = 0;
    vi.spyOn(number, 'use').mockImplementation((consumer) => {
      const result = use(consumer);
      lent += 1;
      if (lent === 2) number.wipe(); // the first time it was counted, the second time written
      return result;
    });
    const { status } = await transportTo(url).exchange({
      method: 'POST',
      path: '/',
      body: ['n=', number, '-'],
    });
    expect([status, lent]).toEqual([200, 2]);
    expect(seen).toContain('n=4242424242424242-');
  });

  it.each([
    { what: 'begins with a secret', body: () => [secretDigits('12')] },
    { what: 'has a letter in a secret', body: () => ['n=', secretDigits('12a4')] },
    { what: 'has an empty secret', body: () => ['n=', secretDigits('')] },
    { what: 'has more than there is', body: () => ['n=', { of: secretDigits('12'), start: 0, end: 3 }] },
  ])('does not connect for a body that $what', async ({ body }) => {
    const url = await servers.tls(material, () => undefined);
    const exchange = transportTo(url).exchange({ method: 'POST', path: '/', body: body() });
    await expect(exchange).rejects.toMatchObject({ code: 'request_body' });
    expect(servers.connections).toBe(0);
  });

  it('does not connect with a secret that was wiped', async () => {
    const url = await servers.tls(material, () => undefined);
    const number = secretDigits('4242424242424242');
    number.wipe();
    const exchange = transportTo(url).exchange({ method: 'POST', path: '/', body: ['n=', number] });
    await expect(exchange).rejects.toMatchObject({ code: 'secret_wiped' });
    expect(servers.connections).toBe(0);
  });

  it('does not connect for a header that cannot be written, and does not repeat it', async () => {
    const url = await servers.tls(material, () => undefined);
    for (const value of ['one\r\nanother: line', 'bell\u0007', '\u20ac']) {
      const sent = { method: 'POST', path: '/', headers: { reference: value }, body: '{}' } as const;
      const failure: unknown = await transportTo(url)
        .exchange(sent)
        .catch((error: unknown) => error);
      expect(failure).toMatchObject({ code: 'request_header' });
      expect(inspect(failure)).not.toContain(value);
    }
    expect(servers.connections).toBe(0);
  });

  it('sends what is configured with every request, and shows its certificate', async () => {
    let seen = '';
    const url = await servers.tls(
      material,
      (socket, text) => {
        seen += text;
        if (text.includes('\r\n\r\n')) socket.write(OK);
      },
      { clients: true },
    );
    const transport = transportTo(url, systemClock, {
      clientCert: material.client.cert,
      clientKey: material.client.key,
      headers: { 'stripe-version': '1' },
      credentials: { authorization: new Secret('Bearer sk_test_x') },
    });
    expect((await transport.exchange({ method: 'GET', path: '/x?y=1' })).status).toBe(200);
    expect(seen).toMatch(/^GET \/x\?y=1 HTTP/);
    expect(seen).toMatch(/authorization: Bearer sk_test_x\r\n/i);
    expect(seen).toMatch(/stripe-version: 1\r\n/i);
    expect(seen).not.toMatch(/content-/i);
    await expect(transportTo(url).exchange({ method: 'GET', path: '/' })).rejects.toThrow(TransportError);
  });

  it('drops a connection that nobody uses, and none that an answer is awaited on', async () => {
    const url = await servers.tls(material, (socket, text) => {
      // Five times as long as a connection may be idle.
      if (text.includes('{"a":1}')) setTimeout(() => socket.write(OK), 500);
    });
    const transport = transportTo(url, systemClock, { longestIdleMs: 100 });
    expect((await post(transport)).status).toBe(200);
    await vi.waitFor(() => expect(servers.sockets.size).toBe(0), { timeout: 30_000 });
    expect((await post(transport)).status).toBe(200);
    expect(servers.connections).toBe(2);
  });

  it('follows no redirection', async () => {
    const url = await servers.tls(material, (socket, text) => {
      if (text.includes('{"a":1}')) {
        socket.write('HTTP/1.1 307 Elsewhere\r\nlocation: https://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n');
      }
    });
    expect((await post(transportTo(url))).status).toBe(307);
  });

  it('wants https:', () => {
    expect(() => transportTo('http://127.0.0.1:1')).toThrow('https');
  });

  it('knows that nothing arrived when the connection is refused', async () => {
    const server = createTcpServer();
    const port = await servers.listen(server);
    server.close();
    await once(server, 'close');
    expect((await failureOf(post(transportTo(`https://127.0.0.1:${port}`)))).mayHaveArrived).toBe(false);
  });

  it('knows that nothing arrived when the handshake does not end', async () => {
    const clock = new ManualClock();
    const server = createTcpServer();
    const port = await servers.listen(server);
    const greeted = once(server, 'connection').then(([socket]) => once(socket as Socket, 'data'));
    const exchange = failureOf(post(transportTo(`https://127.0.0.1:${port}`, clock)));
    await greeted; // the ClientHello
    clock.advance(TIMEOUT_MS);
    expect(await exchange).toMatchObject({ mayHaveArrived: false, message: 'no answer in time' });
  });

  it('sends nothing to a server that another authority vouches for', async () => {
    const seen = vi.fn<(socket: Socket, text: string) => void>();
    const url = await servers.tls(strangers, seen);
    expect((await failureOf(post(transportTo(url)))).mayHaveArrived).toBe(false);
    // The server has taken the end of the connection, so whatever was sent before it would have been seen.
    await vi.waitFor(() => expect(servers.sockets.size).toBe(0));
    expect(seen).not.toHaveBeenCalled();
  });

  it('cannot know when the connection is reset after the request', async () => {
    const url = await servers.tls(material, (socket) => socket.destroy());
    expect((await failureOf(post(transportTo(url)))).mayHaveArrived).toBe(true);
  });

  it('cannot know when a kept connection is reset', async () => {
    let requests = 0;
    const connections = new Set<Socket>();
    const url = await servers.tls(material, (socket, text) => {
      connections.add(socket);
      if (!text.includes('{"a":1}')) return;
      requests += 1;
      if (requests === 1) socket.write(OK);
      else socket.destroy();
    });
    const transport = transportTo(url);
    await post(transport);
    expect((await failureOf(post(transport))).mayHaveArrived).toBe(true);
    expect(connections.size).toBe(1);
  });

  it('cannot know when no answer comes, but does of a request that still waited for a connection', async () => {
    const clock = new ManualClock();
    const arrived = new Set<Socket>();
    const url = await servers.tls(material, (socket) => arrived.add(socket));
    const transport = transportTo(url, clock);
    const exchanges = Array.from({ length: 33 }, () => failureOf(post(transport)));
    await vi.waitFor(() => expect(arrived.size).toBe(32), { timeout: 30_000 });
    clock.advance(TIMEOUT_MS);
    const failures = await Promise.all(exchanges);
    expect(failures.filter((failure) => failure.mayHaveArrived)).toHaveLength(32);
    expect(failures.at(-1)?.mayHaveArrived).toBe(false);
  });

  it('cannot know when a request that waited for a connection is cut off', async () => {
    const clock = new ManualClock();
    const seen: Socket[] = [];
    const url = await servers.tls(material, (socket, text) => {
      if (text.includes('{"a":1}')) seen.push(socket);
    });
    const transport = transportTo(url, clock);
    const exchanges = Array.from({ length: 32 }, () => post(transport));
    await vi.waitFor(() => expect(seen).toHaveLength(32), { timeout: 30_000 });
    const waiting = failureOf(post(transport));
    seen.forEach((socket) => socket.write(OK));
    await Promise.all(exchanges);
    await vi.waitFor(() => expect(seen).toHaveLength(33));
    clock.advance(TIMEOUT_MS);
    expect((await waiting).mayHaveArrived).toBe(true);
  });

  it('takes an answer of 64 KiB and none above', async () => {
    let length = 64 * 1024;
    const url = await servers.tls(material, (socket, text) => {
      if (!text.includes('{"a":1}')) return;
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${length}\r\n\r\n${'x'.repeat(length)}`);
    });
    const transport = transportTo(url);
    expect((await post(transport)).body).toHaveLength(length);
    length += 1;
    expect(await failureOf(post(transport))).toMatchObject({
      mayHaveArrived: true,
      message: 'the answer is too long',
    });
  });

  it('takes a switch of protocols that nobody asked for as no answer, at once', async () => {
    const url = await servers.tls(material, (socket, text) => {
      if (text.includes('{"a":1}')) {
        socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: other\r\n\r\n');
      }
    });
    // Its time never runs out.
    expect((await failureOf(post(transportTo(url, new ManualClock())))).mayHaveArrived).toBe(true);
  });

  it('takes an answer that ends with its connection', async () => {
    const url = await servers.tls(material, (socket, text) => {
      if (text.includes('{"a":1}')) socket.end('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{}');
    });
    expect((await post(transportTo(url))).body.toString()).toBe('{}');
  });

  it('takes the answer after one that only says to go on', async () => {
    const url = await servers.tls(material, (socket, text) => {
      if (text.includes('{"a":1}')) socket.write(`HTTP/1.1 102 Processing\r\n\r\n${OK}`);
    });
    expect((await post(transportTo(url))).status).toBe(200);
  });

  it('refuses an answer that breaks off', async () => {
    const url = await servers.tls(material, (socket, text) => {
      if (text.includes('{"a":1}')) socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"result":');
    });
    expect((await failureOf(post(transportTo(url)))).mayHaveArrived).toBe(true);
  });
});
