import type { Socket } from 'node:net';
import helmet from '@fastify/helmet';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import openapiGlue from 'fastify-openapi-glue';
import type { TokenVerifier } from '../access/access-token.ts';
import { HushtoneError } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/logger.ts';
import type { CallDesk, CaptureDesk, HealthReport } from '../workflows/contract.ts';
import { requireScopes } from './auth.ts';
import type { Contract } from './contract.ts';
import type { Handlers } from './handlers.ts';
import { notFoundProblem, PROBLEM_TYPE, toProblem, unreadableProblem, type Problem } from './problem.ts';
import { callHandlers } from './routes/calls.ts';
import { captureHandlers } from './routes/captures.ts';
import { healthHandlers } from './routes/health.ts';
import { createValidatorCompiler } from './validation.ts';

/** A capture request is under 2 kB; nothing that this interface takes is larger. */
const LARGEST_BODY_BYTES = 32 * 1024;
/** A client has this long to send its whole request. */
const REQUEST_TIMEOUT_MS = 15_000;

export interface HttpOptions {
  readonly contract: Contract;
  readonly captures: CaptureDesk;
  readonly calls: CallDesk;
  readonly readiness: () => Promise<HealthReport>;
  readonly verifyToken: TokenVerifier;
  readonly logger: Logger;
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Compare every response with the contract and fail the request when it differs. Off in production. */
  readonly checkResponses: boolean;
}

type ProblemSender = (error: unknown, request: FastifyRequest, reply: FastifyReply) => void;

/** Builds the server without listening. Routes, validation and scopes come from openapi.yaml. */
export async function buildHttp(options: HttpOptions): Promise<FastifyInstance> {
  const sendProblem = problemSender(options.logger);
  const server = Fastify({
    bodyLimit: LARGEST_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    genReqId: () => newId('req'),
    forceCloseConnections: true,
    // Fastify's own answer is no problem document; all connections are closed at that moment anyway.
    return503OnClosing: false,
    // A path that cannot be decoded, or a parameter that is too long.
    frameworkErrors: (error: unknown, request: FastifyRequest, reply: FastifyReply) =>
      sendProblem(error, request, reply),
    clientErrorHandler: answerUnreadable,
    logger: false,
    ...(options.tls && { https: { ...options.tls, minVersion: 'TLSv1.2' as const } }),
  }) as FastifyInstance;

  server.setValidatorCompiler(createValidatorCompiler());
  // Bodies are checked against the contract below and sent as they are: a serializer that drops unknown members
  // would hide a mistake.
  server.setSerializerCompiler(() => (data) => JSON.stringify(data));
  server.setErrorHandler((error, request, reply) => sendProblem(error, request, reply));
  server.setNotFoundHandler(async (request, reply) => {
    await reply.code(404).type(PROBLEM_TYPE).send(notFoundProblem(request.id));
  });
  acceptEmptyJson(server);
  checkEveryBody(server);
  await server.register(helmet, { contentSecurityPolicy: { directives: { defaultSrc: ["'none'"] } } });
  await server.register(openapiGlue, {
    specification: structuredClone(options.contract.document),
    operationResolver: operationResolver(options),
  });
  logRequests(server, options.logger);
  return server;
}

function problemSender(logger: Logger): ProblemSender {
  return (error, request, reply) => {
    const problem = toProblem(error, request.id);
    if (problem.status >= 500) {
      logger.error('request failed', { requestId: request.id, code: problem.code, error });
    }
    const challenge = challengeOf(problem);
    if (challenge !== undefined) reply.header('www-authenticate', challenge);
    void reply.code(problem.status).type(PROBLEM_TYPE).send(problem);
  };
}

/** RFC 6750 section 3. */
function challengeOf({ status, code }: Problem): string | undefined {
  if (code === 'scope_missing') return 'Bearer error="insufficient_scope"';
  if (code === 'token_invalid') return 'Bearer error="invalid_token"';
  return status === 401 ? 'Bearer' : undefined;
}

/** Bytes that Node's parser refuses: there is no request, hence no reply to send the problem with. */
function answerUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  const problem = unreadableProblem(error.code, newId('req'));
  const body = JSON.stringify(problem);
  const head = [
    `HTTP/1.1 ${problem.status} ${problem.title}`,
    `content-type: ${PROBLEM_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  if (socket.writable) socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
  socket.destroy(error);
}

/** A POST without a body is common (`…/cancel`), and so are clients that still announce JSON with it. */
function acceptEmptyJson(server: FastifyInstance): void {
  server.removeContentTypeParser('text/plain');
  server.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
    if (body === '') return done(null, undefined);
    try {
      return done(null, JSON.parse(body as string));
    } catch {
      return done(new HushtoneError('body_not_json', 'invalid', 'The request body is not JSON.'));
    }
  });
}

/**
 * A body schema that is bound to a media type would not be asked when a request names none: one without a body would
 * pass unchecked. JSON is the only media type there is, so the schema applies whatever is named.
 */
function checkEveryBody(server: FastifyInstance): void {
  server.addHook('onRoute', ({ schema }) => {
    const { content } = (schema?.body ?? {}) as { content?: Record<string, { schema: unknown }> };
    const json = content?.['application/json'];
    if (schema !== undefined && json !== undefined) schema.body = json.schema;
  });
}

function operationResolver(options: HttpOptions) {
  const handlers: Handlers = {
    ...captureHandlers(options.captures),
    ...callHandlers(options.calls),
    ...healthHandlers(options.readiness),
  };
  return (operationId: string) => {
    const handler = handlers[operationId];
    if (handler === undefined)
      throw new Error(`openapi.yaml has the operation ${operationId} and no handler does`);
    const scopes = options.contract.scopesOf(operationId);
    return {
      ...(scopes && { onRequest: requireScopes(scopes, options.verifyToken) }),
      ...(options.checkResponses && { preSerialization: responseCheck(options, operationId) }),
      handler,
    } as never;
  };
}

/** What differs from the contract is replaced by a problem document, a problem that is not declared included. */
function responseCheck({ contract, logger }: HttpOptions, operationId: string) {
  return async (request: FastifyRequest, reply: FastifyReply, payload: unknown): Promise<unknown> => {
    try {
      contract.checkResponse(operationId, reply.statusCode, JSON.parse(JSON.stringify(payload)));
      return payload;
    } catch (error) {
      logger.error('response off contract', { requestId: request.id, error });
      reply.code(500).type(PROBLEM_TYPE);
      return toProblem(error, request.id);
    }
  };
}

function logRequests(server: FastifyInstance, logger: Logger): void {
  server.addHook('onResponse', async (request, reply) => {
    logger.info('request', {
      requestId: request.id,
      method: request.method,
      route: request.routeOptions.url ?? 'none',
      httpStatus: reply.statusCode,
      durationMs: Math.round(reply.elapsedTime),
    });
  });
}
