import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import type { SeenRequest } from './contract.ts';
import type { Fault, FaultQueue } from './faults.ts';
import type { Replays } from './replays.ts';
import { Refusal, type DoubleAnswer, type DoubleRequest, type Refusals, type Route } from './route.ts';

/** A request for one payment needs a few KiB. */
const LONGEST_BODY_BYTES = 64 * 1024;

const TOO_LONG_BYTES = 1024 * 1024;

export interface ListenerOptions {
  readonly routes: readonly Route[];
  readonly refusals: Refusals;
  readonly faults: FaultQueue;
  readonly replays: Replays;
  readonly seen: SeenRequest[];
  /** Looks at every request first: credentials, versions. Throws a `Refusal`. */
  readonly admit: (request: DoubleRequest) => void;
  /** Ends every delay when the server closes. */
  readonly closing: AbortSignal;
}

/** A provider's API over HTTP, with the faults that a test asked for. */
export function createListener(options: ListenerOptions): RequestListener {
  return (message, response) => {
    new Exchange(options, message, response).run().catch(() => response.destroy());
  };
}

class Exchange {
  readonly #options: ListenerOptions;
  readonly #message: IncomingMessage;
  readonly #response: ServerResponse;

  constructor(options: ListenerOptions, message: IncomingMessage, response: ServerResponse) {
    this.#options = options;
    this.#message = message;
    this.#response = response;
  }

  async run(): Promise<void> {
    const body = await readBody(this.#message);
    if (body === undefined) {
      // The rest of a body that was refused unread must not be taken for the next request.
      this.#response.shouldKeepAlive = false;
      this.#send({ status: 413, body: 'the body is too long' });
      return;
    }
    let fault: Fault | undefined;
    const { route, request } = this.#match(body, () => this.#pause(fault));
    const target = typeof route?.target === 'function' ? route.target(request) : route?.target;
    this.#options.seen.push({
      method: request.method,
      path: this.#message.url ?? '',
      target: target ?? 'unknown',
    });
    fault = target === undefined ? undefined : this.#options.faults.take(target);
    if (this.#strikeBefore(fault)) return;
    this.#answer(fault, await this.#process(route, request, fault));
  }

  #match(body: Buffer, delay: () => Promise<void>): { route: Route | undefined; request: DoubleRequest } {
    const { method = '', headers } = this.#message;
    const { pathname: path, searchParams: query } = new URL(
      this.#message.url ?? '/',
      'https://double.invalid',
    );
    const matches = this.#options.routes
      .filter((candidate) => candidate.method === method)
      .map((route) => ({ route, match: route.path.exec(path) }));
    const found = matches.find(({ match }) => match !== null && match[0] === path);
    const once: DoubleRequest['once'] = (key, fingerprint, work) =>
      this.#options.replays.once(key, fingerprint, delay, work);
    const parameters = (found?.match ?? []).slice(1).map((group) => decodeURIComponent(group ?? ''));
    return { route: found?.route, request: { method, path, query, headers, body, parameters, once } };
  }

  async #process(
    route: Route | undefined,
    request: DoubleRequest,
    fault: Fault | undefined,
  ): Promise<DoubleAnswer> {
    try {
      this.#options.admit(request);
      if (route === undefined) throw new Refusal(this.#options.refusals.notFound(request));
      // Nothing that only reads takes a key, so its delay is here.
      if (request.method === 'GET') await this.#pause(fault);
      return await route.handle(request);
    } catch (error) {
      if (error instanceof Refusal) return error.answer;
      throw error;
    }
  }

  async #pause(fault: Fault | undefined): Promise<void> {
    if (fault?.delayMs === undefined) return;
    await pause(fault.delayMs, undefined, { signal: this.#options.closing });
  }

  /** Whether the request ends here, unprocessed. */
  #strikeBefore(fault: Fault | undefined): boolean {
    const { refusals } = this.#options;
    if (fault?.kind === 'hang') return true;
    if (fault?.kind === 'drop') this.#message.socket.destroy();
    else if (fault?.kind === 'rate_limited') this.#send(refusals.rateLimited());
    else if (fault?.kind === 'server_error') this.#send(refusals.serverError(fault.status ?? 500));
    else return false;
    return true;
  }

  #answer(fault: Fault | undefined, answer: DoubleAnswer): void {
    const kind = fault?.kind;
    switch (kind) {
      case 'hang_after':
        return;
      case 'lose_answer':
        this.#message.socket.destroy();
        return;
      case 'garbage':
        this.#send({ status: 200, body: '<html>it works</html>', headers: { 'content-type': 'text/html' } });
        return;
      case 'truncated': {
        const text = JSON.stringify(answer.body);
        this.#response.writeHead(answer.status, {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(text),
        });
        this.#response.write(text.slice(0, text.length / 2), () => this.#message.socket.destroy());
        return;
      }
      case 'too_long':
        this.#send({ ...answer, body: { ...(answer.body as object), padding: 'x'.repeat(TOO_LONG_BYTES) } });
        return;
      case 'server_error_after':
        this.#send(this.#options.refusals.serverError(fault?.status ?? 500));
        return;
      case 'delay':
      case undefined:
        this.#send(answer);
        return;
      case 'hang':
      case 'drop':
      case 'rate_limited':
      case 'server_error': // struck before
    }
  }

  #send({ status, body, headers }: DoubleAnswer): void {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    this.#response.writeHead(status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
      'cache-control': 'no-store',
      ...headers,
    });
    this.#response.end(text);
  }
}

/** Undefined when it is too long. */
async function readBody(message: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > LONGEST_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
