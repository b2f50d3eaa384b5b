import cors from '@fastify/cors';
import type { FastifyInstance } from 'fastify';

/** What the interface's operations use, and those to come. */
const CROSS_ORIGIN_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];
const CROSS_ORIGIN_REQUEST_HEADERS = ['authorization', 'content-type', 'idempotency-key', 'last-event-id'];
const CROSS_ORIGIN_ANSWER_HEADERS = [
  'idempotent-replayed',
  'location',
  'ratelimit',
  'ratelimit-policy',
  'retry-after',
];
/** How long a browser may rely on an answer to a preflight request. */
const PREFLIGHT_SECONDS = 600;

/** The Fetch standard's CORS protocol, for the panel's origins only: any other page reads nothing of an answer. */
export async function allowCrossOrigin(server: FastifyInstance, origins: readonly string[]): Promise<void> {
  await server.register(cors, {
    origin: [...origins],
    methods: CROSS_ORIGIN_METHODS,
    allowedHeaders: CROSS_ORIGIN_REQUEST_HEADERS,
    exposedHeaders: CROSS_ORIGIN_ANSWER_HEADERS,
    maxAge: PREFLIGHT_SECONDS,
    // Access tokens are sent by the page; no cookie of ours is there to be misused.
    credentials: false,
  });
}
