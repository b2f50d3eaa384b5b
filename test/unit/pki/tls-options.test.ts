import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer, type ConnectionOptions, type Server, type TlsOptions } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDevelopmentPki } from '../../../src/pki/development.ts';
import { tlsClientOptions, tlsServerOptions } from '../../../src/pki/tls-options.ts';

interface Pem {
  readonly certificate: string;
  readonly key: string;
}

let directory: string;
let pem: Record<'ca' | 'server' | 'provider' | 'client', Pem>;
let strangers: Record<'ca' | 'client', Pem>;

async function readSet(path: string): Promise<typeof pem> {
  const pki = await createDevelopmentPki(path);
  const read = async (name: 'ca' | 'server' | 'provider' | 'client'): Promise<Pem> => ({
    certificate: await readFile(pki[name].certificate, 'utf8'),
    key: await readFile(pki[name].key, 'utf8'),
  });
  return {
    ca: await read('ca'),
    server: await read('server'),
    provider: await read('provider'),
    client: await read('client'),
  };
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hushtone-tls-'));
  pem = await readSet(join(directory, 'ours'));
  strangers = await readSet(join(directory, 'strangers'));
});

afterAll(() => rm(directory, { recursive: true, force: true }));

async function withServer<T>(options: TlsOptions, work: (port: number) => Promise<T>): Promise<T> {
  const server: Server = createServer(options, (socket) => {
    socket.on('error', () => undefined);
    socket.end('hello');
  });
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    return await work((server.address() as AddressInfo).port);
  } finally {
    server.close();
    await once(server, 'close');
  }
}

/** What the server says, or the code of what went wrong on the way. */
function greeting(options: ConnectionOptions): Promise<string> {
  return new Promise((done) => {
    let text = '';
    const socket = connect({ host: '127.0.0.1', ...options });
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.on('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message));
    socket.on('close', () => done(text));
  });
}

describe('a server that asks for no certificate', () => {
  const serve = <T>(work: (port: number) => Promise<T>): Promise<T> =>
    withServer(tlsServerOptions(pem.server), work);

  test.each(['127.0.0.1', 'localhost'])(
    'is trusted by a client of the same authority as %s',
    async (servername) => {
      const options = tlsClientOptions({ ca: pem.ca.certificate });
      const name = servername === 'localhost' ? { servername } : {};
      await expect(serve((port) => greeting({ ...options, ...name, port }))).resolves.toBe('hello');
    },
  );

  test('is refused under a name that its certificate does not have', async () => {
    const options = { ...tlsClientOptions({ ca: pem.ca.certificate }), servername: 'bank.example' };
    await expect(serve((port) => greeting({ ...options, port }))).resolves.toBe(
      'ERR_TLS_CERT_ALTNAME_INVALID',
    );
  });

  test('is refused by a client of another authority', async () => {
    const options = tlsClientOptions({ ca: strangers.ca.certificate });
    await expect(serve((port) => greeting({ ...options, port }))).resolves.toMatch(
      /UNABLE_TO_VERIFY|SELF_SIGNED|BAD_SIGNATURE|SIGNATURE_FAILURE/,
    );
  });

  test('speaks nothing older than TLS 1.2', async () => {
    const options = {
      ...tlsClientOptions({ ca: pem.ca.certificate }),
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT:@SECLEVEL=0',
    } as const;
    await expect(serve((port) => greeting({ ...options, port }))).resolves.toMatch(
      /PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL/,
    );
  });
});

describe('a server that asks for certificates', () => {
  const serve = <T>(work: (port: number) => Promise<T>): Promise<T> =>
    withServer(tlsServerOptions({ ...pem.provider, clientCa: pem.ca.certificate }), work);

  test('serves a client that its authority has signed', async () => {
    const options = tlsClientOptions({ ca: pem.ca.certificate, ...pem.client });
    await expect(serve((port) => greeting({ ...options, port }))).resolves.toBe('hello');
  });

  test('refuses a client without a certificate', async () => {
    const options = tlsClientOptions({ ca: pem.ca.certificate });
    await expect(serve((port) => greeting({ ...options, port }))).resolves.toMatch(
      /CERTIFICATE_REQUIRED|ECONNRESET/,
    );
  });

  test('refuses a client that another authority has signed', async () => {
    const options = tlsClientOptions({ ca: pem.ca.certificate, ...strangers.client });
    await expect(serve((port) => greeting({ ...options, port }))).resolves.not.toBe('hello');
  });

  test('refuses a client that shows a certificate for servers', async () => {
    const options = tlsClientOptions({ ca: pem.ca.certificate, ...pem.server });
    await expect(serve((port) => greeting({ ...options, port }))).resolves.not.toBe('hello');
  });
});
