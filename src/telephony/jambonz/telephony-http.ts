import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';

const CONTROL_PROTOCOL = 'ws.jambonz.org';
const LISTEN_PROTOCOL = 'audio.drachtio.org';
/** Beyond this a control frame is not even taken in; `session-frame` refuses from 256 KiB on. */
const LARGEST_CONTROL_PAYLOAD_BYTES = 1024 * 1024;
/** A listen frame is 320 or 640 bytes, now and then two of them in one. */
const LARGEST_LISTEN_PAYLOAD_BYTES = 64 * 1024;
/** A status body is about 700 bytes. */
const LARGEST_BODY_BYTES = 64 * 1024;

const PATHS = {
  control: /^\/jambonz\/?$/,
  agent: /^\/jambonz\/agent\/[A-Za-z0-9_-]{20,64}$/,
  listen: /^\/listen\/(?<token>[A-Za-z0-9_-]{20,64})$/,
  status: /^\/jambonz\/call-status\/(?<token>[A-Za-z0-9_-]{20,64})$/,
} as const;

export interface TelephonyHttpOptions {
  readonly tls?: { readonly cert: string | Buffer; readonly key: string | Buffer };
  authorized(authorization: string | undefined): boolean;
  /** A control socket, at its path. */
  control(socket: WebSocket, path: string): void;
  /** Takes the path of a listen socket out of use; undefined when it was none. */
  listen(token: string): ((socket: WebSocket) => void) | undefined;
  /** A status over http. Returns false when the token is nobody's. The body is whatever came. */
  status(token: string, body: unknown): boolean;
  refused(reason: 'unauthorized' | 'unknown_path' | 'unknown_token'): void;
}

/**
 * The server that jambonz connects to: control sockets, listen sockets, and the status hook of an agent leg. The
 * right to connect is checked before a socket is upgraded. The paths of listen sockets and of the status hook are
 * secrets; no path is ever logged.
 */
export class TelephonyHttp {
  readonly server: Server;
  readonly #options: TelephonyHttpOptions;
  readonly #control = new WebSocketServer({
    noServer: true,
    maxPayload: LARGEST_CONTROL_PAYLOAD_BYTES,
    handleProtocols: (offered) => offered.has(CONTROL_PROTOCOL) && CONTROL_PROTOCOL,
  });
  readonly #listen = new WebSocketServer({
    noServer: true,
    maxPayload: LARGEST_LISTEN_PAYLOAD_BYTES,
    handleProtocols: (offered) => offered.has(LISTEN_PROTOCOL) && LISTEN_PROTOCOL,
  });

  constructor(options: TelephonyHttpOptions) {
    this.#options = options;
    const answer = (request: IncomingMessage, response: ServerResponse): void =>
      void this.#request(request, response);
    this.server = options.tls === undefined ? createServer(answer) : createTlsServer(options.tls, answer);
    this.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) =>
      this.#upgrade(request, socket, head),
    );
  }

  /**
   * Ends every socket with 1001: jambonz then connects again, here or to whoever takes over. Resolves when all that
   * hangs on a socket has heard of its end, which is after the connection's own.
   */
  async close(): Promise<void> {
    const sockets = [...this.#control.clients, ...this.#listen.clients];
    const told = sockets.map(
      async (socket) => await new Promise<void>((resolve) => void socket.once('close', () => resolve())),
    );
    for (const socket of sockets) socket.close(1001);
    this.server.closeIdleConnections();
    const closed = new Promise<void>((resolve) => void this.server.close(() => resolve()));
    const patience = setTimeout(() => {
      for (const socket of sockets) socket.terminate();
      this.server.closeAllConnections();
    }, CLOSE_WITHIN_MS);
    await Promise.all([closed, ...told]);
    clearTimeout(patience);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => {}); // a peer that resets before the upgrade is no event
    const path = pathOf(request);
    const isListen = PATHS.listen.test(path);
    if (!isListen && !PATHS.control.test(path) && !PATHS.agent.test(path)) {
      this.#refuse(socket, 404, 'unknown_path');
      return;
    }
    if (!this.#options.authorized(request.headers.authorization)) {
      this.#refuse(socket, 401, 'unauthorized');
      return;
    }
    if (isListen) {
      const accept = this.#options.listen(tokenIn(PATHS.listen, path));
      if (accept === undefined) this.#refuse(socket, 404, 'unknown_token');
      else this.#listen.handleUpgrade(request, socket, head, accept);
      return;
    }
    this.#control.handleUpgrade(request, socket, head, (control) => this.#options.control(control, path));
  }

  #refuse(
    socket: Duplex,
    status: 401 | 404,
    reason: 'unauthorized' | 'unknown_path' | 'unknown_token',
  ): void {
    this.#options.refused(reason);
    const line = status === 401 ? '401 Unauthorized' : '404 Not Found';
    const challenge = status === 401 ? 'WWW-Authenticate: Basic realm="hushtone"\r\n' : '';
    socket.end(`HTTP/1.1 ${line}\r\n${challenge}Connection: close\r\nContent-Length: 0\r\n\r\n`);
  }

  async #request(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = pathOf(request);
    if (request.method !== 'POST' || !PATHS.status.test(path)) {
      request.resume();
      response.writeHead(404).end();
      return;
    }
    const body = await readBody(request);
    if (body === undefined) {
      response.writeHead(400, { connection: 'close' }).end();
      return;
    }
    const known = this.#options.status(tokenIn(PATHS.status, path), body);
    if (!known) this.#options.refused('unknown_token');
    response.writeHead(known ? 200 : 404).end();
  }
}

/** A socket whose peer does not answer the close is torn down after this. */
const CLOSE_WITHIN_MS = 500;

function pathOf(request: IncomingMessage): string {
  const url = request.url ?? '';
  const query = url.indexOf('?');
  return query === -1 ? url : url.slice(0, query);
}

function tokenIn(pattern: RegExp, path: string): string {
  return pattern.exec(path)?.groups?.['token'] ?? '';
}

/** The JSON body, or undefined when it is too large, cut off, or no JSON. */
async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of request) {
      const bytes = chunk as Buffer;
      length += bytes.length;
      if (length > LARGEST_BODY_BYTES) return undefined;
      chunks.push(bytes);
    }
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}
