import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createAuthority, issueLeaf } from '../../../src/pki/certificate.ts';
import { createSender, type Resolver, type SenderOptions } from '../../../src/events/webhooks/sender.ts';
import { LOOPBACK } from './bench.ts';
import { startReceiver, type Receiver, type ReceiverOptions } from './receiver.ts';

const PUBLIC = { allowPrivate: false, allowPlainLoopback: false };
const VALIDITY = { from: new Date(), days: 1 };

let ca: string;
let tls: { cert: string; key: string };
const open: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  const authority = await createAuthority('test CA', VALIDITY);
  const leaf = await issueLeaf(authority, { commonName: 'receiver', usage: 'server' }, VALIDITY);
  ca = authority.certificate;
  tls = { cert: leaf.certificate, key: leaf.key };
});

afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

async function receive(options?: ReceiverOptions): Promise<Receiver> {
  const receiver = await startReceiver(options);
  open.push(receiver);
  return receiver;
}

const send = async (url: string, options: Partial<SenderOptions> = {}) =>
  await createSender({ policy: LOOPBACK, ...options })(
    url,
    { 'content-type': 'application/json' },
    '{"a":1}',
  );

/** Answers the first time with the first list, then with the second, and counts. */
function resolver(...answers: string[][]): Resolver & { readonly asked: string[] } {
  const asked: string[] = [];
  const resolve: Resolver = async (hostname) => {
    const addresses = answers[Math.min(asked.length, answers.length - 1)] ?? [];
    asked.push(hostname);
    return addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  };
  return Object.assign(resolve, { asked });
}

describe('over TLS', () => {
  test('a receiver whose certificate is right gets the message', async () => {
    const receiver = await receive({ tls });
    expect(await send(receiver.url, { ca })).toMatchObject({ status: 200 });
    expect(await send(receiver.url.replace('127.0.0.1', 'localhost'), { ca })).toMatchObject({ status: 200 });
    expect(receiver.requests.map(({ body }) => body)).toEqual(['{"a":1}', '{"a":1}']);
  });

  test('an authority that nobody knows, or another name, is a failure', async () => {
    const receiver = await receive({ tls });
    expect(await send(receiver.url)).toMatchObject({ error: 'tls_failed' });
    const resolve = resolver(['127.0.0.1']);
    const other = `https://elsewhere.test:${receiver.port}/`;
    expect(await send(other, { ca, resolve })).toMatchObject({ error: 'tls_failed' });
    expect(receiver.requests).toEqual([]);
  });

  test('a receiver that speaks no TLS is a failure', async () => {
    const receiver = await receive();
    const { error, status } = await send(receiver.url.replace('http:', 'https:'));
    expect(status).toBeUndefined();
    expect(error).toBe('tls_failed');
  });
});

describe('the address', () => {
  test('of a name is looked up once and connected to, whatever the name leads to next', async () => {
    const receiver = await receive();
    const resolve = resolver(['127.0.0.1'], ['8.8.8.8']);
    // No other resolver knows this name: what arrives came by the checked address.
    const result = await send(`http://rebinding.test:${receiver.port}/`, { resolve });
    expect(result).toMatchObject({ status: 200 });
    expect(resolve.asked).toEqual(['rebinding.test']);
    expect(receiver.requests[0]?.headers.host).toBe(`rebinding.test:${receiver.port}`);
  });

  test('of a name that was public once and is private now is refused', async () => {
    const receiver = await receive({ tls });
    const resolve = resolver(['127.0.0.1']);
    const url = `https://rebinding.test:${receiver.port}/`;
    expect(await send(url, { policy: PUBLIC, ca, resolve })).toMatchObject({ error: 'address_refused' });
    expect(receiver.requests).toEqual([]);
  });

  test.each([
    [['8.8.8.8', '127.0.0.1']],
    [['8.8.8.8', '169.254.169.254']],
    [['2606:4700::1111', '::ffff:127.0.0.1']],
    [['10.1.2.3']],
    [['fd00:ec2::254']],
    [['224.0.0.1']],
  ])('%s: one that is not allowed is enough', async (addresses) => {
    const resolve = resolver(addresses);
    expect(await send('https://mixed.test/', { policy: PUBLIC, resolve })).toMatchObject({
      error: 'address_refused',
    });
  });

  test.each(['https://127.0.0.1/', 'https://[::1]/', 'https://2130706433/', 'https://169.254.169.254/'])(
    '%s in the URL itself is checked too',
    async (url) => {
      const resolve = resolver(['8.8.8.8']);
      expect(await send(url, { policy: PUBLIC, resolve })).toMatchObject({ error: 'address_refused' });
      expect(resolve.asked).toEqual([]);
    },
  );

  test('without TLS must be loopback, and only where that is allowed', async () => {
    const receiver = await receive();
    const policy = { allowPrivate: true, allowPlainLoopback: false };
    expect(await send(receiver.url, { policy })).toMatchObject({ error: 'address_refused' });
    expect(await send('http://private.test/', { resolve: resolver(['10.0.0.1']) })).toMatchObject({
      error: 'address_refused',
    });
    expect(receiver.requests).toEqual([]);
  });

  test('that there is not', async () => {
    const nothing: Resolver = async () => await Promise.reject(new Error('ENOTFOUND'));
    expect(await send('https://nowhere.test/', { resolve: nothing })).toMatchObject({
      error: 'name_not_found',
    });
    expect(await send('https://nowhere.test/', { resolve: resolver([]) })).toMatchObject({
      error: 'name_not_found',
    });
  });
});

describe('an answer', () => {
  test.each([
    [200, undefined],
    [204, undefined],
    [299, undefined],
    [301, 'redirect_refused'],
    [307, 'redirect_refused'],
    [400, 'status_not_2xx'],
    [410, 'gone'],
    [429, 'status_not_2xx'],
    [500, 'status_not_2xx'],
  ])('%d is %s', async (status, error) => {
    const target = await receive();
    const receiver = await receive({ headers: { location: target.url } });
    receiver.answer = status;
    const result = await send(receiver.url);
    expect(result).toMatchObject({ status, ...(error !== undefined && { error }) });
    expect(result.error).toBe(error);
    expect(target.requests).toEqual([]);
  });

  test('that never comes is waited for so long and no longer', async () => {
    const receiver = await receive();
    receiver.answer = 'hang';
    expect(await send(receiver.url, { timeoutMs: 100 })).toMatchObject({ error: 'timeout' });
    const never: Resolver = async () => await new Promise(() => undefined);
    expect(await send('https://slow.test/', { timeoutMs: 50, resolve: never })).toMatchObject({
      error: 'timeout',
    });
  });

  test('that does not end is cut off, and its status counts', async () => {
    const endless = await endlessReceiver();
    open.push(endless);
    expect(await send(endless.url)).toMatchObject({ status: 200 });
    await endless.cut;
    expect(endless.written()).toBeLessThan(64 * 1024 * 1024);
  });

  test('whose headers do not end is a failure', async () => {
    const receiver = await receive({ headers: { 'x-long': 'x'.repeat(20_000) } });
    expect(await send(receiver.url)).toMatchObject({ error: 'connection_failed' });
  });

  test('that cannot be had for want of a listener is a failure', async () => {
    const receiver = await receive();
    const { url } = receiver;
    await receiver.close();
    open.splice(0);
    expect(await send(url)).toMatchObject({ error: 'connection_failed' });
  });
});

interface EndlessReceiver {
  readonly url: string;
  readonly cut: Promise<void>;
  written(): number;
  close(): Promise<void>;
}

/** Says 200 and goes on for ever. */
async function endlessReceiver(): Promise<EndlessReceiver> {
  let written = 0;
  let sockets: Socket[] = [];
  let resolveCut: () => void = () => undefined;
  const cut = new Promise<void>((resolve) => {
    resolveCut = resolve;
  });
  const server: Server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.once('close', resolveCut);
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n');
      const more = (): void => {
        while (!socket.destroyed && socket.write('x'.repeat(16_384))) written += 16_384;
      };
      socket.on('drain', more);
      more();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    cut,
    written: () => written,
    async close() {
      for (const socket of sockets) socket.destroy();
      sockets = [];
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
