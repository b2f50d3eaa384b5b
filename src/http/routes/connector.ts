import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AuthorizationServer } from '../../access/authorization-server.ts';
import { OAuthError } from '../../access/oauth-error.ts';
import { HushtoneError } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { ConnectorAnswerBody, ConnectorDesk } from '../../workflows/connector/contract.ts';
import { presentedBy, principalOf } from '../auth.ts';
import type { Handlers } from '../handlers.ts';
import { toProblem } from '../problem.ts';
import { forgetBody, overwriteStack, piecesOf } from '../without-residue.ts';

export const CONNECTOR_OPERATION = 'takeConnectorPayment';

const JSON_TYPE = 'application/json; charset=utf-8';

/** The operation by which other voice platforms call the gateway as their generic pay connector. */
export function connectorHandlers(connector: ConnectorDesk | undefined): Handlers {
  return {
    async takeConnectorPayment(request, reply) {
      if (connector === undefined) throw notFound();
      const { status, body } = await connector.take(principalOf(request), piecesOf(request.raw));
      reply.code(status).header('cache-control', 'no-store');
      return body;
    },
  };
}

/**
 * Who asks is told by HTTP Basic authentication (RFC 7617): the id of a client and one of its secrets, as the token
 * endpoint takes them, with its lock-outs and its records. Throws `OAuthError` as that does.
 */
export function connectorTokenOf(
  authorization: AuthorizationServer,
  scopes: readonly string[],
  enabled: boolean,
): (request: FastifyRequest) => Promise<string> {
  return async (request) => {
    if (!enabled) throw notFound();
    const answer = await authorization.issue({
      parameters: { grant_type: 'client_credentials', scope: scopes.join(' ') },
      authorization: request.headers.authorization,
      address: request.ip,
      requestId: request.id,
      presented: presentedBy(request),
    });
    return answer.access_token;
  };
}

/**
 * What the route needs beside its handler. The body never goes through Fastify, which would make a text of it: the handler
 * reads it from the socket, piece by piece. Errors have the form of the connector's contract: voice platforms read no
 * problem documents.
 */
export function connectorRouteOptions(
  logger: Logger,
  record: (request: FastifyRequest, error: unknown) => Promise<void>,
): Readonly<Record<string, unknown>> {
  return {
    async preParsing(request: FastifyRequest): Promise<Readable> {
      const declared = Number(request.headers['content-length'] ?? 0);
      return Object.assign(Readable.from([]), { receivedEncodedLength: declared });
    },
    async errorHandler(error: unknown, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
      forgetBody(request.raw);
      await record(request, error);
      const { status, code, message } = describe(error, request, logger);
      if (status === 401) reply.header('www-authenticate', 'Basic realm="hushtone", charset="UTF-8"');
      if (error instanceof OAuthError && error.lockedSeconds !== undefined) {
        reply.header('retry-after', String(error.lockedSeconds));
      }
      const body: ConnectorAnswerBody = { error_code: code, error_message: message, parameters: {} };
      reply.code(status).type(JSON_TYPE).header('cache-control', 'no-store').header('connection', 'close');
      return await reply.send(body);
    },
    async onResponse(): Promise<void> {
      // In a turn of its own: what is to be overwritten is deeper in the stack than that begins.
      setImmediate(overwriteStack);
    },
  };
}

function describe(
  error: unknown,
  request: FastifyRequest,
  logger: Logger,
): { readonly status: number; readonly code: string; readonly message: string } {
  if (error instanceof OAuthError) {
    const locked = error.lockedSeconds !== undefined;
    const unauthorized = error.error === 'invalid_client' || error.error === 'invalid_request';
    const status = locked ? 429 : unauthorized ? 401 : error.error === 'invalid_scope' ? 403 : 503;
    return { status, code: error.error, message: error.message };
  }
  const { status, code, detail } = toProblem(error, request.id);
  if (status >= 500) logger.error('request failed', { requestId: request.id, code, error });
  return { status, code, message: detail };
}

function notFound(): HushtoneError {
  return new HushtoneError('route_not_found', 'not_found', 'There is no such resource.');
}
