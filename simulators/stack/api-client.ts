import { randomUUID } from 'node:crypto';
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import type { IncomingMessage } from 'node:http';

export interface ApiAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Parsed JSON, or undefined for an empty body. */
  readonly body: unknown;
}

export interface StreamedEvent {
  readonly id: number;
  readonly type: string;
  readonly data: unknown;
  /** `performance.now()` when the event had arrived whole. */
  readonly atMs: number;
}

export interface EventStreamHandle {
  readonly events: readonly StreamedEvent[];
  /** Every byte that came, for searching. */
  readonly raw: () => string;
  readonly ended: Promise<void>;
  /** Resolves with the first event, past or to come, that fits; rejects when the stream ends without one. */
  until(fits: (event: StreamedEvent) => boolean): Promise<StreamedEvent>;
  close(): void;
}

export interface ApiClientOptions {
  readonly baseUrl: string;
  readonly ca: string;
  readonly token: string;
  /** Called with each answer to an operation, so that a test can hold it against the contract. */
  readonly onAnswer?: (method: string, path: string, answer: ApiAnswer) => void;
}

/** A client of the gateway's HTTP interface, as an integrator would write one. */
export class ApiClient {
  readonly #options: ApiClientOptions;
  readonly #agent: Agent;

  constructor(options: ApiClientOptions) {
    this.#options = options;
    this.#agent = new Agent({ keepAlive: true, ca: options.ca });
  }

  /** The same client with another access token. */
  as(token: string): ApiClient {
    return new ApiClient({ ...this.#options, token });
  }

  async get(path: string): Promise<ApiAnswer> {
    return await this.call('GET', path);
  }

  async post(path: string, body?: unknown, headers?: Record<string, string>): Promise<ApiAnswer> {
    return await this.call('POST', path, body, headers);
  }

  /** A POST gets an Idempotency-Key of its own unless `headers` has one. */
  async call(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<ApiAnswer> {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const response = await this.#open(
      method,
      path,
      {
        ...(method === 'POST' && { 'idempotency-key': randomUUID() }),
        ...(payload !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      payload,
    );
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const answer: ApiAnswer = {
      status: response.statusCode ?? 0,
      contentType: response.headers['content-type'] ?? '',
      headers: response.headers,
      body: text === '' ? undefined : JSON.parse(text),
    };
    this.#options.onAnswer?.(method, path, answer);
    return answer;
  }

  /** Follows server-sent events (WHATWG HTML, section 9.2). Rejects when the answer is not a stream. */
  async follow(path: string, lastEventId?: number): Promise<EventStreamHandle> {
    const headers: Record<string, string> = { accept: 'text/event-stream' };
    if (lastEventId !== undefined) headers['last-event-id'] = String(lastEventId);
    const response = await this.#open('GET', path, headers);
    if (response.statusCode !== 200) {
      response.resume();
      throw new Error(`the event stream answered ${response.statusCode}`);
    }
    return readEvents(response);
  }

  close(): void {
    this.#agent.destroy();
  }

  async #open(
    method: string,
    path: string,
    headers: Record<string, string>,
    payload?: string,
  ): Promise<IncomingMessage> {
    const url = new URL(path, this.#options.baseUrl);
    const options: RequestOptions = {
      method,
      agent: this.#agent,
      headers: {
        authorization: `Bearer ${this.#options.token}`,
        ...(payload !== undefined && { 'content-length': Buffer.byteLength(payload) }),
        ...headers,
      },
    };
    return await new Promise((resolve, reject) => {
      const outgoing = httpsRequest(url, options, resolve);
      outgoing.on('error', reject);
      outgoing.end(payload);
    });
  }
}

function readEvents(response: IncomingMessage): EventStreamHandle {
  const events: StreamedEvent[] = [];
  const waiting = new Set<() => void>();
  const chunks: string[] = [];
  let unread = '';
  let over = false;
  const wake = (): void => {
    for (const check of waiting) check();
  };
  response.setEncoding('utf8');
  response.on('data', (text: string) => {
    chunks.push(text);
    unread += text;
    const blocks = unread.split('\n\n');
    unread = blocks.pop() ?? '';
    for (const block of blocks) {
      const event = parseEvent(block);
      if (event !== undefined) events.push(event);
    }
    wake();
  });
  const ended = new Promise<void>((resolve) => {
    response.once('close', () => {
      over = true;
      wake();
      resolve();
    });
  });
  response.on('error', () => response.destroy());
  return {
    events,
    ended,
    raw: () => chunks.join(''),
    until: async (fits) =>
      await new Promise((resolve, reject) => {
        const check = (): void => {
          const found = events.find(fits);
          if (found === undefined && !over) return;
          waiting.delete(check);
          if (found === undefined) reject(new Error('the event stream ended without the event'));
          else resolve(found);
        };
        waiting.add(check);
        check();
      }),
    close: () => response.destroy(),
  };
}

function parseEvent(block: string): StreamedEvent | undefined {
  const fields = new Map<string, string>();
  for (const line of block.split('\n')) {
    const colon = line.indexOf(': ');
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 2));
  }
  const data = fields.get('data');
  if (data === undefined) return undefined;
  return {
    id: Number(fields.get('id')),
    type: fields.get('event') ?? 'message',
    data: JSON.parse(data),
    atMs: performance.now(),
  };
}
