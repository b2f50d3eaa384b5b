import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { AddressInfo, Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { createDevelopmentPki } from '../../src/pki/development.ts';
import { Secret } from '../../src/secrets/secret.ts';

/** PEM texts of a CA of its own and certificates for both sides. */
export interface TlsMaterial {
  readonly ca: string;
  readonly server: { readonly cert: string; readonly key: string };
  readonly client: { readonly cert: string; readonly key: Secret };
}

export async function makeTlsMaterial(): Promise<TlsMaterial> {
  const directory = await mkdtemp(join(tmpdir(), 'hushtone-tls-'));
  try {
    const { ca, provider, client } = await createDevelopmentPki(join(directory, 'pki'));
    const read = (path: string): Promise<string> => readFile(path, 'utf8');
    return {
      ca: await read(ca.certificate),
      server: { cert: await read(provider.certificate), key: await read(provider.key) },
      client: { cert: await read(client.certificate), key: new Secret(await read(client.key)) },
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Servers of one test, which drop every connection when it ends. */
export class TestServers {
  readonly #servers: Server[] = [];
  /** Those that are open. */
  readonly sockets = new Set<Socket>();
  /** How many were made. */
  connections = 0;

  /** Resolves to its port. */
  async listen(server: Server): Promise<number> {
    this.#servers.push(server);
    server.on('connection', (socket: Socket) => {
      this.connections += 1;
      this.sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => this.sockets.delete(socket));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }

  /** A TLS server that hands every piece of application data to `answer`. Resolves to its address. */
  async tls(
    { server: { cert, key }, ca }: TlsMaterial,
    answer: (socket: Socket, text: string) => void,
    { clients = false }: { readonly clients?: boolean } = {},
  ): Promise<string> {
    const server = createTlsServer({ cert, key, ...(clients && { ca, requestCert: true }) }, (socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (chunk: Buffer) => answer(socket, chunk.toString('latin1')));
    });
    server.on('tlsClientError', () => undefined);
    return `https://127.0.0.1:${await this.listen(server)}`;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.sockets.clear();
    this.connections = 0;
    await Promise.all(
      this.#servers.splice(0).map(async (server) => {
        if (!server.listening) return;
        const closed = once(server, 'close');
        server.close();
        await closed;
      }),
    );
  }
}
