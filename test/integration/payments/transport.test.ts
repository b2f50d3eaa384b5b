import { once } from 'node:events';
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { systemClock, type Clock } from '../../../src/kernel/clock.ts';
import { Transport, TransportError } from '../../../src/payments/sandbox/transport.ts';
import { makeCertificates, type Certificates } from './sandbox.ts';

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}';

/** A clock whose timers run out when the test says so. */
function manualClock(): { clock: Clock; runOut: () => void } {
  const pending = new Set<() => void>();
  const after = (_delayMs: number, callback: () => void) => {
    pending.add(callback);
    return { cancel: () => void pending.delete(callback) };
  };
  return { clock: { ...systemClock, after }, runOut: () => pending.forEach((callback) => callback()) };
}

describe('Transport', () => {
  let certificates: Certificates;
  let strangers: Certificates;
  const servers: Server[] = [];
  const sockets = new Set<Socket>();
  const transports: Transport[] = [];

  beforeAll(async () => {
    [certificates, strangers] = await Promise.all([makeCertificates(), makeCertificates()]);
  });

  afterEach(async () => {
    for (const transport of transports.splice(0)) transport.close();
    for (const socket of sockets) socket.destroy();
    await Promise.all(
      servers.splice(0).map(async (server) => {
        const closed = once(server, 'close');
        server.close();
        await closed;
      }),
    );
  });

  afterAll(async () => {
    await Promise.all([certificates?.remove(), strangers?.remove()]);
  });

  const listen = async (server: Server): Promise<string> => {
    servers.push(server);
    server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };

  /** A TLS server that hands every piece of application data to `answer`. */
  const tlsServer = (
    answer: (socket: Socket, text: string) => void,
    identity = certificates,
  ): Promise<string> => {
    const { cert, key } = identity.server;
    const server = createTlsServer({ cert, key }, (socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (chunk: Buffer) => answer(socket, chunk.toString('latin1')));
    });
    server.on('tlsClientError', () => undefined);
    return listen(server);
  };

  const transportTo = (url: string, clock: Clock = systemClock): Transport => {
    const transport = new Transport({ url: new URL(url), ...certificates.client, timeoutMs: 30_000, clock });
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
    const url = await tlsServer((socket, text) => {
      seen += text;
      if (seen.endsWith('{"a":1}')) socket.write(OK);
    });
    expect(await post(transportTo(url))).toEqual({ status: 200, body: Buffer.from('{}') });
    expect(seen).toMatch(/^POST \/v1\/payments HTTP\/1\.1\r\n/);
    expect(seen).toMatch(/content-length: 7\r\n/i);
  });

  it('knows that nothing arrived when the connection is refused', async () => {
    const server = createTcpServer();
    const url = await listen(server);
    servers.pop();
    server.close();
    await once(server, 'close');
    expect((await failureOf(post(transportTo(url)))).mayHaveArrived).toBe(false);
  });

  it('knows that nothing arrived when the handshake does not end', async () => {
    const { clock, runOut } = manualClock();
    const server = createTcpServer();
    const url = await listen(server);
    const greeted = once(server, 'connection').then(([socket]) => once(socket as Socket, 'data'));
    const exchange = failureOf(post(transportTo(url, clock)));
    await greeted; // the ClientHello
    runOut();
    expect(await exchange).toMatchObject({ mayHaveArrived: false, message: 'no answer in time' });
  });

  it('sends nothing to a server that another authority vouches for', async () => {
    const seen = vi.fn<(socket: Socket, text: string) => void>();
    const url = await tlsServer(seen, strangers);
    const failure = await failureOf(post(transportTo(url)));
    expect(failure.mayHaveArrived).toBe(false);
    // The server has taken the end of the connection, so whatever was sent before it would have been seen.
    await vi.waitFor(() => expect(sockets.size).toBe(0));
    expect(seen).not.toHaveBeenCalled();
  });

  it('cannot know when the connection is reset after the request', async () => {
    const url = await tlsServer((socket) => socket.destroy());
    expect((await failureOf(post(transportTo(url)))).mayHaveArrived).toBe(true);
  });

  it('cannot know when a kept connection is reset', async () => {
    let requests = 0;
    const connections = new Set<Socket>();
    const url = await tlsServer((socket, text) => {
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
    const { clock, runOut } = manualClock();
    const arrived = new Set<Socket>();
    const url = await tlsServer((socket) => arrived.add(socket));
    const transport = transportTo(url, clock);
    const exchanges = Array.from({ length: 33 }, () => failureOf(post(transport)));
    await vi.waitFor(() => expect(arrived.size).toBe(32), { timeout: 30_000 });
    runOut();
    const failures = await Promise.all(exchanges);
    expect(failures.filter((failure) => failure.mayHaveArrived)).toHaveLength(32);
    expect(failures.at(-1)?.mayHaveArrived).toBe(false);
  });

  it('cannot know when a request that waited for a connection is cut off', async () => {
    const { clock, runOut } = manualClock();
    const seen: Socket[] = [];
    const url = await tlsServer((socket, text) => {
      if (text.includes('{"a":1}')) seen.push(socket);
    });
    const transport = transportTo(url, clock);
    const exchanges = Array.from({ length: 32 }, () => post(transport));
    await vi.waitFor(() => expect(seen).toHaveLength(32), { timeout: 30_000 });
    const waiting = failureOf(post(transport));
    seen.forEach((socket) => socket.write(OK));
    await Promise.all(exchanges);
    await vi.waitFor(() => expect(seen).toHaveLength(33));
    runOut();
    expect((await waiting).mayHaveArrived).toBe(true);
  });

  it('takes an answer of 64 KiB and none above', async () => {
    let length = 64 * 1024;
    const url = await tlsServer((socket, text) => {
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

  it('refuses an answer that breaks off', async () => {
    const url = await tlsServer((socket, text) => {
      if (text.includes('{"a":1}')) socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"result":');
    });
    expect((await failureOf(post(transportTo(url)))).mayHaveArrived).toBe(true);
  });
});
