import { WebSocket } from 'ws';
import { NO_SPAN } from './call-info.ts';
import type { Identities } from './identities.ts';
import { isObject, type JsonObject, textOf } from './json.ts';
import { PendingAcks } from './pending-acks.ts';
import type { Timers } from './timers.ts';
import type { Timings } from './timings.ts';

/** jambonz closes the socket of an application that sends a longer frame. */
const MAX_PAYLOAD_BYTES = 24 * 1024;
/** A call opens its socket at most this often; a further drop is final. */
const MAX_CONNECTIONS = 5;
/** Attempts for the very first connection. */
const MAX_FIRST_ATTEMPTS = 6;
/** How long a closing handshake may take before jambonz stops waiting for it. */
const CLOSE_MS = 1000;

export interface Command {
  readonly command: string;
  readonly callSid: string | undefined;
  readonly queue: boolean;
  readonly data: unknown;
}

export interface AppSocketOptions {
  readonly url: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly ca?: string | undefined;
  readonly timings: Timings;
  readonly timers: Timers;
  readonly identities: Identities;
  /** Every frame in both directions, and `{event:'ws-open'|'ws-close'}`. */
  log(direction: 'jambonz->app' | 'app->jambonz', message: JsonObject): void;
  onCommand(command: Command): void;
  onUnreadable(reason: string, content: string): void;
  /** A `session:reconnect` was not acked in time: the call is hung up. */
  onReconnectRefused(): void;
}

type Attempt = 'open' | 'refused' | 'rejected';
type Request = 'session:new' | 'session:redirect' | 'verb:hook';

/**
 * The websocket of one call to the application, with jambonz's rules about acks, drops and reconnects.
 * Messages are sent in order; what comes up while the socket is down waits for the reconnect and its ack.
 */
export class AppSocket {
  readonly #options: AppSocketOptions;
  readonly #acks: PendingAcks;
  readonly #everOpened = new Set<WebSocket>();
  #ws: WebSocket | undefined;
  #connections = 0;
  #backOffMs: number;
  #connecting: Promise<void> | undefined;
  #reconnectAcked: Promise<void> | undefined;
  /** The last message that could not be sent at once, until it is sent. */
  #waiting: Promise<unknown> | undefined;
  #stalled: Promise<void> | undefined;
  #closed: 'by_application' | 'by_jambonz' | undefined;
  #sessionNew: JsonObject | undefined;
  #unackedSessionNew: string | undefined;
  /** Top-level `call_sid`: set by `session:new`, so that earlier `call:status` messages go without it. */
  #callSid: string | undefined;

  constructor(options: AppSocketOptions) {
    this.#options = options;
    this.#acks = new PendingAcks(options.timers, options.timings.ackMs);
    this.#backOffMs = options.timings.reconnectMs;
  }

  /** Closed with 1000 by the other side: jambonz never opens it again. */
  get closedByApplication(): boolean {
    return this.#closed === 'by_application';
  }

  /** Messages without an ack: `call:status`, `jambonz:error`. Dropped once the socket was closed gracefully. */
  notify(type: 'call:status' | 'jambonz:error', data: JsonObject): void {
    if (this.#closed !== undefined) return;
    const sent = this.#send({ type, msgid: this.#options.identities.messageId(), ...this.#sid(), data });
    sent?.catch(() => undefined); // jambonz only logs what it could not deliver
  }

  /** Resolves with the ack's data (undefined when the socket is closed); rejects without an ack in time. */
  async request(
    type: Request,
    data: JsonObject,
    options: { hook?: string; b3?: boolean } = {},
  ): Promise<unknown> {
    if (this.#closed !== undefined) return undefined;
    const msgid = this.#options.identities.messageId();
    if (type === 'session:new') {
      this.#sessionNew = data;
      this.#unackedSessionNew = msgid;
      this.#callSid = textOf(data['call_sid']);
    }
    let ack: Promise<unknown> = Promise.resolve(undefined);
    await this.#send(
      {
        type,
        msgid,
        ...this.#sid(),
        ...(options.hook !== undefined && { hook: options.hook }),
        data,
        ...(options.b3 === true && { b3: NO_SPAN }),
      },
      () => {
        ack = this.#acks.expect(msgid);
        ack.catch(() => undefined); // awaited below, but perhaps a tick after it failed
      },
    );
    return await ack;
  }

  /**
   * No reconnect after this. 1001 is what an application gets that did not ack `session:new`. Resolves once the
   * application has closed its side too, or has had its time.
   */
  async close(code = 1000): Promise<void> {
    this.#closed ??= 'by_jambonz';
    this.#acks.abandon();
    const ws = this.#ws;
    if (ws === undefined) return;
    const closed = new AbortController();
    ws.once('close', () => closed.abort());
    ws.close(code);
    await this.#options.timers.sleep(CLOSE_MS, closed.signal);
  }

  /** Fault: the connection is cut, both sides see 1006. */
  drop(): void {
    const ws = this.#ws;
    if (ws === undefined) return;
    ws.terminate();
    this.#onClose(1006); // at once, so that nothing more is sent into the cut connection
  }

  /** Fault: nothing is sent or read for a while; it all comes after it. */
  stall(durationMs: number): void {
    this.#stalled = this.#pause(this.#ws, durationMs);
  }

  /** Fault: the frame is sent as it is. */
  sendRaw(frame: string | Buffer): void {
    this.#ws?.send(frame);
  }

  /** Fault: the feature server died. Cut, and never again. */
  die(): void {
    this.#closed ??= 'by_jambonz';
    this.drop();
    this.#acks.abandon();
  }

  /** Ends every connection, also those that jambonz leaves open, and waits for their end. */
  async destroy(): Promise<void> {
    this.#closed ??= 'by_jambonz';
    this.#acks.abandon();
    await Promise.all(
      [...this.#everOpened].map(async (ws) => {
        if (ws.readyState === WebSocket.CLOSED) return;
        await new Promise<void>((resolve) => {
          ws.once('close', () => resolve());
          ws.terminate();
        });
      }),
    );
  }

  #sid(): JsonObject {
    return this.#callSid === undefined ? {} : { call_sid: this.#callSid };
  }

  async #pause(ws: WebSocket | undefined, durationMs: number): Promise<void> {
    ws?.pause();
    await this.#options.timers.sleep(durationMs);
    this.#stalled = undefined;
    if (ws?.readyState === WebSocket.OPEN) ws.resume();
  }

  /** Sends at once when it can; otherwise the promise resolves when it has, in the order of the calls. */
  #send(message: JsonObject, beforeSending?: () => void): Promise<void> | undefined {
    const obstacle = this.#waiting ?? this.#stalled ?? this.#reconnectAcked;
    if (this.#ws !== undefined && obstacle === undefined) {
      beforeSending?.();
      this.#transmit(message);
      return undefined;
    }
    const sent = this.#sendAfter(this.#waiting, message, beforeSending);
    const waiting = sent
      .catch(() => undefined)
      .finally(() => {
        if (this.#waiting === waiting) this.#waiting = undefined;
      });
    this.#waiting = waiting;
    return sent;
  }

  async #sendAfter(
    earlier: Promise<unknown> | undefined,
    message: JsonObject,
    beforeSending: (() => void) | undefined,
  ): Promise<void> {
    await earlier;
    if (this.#closed === 'by_application') throw new Error('closed by the application');
    await this.#stalled;
    await this.#connect();
    await this.#reconnectAcked;
    beforeSending?.();
    this.#transmit(message);
  }

  #transmit(message: JsonObject): void {
    if (this.#ws === undefined) throw new Error('no connection');
    this.#options.log('jambonz->app', message);
    this.#ws.send(JSON.stringify(message));
  }

  #connect(): Promise<void> {
    if (this.#ws !== undefined) return Promise.resolve();
    this.#connecting ??= this.#connectWithBackOff().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  async #connectWithBackOff(): Promise<void> {
    for (let attempts = 1; ; attempts += 1) {
      const attempt = await this.#attempt();
      if (attempt === 'open') break;
      const hopeless = this.#connections === 0 && attempts >= MAX_FIRST_ATTEMPTS;
      if (attempt === 'rejected' || hopeless || this.#closed !== undefined) throw new Error('no connection');
      await this.#options.timers.sleep(this.#nextBackOffMs());
    }
    if (this.#connections <= 1 || this.#closed !== undefined) return;
    this.#reconnectAcked = this.#introduceAgain().finally(() => {
      this.#reconnectAcked = undefined;
    });
    // What waited for a missing ack is lost; what comes later is sent.
    this.#reconnectAcked.catch(() => undefined);
  }

  /** `refused` (TCP, TLS, time-out) is tried again; `rejected` (an HTTP status) is not. */
  #attempt(): Promise<Attempt> {
    const { url, username, password, ca, timings } = this.#options;
    const ws = new WebSocket(url, ['ws.jambonz.org'], {
      headers: { 'user-agent': 'jambonz' },
      handshakeTimeout: timings.handshakeMs,
      maxPayload: MAX_PAYLOAD_BYTES,
      ...(username !== undefined && password !== undefined && { auth: `${username}:${password}` }),
      ...(ca !== undefined && { ca }),
    });
    this.#everOpened.add(ws);
    return new Promise((resolve) => {
      ws.once('open', () => {
        this.#ws = ws;
        this.#connections += 1;
        this.#options.log('jambonz->app', {
          event: 'ws-open',
          url: new URL(url).pathname,
          protocol: ws.protocol,
        });
        resolve('open');
      });
      ws.once('unexpected-response', () => {
        resolve('rejected');
        ws.terminate();
      });
      ws.on('error', () => resolve('refused'));
      ws.once('close', (code) => {
        this.#everOpened.delete(ws);
        if (this.#ws === ws) this.#onClose(code);
      });
      ws.on('message', (data: Buffer) => this.#onMessage(data.toString('utf8')));
    });
  }

  #onClose(code: number): void {
    this.#ws = undefined;
    this.#options.log('jambonz->app', { event: 'ws-close', code });
    if (code === 1000) this.#closed ??= 'by_application';
    if (this.#closed !== undefined) {
      this.#acks.abandon();
      return;
    }
    if (this.#unackedSessionNew === undefined) this.#acks.abandon();
    if (this.#connections >= MAX_CONNECTIONS) return;
    this.#options.timers.after(this.#nextBackOffMs(), () => {
      if (this.#closed === undefined) this.#connect().catch(() => undefined);
    });
  }

  #nextBackOffMs(): number {
    const now = this.#backOffMs;
    this.#backOffMs = now < 2000 ? now * 2 : now + 2000;
    return now;
  }

  /** Before `session:new` was acked the ack to this is its answer; else verbs in the ack are ignored. */
  async #introduceAgain(): Promise<void> {
    const msgid = this.#options.identities.messageId();
    const message = { type: 'session:reconnect', msgid, ...this.#sid(), data: this.#sessionNew ?? {} };
    if (this.#unackedSessionNew !== undefined) {
      this.#acks.rename(this.#unackedSessionNew, msgid);
      this.#unackedSessionNew = msgid;
      this.#transmit(message);
      return;
    }
    const ack = this.#acks.expect(msgid);
    this.#transmit(message);
    try {
      await ack;
    } catch (error) {
      // A further drop brings a further reconnect; only silence ends the call.
      if (this.#ws !== undefined) this.#options.onReconnectRefused();
      throw error;
    }
  }

  #onMessage(text: string): void {
    try {
      const message: unknown = JSON.parse(text);
      if (!isObject(message)) throw new Error('not a JSON object');
      this.#options.log('app->jambonz', message);
      this.#dispatch(message);
    } catch (error) {
      const details = error instanceof Error ? error.message : 'unreadable';
      this.#options.onUnreadable(details, text);
      this.notify('jambonz:error', { msg: 'InvalidMessage', details, content: text });
    }
  }

  #dispatch(message: JsonObject): void {
    const { type, msgid, command, callSid, queueCommand, data } = message;
    if (type === 'ack') {
      if (typeof msgid !== 'string') throw new Error('msgid not supplied');
      this.#unackedSessionNew = undefined;
      this.#acks.receive(msgid, data);
    } else if (type === 'command') {
      if (typeof command !== 'string') throw new Error('command property not supplied');
      if (data === undefined) throw new Error('data property not supplied');
      this.#options.onCommand({ command, callSid: textOf(callSid), queue: queueCommand === true, data });
    } else {
      throw new Error(`invalid type property: ${String(type)}`);
    }
  }
}
