import type { FastifyReply, FastifyRequest } from 'fastify';

/** By `operationId` of openapi.yaml; what a handler returns is the response body. */
export type Handlers = Record<string, (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>>;
