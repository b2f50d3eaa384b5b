import { Agent, request as httpsRequest } from 'node:https';
import type { TLSSocket } from 'node:tls';
import type { Clock } from '../../kernel/clock.ts';
import { tlsClientOptions } from '../../pki/tls-options.ts';
import type { Secret } from '../../secrets/secret.ts';

/** A larger answer is cut off: every answer of the sandbox is far shorter. */
const LONGEST_ANSWER_BYTES = 64 * 1024;

const MOST_CONNECTIONS = 32;

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
  /** `https:` only. */
  readonly url: URL;
  /** PEM: who signs the provider's certificate. No other authority is trusted. */
  readonly ca: string;
  /** PEM: the certificate that this gateway shows. */
  readonly clientCert: string;
  readonly clientKey: Secret;
  /** From the request to the last byte of its answer. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

export interface TransportRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

export interface TransportAnswer {
  readonly status: number;
  readonly body: Buffer;
}

/** HTTPS with client certificates (RFC 8705 calls it mutual TLS) on connections that are kept. */
export class Transport {
  readonly #options: TransportOptions;
  readonly #agent: Agent;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#agent = new Agent({
      keepAlive: true,
      maxSockets: MOST_CONNECTIONS,
      ...tlsClientOptions({
        ca: options.ca,
        certificate: options.clientCert,
        key: options.clientKey.reveal(),
      }),
    });
  }

  /** Sends one request once. Rejects with a `TransportError`, never for a status. */
  exchange({ method, path, headers, body }: TransportRequest): Promise<TransportAnswer> {
    const { url, clock, timeoutMs } = this.#options;
    return new Promise((resolve, reject) => {
      let mayHaveArrived = false;
      const chunks: Buffer[] = [];
      let length = 0;
      const request = httpsRequest(new URL(path, url), {
        method,
        agent: this.#agent,
        headers: {
          accept: 'application/json',
          ...(body !== undefined && {
            'content-type': 'application/json',
            'content-length': Buffer.byteLength(body),
          }),
          ...headers,
        },
      });
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
      request.on('response', (response) => {
        response.on('data', (chunk: Buffer) => {
          length += chunk.length;
          if (length > LONGEST_ANSWER_BYTES) fail('the answer is too long');
          else chunks.push(chunk);
        });
        response.on('error', (error) => fail('the answer broke off', error));
        response.on('end', () => {
          deadline.cancel();
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) });
        });
      });
      request.end(body);
    });
  }

  /** Drops every connection; what is under way fails. */
  close(): void {
    this.#agent.destroy();
  }
}
