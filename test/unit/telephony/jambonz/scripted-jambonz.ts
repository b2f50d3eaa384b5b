import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { WebSocket } from 'ws';

/** A frame as the gateway sent it. */
export interface SentMessage {
  readonly type: string;
  readonly msgid?: string;
  readonly command?: string;
  readonly data?: unknown;
}

export const USERNAME = 'jambonz';
export const PASSWORD = 'a-test-password';
const AUTHORIZATION = `Basic ${Buffer.from(`${USERNAME}:${PASSWORD}`).toString('base64')}`;

/** Waits for the first entry of a growing list that fits, without polling. */
export class Inbox<T> {
  readonly items: T[] = [];
  #waiting: { readonly fits: (item: T) => boolean; readonly resolve: (item: T) => void }[] = [];

  put(item: T): void {
    const waiter = this.#waiting.find(({ fits }) => fits(item));
    if (waiter === undefined) {
      this.items.push(item);
      return;
    }
    this.#waiting = this.#waiting.filter((other) => other !== waiter);
    waiter.resolve(item);
  }

  take(fits: (item: T) => boolean = () => true): Promise<T> {
    const index = this.items.findIndex(fits);
    if (index !== -1) return Promise.resolve(this.items.splice(index, 1)[0] as T);
    return new Promise((resolve) => this.#waiting.push({ fits, resolve }));
  }
}

/** One control socket, as jambonz opens it. */
export class ControlSocket {
  readonly inbox = new Inbox<SentMessage>();
  readonly closed: Promise<number>;
  readonly #socket: WebSocket;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data) => this.inbox.put(JSON.parse((data as Buffer).toString()) as SentMessage));
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => void socket.on('close', (code) => resolve(code)));
  }

  static async open(url: string): Promise<ControlSocket> {
    const socket = new WebSocket(url, 'ws.jambonz.org', { headers: { authorization: AUTHORIZATION } });
    const control = new ControlSocket(socket);
    await once(socket, 'open');
    return control;
  }

  raw(data: string | Buffer): void {
    this.#socket.send(data);
  }

  message(type: string, fields: Readonly<Record<string, unknown>>): string {
    const msgid = randomUUID();
    this.raw(JSON.stringify({ type, msgid, ...fields }));
    return msgid;
  }

  /** The reply to a message that must be acked. */
  async acked(type: string, fields: Readonly<Record<string, unknown>>): Promise<SentMessage> {
    const msgid = this.message(type, fields);
    return this.inbox.take((message) => message.type === 'ack' && message.msgid === msgid);
  }

  command(name: string): Promise<SentMessage> {
    return this.inbox.take((message) => message.type === 'command' && message.command === name);
  }

  drop(): void {
    this.#socket.terminate();
  }

  close(code: number): void {
    this.#socket.close(code);
  }
}

/** One listen socket, as mod_audio_fork opens it. */
export class ListenSocket {
  readonly closed: Promise<number>;
  readonly #socket: WebSocket;
  #streaming: NodeJS.Timeout | undefined;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => {
      socket.on('close', (code) => {
        this.pause();
        resolve(code);
      });
    });
  }

  static async open(url: string, callSid: string, authorization = AUTHORIZATION): Promise<ListenSocket> {
    const socket = new WebSocket(url, 'audio.drachtio.org', { headers: { authorization } });
    const listen = new ListenSocket(socket);
    await once(socket, 'open');
    socket.send(JSON.stringify({ sampleRate: 8000, mixType: 'mono', callSid, direction: 'inbound' }));
    return listen;
  }

  audio(samples: Int16Array): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(Buffer.from(samples.buffer.slice(0)));
  }

  key(key: string, duration = '800'): void {
    this.#socket.send(JSON.stringify({ event: 'dtmf', dtmf: key, duration }));
  }

  /** A frame of what `sample` gives, every 20 ms, until `pause`. */
  stream(channels: 1 | 2 = 1, sample: (channel: number) => number = () => 0): void {
    this.pause();
    const send = (): void => {
      const frame = new Int16Array(160 * channels);
      for (let index = 0; index < frame.length; index += 1) frame[index] = sample(index % channels);
      this.audio(frame);
    };
    send();
    this.#streaming = setInterval(send, 20);
  }

  pause(): void {
    clearInterval(this.#streaming);
  }

  drop(): void {
    this.#socket.terminate();
  }

  close(): void {
    this.#socket.close(1000);
  }
}

/** What one inbound call looks like in jambonz's words. */
export class ScriptedCall {
  readonly callSid = randomUUID();
  readonly agentSid = randomUUID();
  readonly from: string;
  readonly to: string;
  agentCallId = `${randomUUID()}@agent`;

  constructor(to = '15083084809', from = '15551112222') {
    this.to = to;
    this.from = from;
  }

  data(values: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
    return {
      sip: { headers: { 'X-CID': 'x' }, raw: 'INVITE sip:15083084809 SIP/2.0' },
      direction: 'inbound',
      has_recording: false,
      call_sid: this.callSid,
      from: this.from,
      to: this.to,
      call_id: 'caller-call-id',
      sbc_callid: 'caller-sbc-callid',
      sip_status: 100,
      call_status: 'trying',
      ...values,
    };
  }

  sessionNew(values: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
    return { call_sid: this.callSid, data: this.data(values) };
  }

  callerStatus(status: string, values: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
    return { call_sid: this.callSid, data: this.data({ call_status: status, ...values }) };
  }

  /** The status of a dial's child: the parent's sid on top, the child's in the data. */
  childStatus(status: string, values: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
    return {
      call_sid: this.callSid,
      data: { ...this.agentData(status), parent_call_sid: this.callSid, ...values },
    };
  }

  agentData(status: string): Record<string, unknown> {
    return {
      call_sid: this.agentSid,
      direction: 'outbound',
      from: this.from,
      to: '2000',
      call_id: this.agentCallId,
      sip_status: 200,
      call_status: status,
    };
  }
}
