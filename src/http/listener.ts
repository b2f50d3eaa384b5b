import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyServerOptions } from 'fastify';
import { addressMatcher } from '../access/networks.ts';

/** What the listener puts up with. */
export interface ListenerOptions {
  /** Addresses and CIDR blocks of the proxies whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[];
  /** How long the headers of a request may take, the TLS handshake before them as long again. */
  readonly headersTimeoutMs: number;
  /** How long a whole request may take. */
  readonly requestTimeoutMs: number;
  /** How long a connection without a request stays open. */
  readonly keepAliveTimeoutMs: number;
}

/** Connections are looked at this often, so that a time-out is at most this late. */
const LONGEST_CHECK_INTERVAL_MS = 1000;

/**
 * What Node's parser lets through and answers without a body. A request of HTTP/1.1 has a Host field (RFC 9112 section
 * 3.2); an expectation that is not known may be passed over (RFC 9110 section 10.1.1). `refuse`
 * answers what is no request, of whatever operation.
 */
export function answerInNodesPlace(server: FastifyInstance, refuse: (socket: Socket) => void): void {
  server.server.on('checkExpectation', (request, response) =>
    server.server.emit('request', request, response),
  );
  server.addHook('onRequest', async ({ raw }, reply) => {
    if (raw.httpVersion !== '1.1' || raw.headers.host !== undefined) return;
    reply.hijack();
    refuse(raw.socket);
  });
}

/** For Fastify: where requests come from, and how long a slow client may keep a connection. */
export function listenerOptions(options: ListenerOptions) {
  const { trustedProxies, headersTimeoutMs, requestTimeoutMs, keepAliveTimeoutMs } = options;
  const server = {
    headersTimeout: headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
    connectionsCheckingInterval: Math.min(LONGEST_CHECK_INTERVAL_MS, headersTimeoutMs),
    // Node's own refusal is no problem document: `answerInNodesPlace` does it.
    requireHostHeader: false,
  };
  return {
    fastify: {
      requestTimeout: requestTimeoutMs,
      keepAliveTimeout: keepAliveTimeoutMs,
      trustProxy: trustedProxies.length === 0 ? false : addressMatcher(trustedProxies),
    } satisfies FastifyServerOptions,
    http: server,
    https: { ...server, handshakeTimeout: headersTimeoutMs },
  };
}
