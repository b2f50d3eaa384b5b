import type { IncomingHttpHeaders } from 'node:http';

/** What a handler is given: a request that was read to its end. */
export interface DoubleRequest {
  readonly method: string;
  /** Without its query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The groups of the route's path, decoded. */
  readonly parameters: readonly string[];
  /**
   * Does `work` once for `key`: the same key with the same fingerprint gives the first answer again. Refuses, in the
   * provider's own words, one that is still in flight and one with another fingerprint. Call it when the request has been
   * validated: what is refused before does not take the key. Every handler that changes something does.
   */
  once(key: string, fingerprint: string, work: () => DoubleAnswer): Promise<DoubleAnswer>;
}

export interface DoubleAnswer {
  readonly status: number;
  /** Sent as JSON; a text is sent as it is. */
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Of the whole path. */
  readonly path: RegExp;
  /** What a fault names this route by; it may look at the request. See `Fault.target`. */
  readonly target: string | ((request: DoubleRequest) => string);
  handle(request: DoubleRequest): DoubleAnswer | Promise<DoubleAnswer>;
}

/** An answer that ends the handling of a request: it was refused. */
export class Refusal extends Error {
  readonly answer: DoubleAnswer;

  constructor(answer: DoubleAnswer) {
    super(`refused with ${answer.status}`);
    this.name = 'Refusal';
    this.answer = answer;
  }
}

/** How this provider says what the framework has to refuse by itself. */
export interface Refusals {
  /** No such route. */
  notFound(request: DoubleRequest): DoubleAnswer;
  rateLimited(): DoubleAnswer;
  serverError(status: number): DoubleAnswer;
  /** A request with this idempotency key is being processed. */
  keyInFlight(): DoubleAnswer;
  /** This idempotency key came with another request. */
  keyReused(): DoubleAnswer;
}
