import helmet from '@fastify/helmet';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import openapiGlue from 'fastify-openapi-glue';
import { TOKEN_PATH } from '../access/authorization-server.ts';
import { newId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/logger.ts';
import { acceptEmptyJson, checkEveryBody } from './bodies.ts';
import { allowCrossOrigin } from './cross-origin.ts';
import { acceptForms } from './form.ts';
import { answerInNodesPlace, listenerOptions } from './listener.ts';
import { operationResolver } from './operations.ts';
import type { HttpOptions } from './options.ts';
import { problemSender } from './problem-sender.ts';
import { notFoundProblem, PROBLEM_TYPE } from './problem.ts';
import { createRateLimiter } from './rate-limit.ts';
import { RequestsUnderWay } from './requests-under-way.ts';
import { answerUnreadable } from './unreadable.ts';
import { createValidatorCompiler } from './validation.ts';
import { CLEANSE_PLAINTEXT, wipeWhatArrives } from './without-residue.ts';

export type { HttpOptions } from './options.ts';

/** A capture request is under 2 kB; nothing that this interface takes is larger. */
const LARGEST_BODY_BYTES = 32 * 1024;
const NOTHING_TO_RUN = {
  'content-security-policy': "default-src 'none'",
  'x-content-type-options': 'nosniff',
};

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

/**
 * Builds the server without listening. Routes, validation and scopes come from openapi.yaml. Closing it ends every
 * connection, and waits for what is still being done for requests.
 */
export async function buildHttp(options: HttpOptions): Promise<FastifyInstance> {
  const sendProblem = problemSender(options.logger);
  const listener = listenerOptions(options.listener);
  const limiter = createRateLimiter(options.rateLimits, options.clock);
  const underWay = new RequestsUnderWay(options.clock);
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
    operationResolver: operationResolver(
      options,
      {
        verifyToken: options.verifyToken,
        ...(options.networksOf && { networksOf: options.networksOf }),
        checkGrant: async (principal) => await options.grants.check(principal),
        count: (principal, reply) => limiter.countPrincipal(principal, reply),
      },
      underWay,
    ),
  });
  logRequests(server, options.logger);
  // Fastify runs this when its connections are closed: nothing new comes in.
  server.addHook('onClose', async () => await underWay.settled(options.settleLimitMs));
  return server;
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
