import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';

export type Message = Record<string, unknown>;

/** A websocket that jambonz opened. */
export interface Connection {
  readonly path: string;
  readonly request: IncomingMessage;
  readonly ws: WebSocket;
  readonly protocol: string;
  readonly openedAtMs: number;
  readonly messages: { readonly atMs: number; readonly message: Message }[];
  /** Sizes of the binary frames. */
  readonly frames: number[];
  closeCode?: number;
}

/** What the application answers: the ack's data, or `silence` for no ack. */
export type Answer = (message: Message, connection: Connection) => unknown;
export const silence = Symbol('no ack');

const NEEDS_ACK = new Set(['session:new', 'session:reconnect', 'session:redirect', 'verb:hook']);

/** The smallest jambonz application: acks what must be acked with what `answer` says, and remembers everything. */
export class TestApplication {
  readonly connections: Connection[] = [];
  readonly posts: { readonly path: string; readonly headers: IncomingMessage['headers']; body: Message }[] =
    [];
  answer: Answer = () => [];
  /** Refuses websocket upgrades with this status. */
  refuseWith: number | undefined;
  upgrades = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Duplex>();
  readonly #waiting = new Set<() => void>();

  private constructor(server: Server) {
    this.#server = server;
    const wss = new WebSocketServer({
      noServer: true,
      handleProtocols: (offered) => [...offered][0] ?? false,
    });
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      this.upgrades += 1;
      if (this.refuseWith !== undefined) {
        socket.end(`HTTP/1.1 ${this.refuseWith} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
        this.#changed();
        return;
      }
      wss.handleUpgrade(request, socket, head, (ws) => this.#onConnection(ws, request));
    });
    server.on('request', (request, response) => {
      let text = '';
      request.setEncoding('utf8');
      request.on('data', (chunk: string) => {
        text += chunk;
      });
      request.on('end', () => {
        this.posts.push({
          path: request.url ?? '',
          headers: request.headers,
          body: JSON.parse(text) as Message,
        });
        response.end();
        this.#changed();
      });
    });
  }

  static async start(port = 0, tls?: { key: string; cert: string }): Promise<TestApplication> {
    const server = tls === undefined ? createServer() : createTlsServer(tls);
    const application = new TestApplication(server);
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return application;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  url(path = '/jambonz', protocol = 'ws'): string {
    return `${protocol}://127.0.0.1:${this.port}${path}`;
  }

  /** Resolves with the first thing that `find` returns, now or after a later event. */
  async until<T>(find: () => T | undefined | false): Promise<T> {
    for (;;) {
      const found = find();
      if (found !== undefined && found !== false) return found;
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  /** The nth message of a kind on any socket. `kind` is the type, or `type status` for `call:status`. */
  async message(kind: string, nth = 0): Promise<Message> {
    return await this.until(() => this.all(kind)[nth]);
  }

  /** In the order of their arrival. */
  all(kind: string): Message[] {
    return this.connections
      .flatMap(({ messages }) => messages)
      .toSorted((a, b) => a.atMs - b.atMs)
      .map(({ message }) => message)
      .filter((message) => kindOf(message) === kind);
  }

  async connection(path: string, nth = 0): Promise<Connection> {
    return await this.until(() => this.connections.filter((candidate) => candidate.path === path)[nth]);
  }

  command(connection: Connection, command: string, data: unknown): void {
    connection.ws.send(JSON.stringify({ type: 'command', command, queueCommand: false, data }));
  }

  /** Resolves once jambonz has read everything that was sent on this connection: it complains about the last frame. */
  async hasRead(connection: Connection): Promise<void> {
    const earlier = this.all('jambonz:error').length;
    connection.ws.send('"mark"');
    await this.message('jambonz:error', earlier);
  }

  /** Idempotent. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #onConnection(ws: WebSocket, request: IncomingMessage): void {
    const connection: Connection = {
      path: request.url ?? '',
      request,
      ws,
      protocol: ws.protocol,
      openedAtMs: performance.now(),
      messages: [],
      frames: [],
    };
    this.connections.push(connection);
    ws.on('message', (data: Buffer, isBinary) => {
      if (isBinary) connection.frames.push(data.length);
      else this.#onText(data.toString('utf8'), connection);
      this.#changed();
    });
    ws.on('close', (code) => {
      connection.closeCode = code;
      this.#changed();
    });
    this.#changed();
  }

  #onText(text: string, connection: Connection): void {
    let message: Message;
    try {
      message = JSON.parse(text) as Message;
    } catch {
      message = { unreadable: text };
    }
    connection.messages.push({ atMs: performance.now(), message });
    if (connection.protocol !== 'ws.jambonz.org' || !NEEDS_ACK.has(String(message['type']))) return;
    const data = this.answer(message, connection);
    if (data !== silence) connection.ws.send(JSON.stringify({ type: 'ack', msgid: message['msgid'], data }));
  }

  #changed(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

export function dataOf(message: Message): Message {
  return message['data'] as Message;
}

/** `call:status busy (child)`, `verb:hook /dialdone`, `session:new`: how the tests name a message. */
export function kindOf(message: Message): string {
  const type = textOf(message['type']) ?? textOf(message['event']) ?? 'metadata';
  if (type === 'call:status') {
    const data = dataOf(message);
    const child = data['parent_call_sid'] === undefined ? '' : ' (child)';
    return `call:status ${String(data['call_status'])}${child}`;
  }
  if (type !== 'verb:hook') return type;
  const event = dataOf(message)['event'];
  return `verb:hook ${String(message['hook'])}${typeof event === 'string' ? ` ${event}` : ''}`;
}
