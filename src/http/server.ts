import type { Socket } from 'node:net';
import cors from '@fastify/cors';
import helmet from '@fastify/helmet';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import openapiGlue from 'fastify-openapi-glue';
import type { TokenVerifier } from '../access/access-token.ts';
import { TOKEN_PATH, type AuthorizationServer } from '../access/authorization-server.ts';
import { HushtoneError } from '../kernel/errors.ts';
import type { Clock } from '../kernel/clock.ts';
import { newId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/logger.ts';
import type {
  AuditDesk,
  CallDesk,
  CaptureDesk,
  GrantDesk,
  HealthReport,
  IdempotencyDesk,
} from '../workflows/contract.ts';
import type { ConnectorDesk } from '../workflows/connector/contract.ts';
import type { PaymentDesk } from '../workflows/payments/contract.ts';
import type { ProviderDesk } from '../workflows/providers/contract.ts';
import type { TokenDesk } from '../workflows/tokens/contract.ts';
import type { AccountEventDesk, WebhookDesk } from '../workflows/webhooks/contract.ts';
import { requireAccess, type AccessRules } from './auth.ts';
import type { Contract } from './contract.ts';
import { acceptForms } from './form.ts';
import type { Handlers } from './handlers.ts';
import { idempotencyHooks } from './idempotency.ts';
import { notFoundProblem, PROBLEM_TYPE, toProblem, unreadableProblem, type Problem } from './problem.ts';
import { answerInNodesPlace, listenerOptions, type ListenerOptions } from './listener.ts';
import { createRateLimiter, type RateLimits } from './rate-limit.ts';
import { auditHandlers, recordRefusal } from './routes/audit.ts';
import { callHandlers } from './routes/calls.ts';
import { captureHandlers } from './routes/captures.ts';
import {
  CONNECTOR_OPERATION,
  connectorHandlers,
  connectorRouteOptions,
  connectorTokenOf,
} from './routes/connector.ts';
import { contractHandlers } from './routes/contract.ts';
import { eventHandlers } from './routes/events.ts';
import { grantHandlers } from './routes/grants.ts';
import { healthHandlers } from './routes/health.ts';
import { oauthHandlers, tokenRouteOptions } from './routes/oauth.ts';
import { paymentHandlers } from './routes/payments.ts';
import { providerHandlers } from './routes/providers.ts';
import { cardTokenHandlers } from './routes/tokens.ts';
import { webhookHandlers } from './routes/webhooks.ts';
import { createValidatorCompiler } from './validation.ts';
import { CLEANSE_PLAINTEXT, wipeWhatArrives } from './without-residue.ts';

/** A capture request is under 2 kB; nothing that this interface takes is larger. */
const LARGEST_BODY_BYTES = 32 * 1024;
const NOTHING_TO_RUN = {
  'content-security-policy': "default-src 'none'",
  'x-content-type-options': 'nosniff',
};
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

export interface HttpOptions {
  readonly contract: Contract;
  readonly captures: CaptureDesk;
  readonly calls: CallDesk;
  readonly grants: GrantDesk;
  readonly audit: AuditDesk;
  readonly payments: PaymentDesk;
  readonly providers: ProviderDesk;
  readonly cardTokens: TokenDesk;
  /** Other voice platforms may hand over card details. Absent: that operation is not there. */
  readonly connector?: ConnectorDesk;
  readonly webhooks: WebhookDesk;
  readonly accountEvents: AccountEventDesk;
  readonly idempotency: IdempotencyDesk;
  readonly readiness: () => Promise<HealthReport>;
  readonly verifyToken: TokenVerifier;
  readonly authorization: AuthorizationServer;
  /** Lists of blocks that the address of a request must be in, each of them; an empty list allows any. */
  readonly networksOf?: AccessRules['networksOf'];
  readonly listener: ListenerOptions;
  readonly rateLimits: RateLimits;
  /** Origins of web pages that may call from a browser. */
  readonly panelOrigins: readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly tls?: {
    readonly cert: string;
    readonly key: string;
    /** Ask clients for a certificate, whoever signed it: tokens can be bound to one (RFC 8705). */
    readonly askForCertificates?: boolean;
  };
  /** Compare every response with the contract and fail the request when it differs. Off in production. */
  readonly checkResponses: boolean;
}

function httpsOptions(
  { cert, key, askForCertificates = false }: NonNullable<HttpOptions['tls']>,
  takesCards: boolean,
) {
  return {
    cert,
    key,
    minVersion: 'TLSv1.2' as const,
    ...(takesCards && { secureOptions: CLEANSE_PLAINTEXT }),
    // What counts is the key that the client proves to hold, not who vouches for it (RFC 8705 section 2.2).
    ...(askForCertificates && { requestCert: true, rejectUnauthorized: false }),
  };
}

type ProblemSender = (error: unknown, request: FastifyRequest, reply: FastifyReply) => void;

/** Builds the server without listening. Routes, validation and scopes come from openapi.yaml. */
export async function buildHttp(options: HttpOptions): Promise<FastifyInstance> {
  const sendProblem = problemSender(options.logger);
  const listener = listenerOptions(options.listener);
  const limiter = createRateLimiter(options.rateLimits, options.clock);
  const server = Fastify({
    ...listener.fastify,
    bodyLimit: LARGEST_BODY_BYTES,
    genReqId: () => newId('req'),
    forceCloseConnections: true,
    // Fastify's own answer is no problem document; all connections are closed at that moment anyway.
    return503OnClosing: false,
    // A path that cannot be decoded, or a parameter that is too long.
    frameworkErrors: (error: unknown, request: FastifyRequest, reply: FastifyReply) =>
      // No hook has run, hence none of helmet's.
      sendProblem(error, request, reply.headers(NOTHING_TO_RUN)),
    clientErrorHandler: answerUnreadable,
    logger: false,
    ...(options.tls
      ? { https: { ...listener.https, ...httpsOptions(options.tls, options.connector !== undefined) } }
      : { http: listener.http }),
  }) as FastifyInstance;

  if (options.connector !== undefined) wipeWhatArrives(server.server, options.tls !== undefined);
  server.setValidatorCompiler(createValidatorCompiler());
  // Bodies are checked against the contract below and sent as they are: a serializer that drops unknown members
  // would hide a mistake.
  server.setSerializerCompiler(() => (data) => JSON.stringify(data));
  server.setErrorHandler((error, request, reply) => sendProblem(error, request, reply));
  server.setNotFoundHandler(async (request, reply) => {
    await reply.code(404).type(PROBLEM_TYPE).send(notFoundProblem(request.id));
  });
  acceptEmptyJson(server);
  acceptForms(server, [TOKEN_PATH]);
  checkEveryBody(server, options.contract);
  await server.register(helmet, { contentSecurityPolicy: { directives: { defaultSrc: ["'none'"] } } });
  if (options.panelOrigins.length > 0) await allowCrossOrigin(server, options.panelOrigins);
  answerInNodesPlace(server, (socket) => answerUnreadable(new Error('a request without a host'), socket));
  // Before a token is looked at, and for paths that there are not.
  server.addHook('onRequest', async (request, reply) => limiter.countAddress(request, reply));
  await server.register(openapiGlue, {
    specification: structuredClone(options.contract.document),
    operationResolver: operationResolver(options, {
      verifyToken: options.verifyToken,
      ...(options.networksOf && { networksOf: options.networksOf }),
      checkGrant: async (principal) => await options.grants.check(principal),
      count: (principal, reply) => limiter.countPrincipal(principal, reply),
    }),
  });
  logRequests(server, options.logger);
  return server;
}

/** The Fetch standard's CORS protocol, for the panel's origins only: any other page reads nothing of an answer. */
async function allowCrossOrigin(server: FastifyInstance, origins: readonly string[]): Promise<void> {
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
  if (['token_invalid', 'grant_ended', 'client_disabled'].includes(code))
    return 'Bearer error="invalid_token"';
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
 * pass unchecked. The schema of a JSON body applies whatever is named; an operation that takes a form looks at the media
 * type by itself. Where there is no body, Fastify asks the schema about null.
 */
function checkEveryBody(server: FastifyInstance, contract: Contract): void {
  server.addHook('onRoute', ({ schema }) => {
    const { content } = (schema?.body ?? {}) as { content?: Record<string, { schema: object }> };
    const json = content?.['application/json'];
    if (schema === undefined || json === undefined) return;
    const { operationId = '' } = schema as { operationId?: string };
    if (operationId === CONNECTOR_OPERATION) {
      // It holds a card number, so it is never made a text to be held against a schema: its reader is strict by itself.
      delete schema.body;
      return;
    }
    schema.body = contract.bodyOptional(operationId) ? { ...json.schema, nullable: true } : json.schema;
  });
}

function operationResolver(options: HttpOptions, rules: AccessRules) {
  const handlers: Handlers = {
    ...captureHandlers(options.captures, options.grants),
    ...grantHandlers(options.grants),
    ...callHandlers(options.calls),
    ...paymentHandlers(options.payments),
    ...providerHandlers(options.providers),
    ...cardTokenHandlers(options.cardTokens),
    ...connectorHandlers(options.connector),
    ...webhookHandlers(options.webhooks),
    ...eventHandlers(options.accountEvents),
    ...auditHandlers(options.audit),
    ...contractHandlers(options.contract),
    ...healthHandlers(options.readiness),
    ...oauthHandlers(options.authorization),
  };
  return (operationId: string) => {
    const handler = handlers[operationId];
    if (handler === undefined)
      throw new Error(`openapi.yaml has the operation ${operationId} and no handler does`);
    const scopes = options.contract.scopesOf(operationId);
    const key = options.contract.idempotencyOf(operationId);
    return {
      ...(scopes && {
        onRequest: requireAccess(operationId, scopes, rules),
        errorHandler: refusalHandler(options, operationId),
      }),
      ...(key && idempotencyHooks(options.idempotency, operationId, key === 'required')),
      ...(options.checkResponses && { preSerialization: responseCheck(options, operationId) }),
      ...(operationId === 'createToken' && tokenRouteOptions(options.logger)),
      ...(operationId === CONNECTOR_OPERATION && connectorRoute(options, rules)),
      handler,
    } as never;
  };
}

/** Basic authentication in the place of a token, and a body that is nobody's but the handler's. */
function connectorRoute(options: HttpOptions, rules: AccessRules): Readonly<Record<string, unknown>> {
  const { authorization, connector, contract, audit, logger } = options;
  const scopes = contract.scopesOf(CONNECTOR_OPERATION) ?? [];
  const tokenOf = connectorTokenOf(authorization, scopes, connector !== undefined);
  return {
    onRequest: requireAccess(CONNECTOR_OPERATION, scopes, { ...rules, tokenOf }),
    ...connectorRouteOptions(logger, async (request, error) => {
      await recordRefusal(audit, CONNECTOR_OPERATION, request, error);
    }),
  };
}

/** A refusal is on record before it is told. */
function refusalHandler({ audit, logger }: HttpOptions, operationId: string) {
  const sendProblem = problemSender(logger);
  return async (error: unknown, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    await recordRefusal(audit, operationId, request, error);
    sendProblem(error, request, reply);
    return reply;
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
