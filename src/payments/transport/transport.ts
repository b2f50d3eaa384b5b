import type { ClientRequest, IncomingHttpHeaders } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import type { TLSSocket } from 'node:tls';
import type { Clock } from '../../kernel/clock.ts';
import { HushtoneError } from '../../kernel/errors.ts';
import { tlsClientOptions } from '../../pki/tls-options.ts';
import type { Secret } from '../../secrets/secret.ts';
import { guardedLookup, isForbiddenLiteral } from './address.ts';
import { lend, lengthOfBody, type BodyChunk } from './body.ts';

/** Answers about one payment are far shorter; a provider that lists many may be given more. */
const LONGEST_ANSWER_BYTES = 64 * 1024;

const MOST_CONNECTIONS = 32;

/**
 * A kept connection that the provider has closed meanwhile costs a payment its certain outcome. Servers close theirs
 * after 5 seconds (Node) to 75 seconds (nginx).
 */
const LONGEST_IDLE_MS = 4_000;

/** There is no answer. `mayHaveArrived` is false only when it is proven that no byte of the request was sent. */
export class TransportError extends Error {
  readonly mayHaveArrived: boolean;

  constructor(message: string, mayHaveArrived: boolean, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'TransportError';
    this.mayHaveArrived = mayHaveArrived;
  }
}

export interface TransportOptions {
  /** `https:` only. What an exchange names is appended to its path. */
  readonly url: URL;
  /** PEM: who signs the provider's certificate; no other authority is trusted. Absent: the system's authorities. */
  readonly ca?: string;
  /** PEM: the certificate that this gateway shows, and its private key. */
  readonly clientCert?: string;
  readonly clientKey?: Secret;
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Headers with a secret: `authorization`, `x-api-key`. */
  readonly credentials?: Readonly<Record<string, Secret>>;
  /** From the request to the last byte of its answer. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Whether an IP address may be connected to; it is asked for every address that a name has. By default any. */
  readonly allowAddress?: (address: string) => boolean;
  /** How long a connection is kept for the next request. Default 4 s. */
  readonly longestIdleMs?: number;
  /** Default 64 KiB. A longer answer is cut off. */
  readonly longestAnswerBytes?: number;
}

export interface TransportRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Begins with a slash, query included; empty for the base address itself. */
  readonly path: string;
  /** `content-type` is JSON unless it is named here. */
  readonly headers?: Readonly<Record<string, string>>;
  /** A secret is read while the exchange lasts, and neither kept nor wiped. The first chunk is public text. */
  readonly body?: string | readonly BodyChunk[];
}

export interface TransportAnswer {
  readonly status: number;
  readonly body: Buffer;
  readonly headers: IncomingHttpHeaders;
}

/**
 * HTTPS on connections that are kept for a while, with a client certificate where there is one (RFC 8705 calls it
 * mutual TLS). A secret in a body goes from its own memory straight into the encryption, so that no copy is left.
 * Throws `provider_configuration` for an address that is not `https:`, or that may not be connected to.
 */
export class Transport {
  readonly #options: TransportOptions;
  readonly #agent: Agent;

  constructor(options: TransportOptions) {
    if (options.url.protocol !== 'https:') {
      throw new HushtoneError('provider_configuration', 'invalid', 'the provider needs an https: address');
    }
    const { ca, clientCert, clientKey, allowAddress, longestIdleMs = LONGEST_IDLE_MS } = options;
    if (allowAddress !== undefined && isForbiddenLiteral(options.url, allowAddress)) {
      throw new HushtoneError(
        'provider_configuration',
        'invalid',
        'the address of the provider is not one that this installation connects to',
      );
    }
    this.#options = options;
    this.#agent = new Agent({
      keepAlive: true,
      maxSockets: MOST_CONNECTIONS,
      timeout: longestIdleMs,
      ...(allowAddress !== undefined && { lookup: guardedLookup(allowAddress) }),
      ...tlsClientOptions({
        ...(ca !== undefined && { ca }),
        ...(clientCert !== undefined && { certificate: clientCert }),
        ...(clientKey !== undefined && { key: clientKey.reveal() }),
      }),
    });
  }

  /**
   * Sends one request once and follows no redirection. Rejects with a `TransportError`, never for a status; with
   * `request_body`, `request_header` or `secret_wiped`, before anything is sent, for what cannot be.
   */
  async exchange(sent: TransportRequest): Promise<TransportAnswer> {
    const { clock, timeoutMs, longestAnswerBytes = LONGEST_ANSWER_BYTES } = this.#options;
    const body = typeof sent.body === 'string' ? [sent.body] : sent.body;
    const headers = this.#headersOf(sent, body);
    return await new Promise((resolve, reject) => {
      let mayHaveArrived = false;
      const chunks: Buffer[] = [];
      let length = 0;
      let isAnswered = false;
      const request = this.#open(sent, headers);
      const fail = (message: string, cause?: unknown): void => {
        deadline.cancel();
        reject(new TransportError(message, mayHaveArrived, cause === undefined ? {} : { cause }));
        request.destroy();
      };
      const deadline = clock.after(timeoutMs, () => fail('no answer in time'));
      request.on('socket', (socket: TLSSocket) => {
        // Node holds the request back until the handshake is done and the certificate verified, and tells of it first.
        if (socket.connecting) socket.once('secureConnect', () => (mayHaveArrived = true));
        else mayHaveArrived = true;
      });
      request.on('error', (error) => fail('the connection failed', error));
      // Without an error Node closes what answers with a switch of protocols (101), which nobody asked for.
      request.on('close', () => isAnswered || fail('the connection was closed'));
      request.on('response', (response) => {
        isAnswered = true;
        response.on('data', (chunk: Buffer) => {
          length += chunk.length;
          if (length > longestAnswerBytes) fail('the answer is too long');
          else chunks.push(chunk);
        });
        response.on('error', (error) => fail('the answer broke off', error));
        response.on('end', () => {
          deadline.cancel();
          resolve({
            status: response.statusCode ?? 0,
            body: Buffer.concat(chunks),
            headers: response.headers,
          });
          // Answered before it was read to its end: no secret is written once its owner may have wiped it.
          if (!request.writableEnded) request.destroy();
        });
      });
      send(request, body).catch((error: unknown) => fail('the request could not be sent', error));
    });
  }

  /** Drops every connection; what is under way fails. */
  close(): void {
    this.#agent.destroy();
  }

  /** Where a request for `path` goes. */
  addressOf(path: string): URL {
    const { url } = this.#options;
    return path === '' ? url : new URL(`${url.origin}${url.pathname.replace(/\/$/, '')}${path}`);
  }

  #open({ method, path }: TransportRequest, headers: Record<string, string | number>): ClientRequest {
    try {
      return httpsRequest(this.addressOf(path), { method, agent: this.#agent, headers });
    } catch (error) {
      // Node looks at names and values before it connects; it names the header, and not its value.
      throw new HushtoneError('request_header', 'internal', 'a header cannot be written', { cause: error });
    }
  }

  #headersOf(
    { headers }: TransportRequest,
    body: readonly BodyChunk[] | undefined,
  ): Record<string, string | number> {
    const { headers: always, credentials = {} } = this.#options;
    return {
      accept: 'application/json',
      ...always,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
      ...(body !== undefined && { 'content-length': lengthOfBody(body) }),
      ...Object.fromEntries(Object.entries(credentials).map(([name, secret]) => [name, secret.reveal()])),
    };
  }
}

/**
 * Writes one chunk after the other. Several at once would be put together in one piece of plain memory, and so would a
 * chunk that waits for its connection: a secret is written only when everything before it has left.
 */
async function send(request: ClientRequest, body: readonly BodyChunk[] = []): Promise<void> {
  request.setNoDelay(true);
  if (body.length > 0) request.flushHeaders();
  for (const chunk of body) {
    await new Promise<void>((resolve, reject) => {
      const written = (error?: Error | null): void => (error ? reject(error) : resolve());
      if (typeof chunk === 'string') request.write(chunk, written);
      else lend(chunk, (bytes) => writeAtOnce(request, bytes, written));
    });
  }
  request.end();
}

/** Node gathers the writes of one turn; this one is encrypted before the secret's memory is given back. */
function writeAtOnce(
  request: ClientRequest,
  bytes: Uint8Array,
  written: (error?: Error | null) => void,
): void {
  request.write(bytes, written);
  const { socket } = request;
  for (let corks = socket?.writableCorked ?? 0; corks > 0; corks -= 1) socket?.uncork();
}
