import type { FastifyReply, FastifyRequest, RouteShorthandOptions } from 'fastify';
import type { AuthorizationServer } from '../../access/authorization-server.ts';
import type { TokenParameters } from '../../access/client-credentials.ts';
import { OAuthError, type OAuthErrorCode } from '../../access/oauth-error.ts';
import type { Logger } from '../../kernel/logger.ts';
import { presentedBy } from '../auth.ts';
import { FORM_TYPE } from '../form.ts';
import type { Handlers } from '../handlers.ts';
import { toProblem } from '../problem.ts';

/** A verifier elsewhere may keep the keys this long; a new key is published at least as long before it signs. */
const JWKS_CACHE_SECONDS = 300;

const STATUS: Record<OAuthErrorCode, number> = {
  invalid_request: 400,
  invalid_client: 401,
  unsupported_grant_type: 400,
  invalid_scope: 400,
  temporarily_unavailable: 503,
  server_error: 500,
};

/** The operations of the tag `authorization`. */
export function oauthHandlers(authorization: AuthorizationServer): Handlers {
  return {
    async createToken(request, reply) {
      forbidStoring(reply);
      if (mediaTypeOf(request) !== FORM_TYPE) {
        throw Object.assign(new Error('not a form'), { statusCode: 415 });
      }
      return await authorization.issue({
        parameters: request.body as TokenParameters,
        authorization: request.headers.authorization,
        address: request.ip,
        requestId: request.id,
        presented: presentedBy(request),
      });
    },
    async getJwks(_request, reply) {
      reply.header('cache-control', `public, max-age=${JWKS_CACHE_SECONDS}`);
      return authorization.jwks;
    },
    async getAuthorizationServerMetadata(_request, reply) {
      reply.header('cache-control', `public, max-age=${JWKS_CACHE_SECONDS}`);
      return authorization.metadata();
    },
  };
}

function mediaTypeOf(request: FastifyRequest): string {
  return (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
}

/** RFC 6749 section 5.1: neither a token nor a refusal is kept by anyone in between. */
function forbidStoring(reply: FastifyReply): void {
  reply.header('cache-control', 'no-store').header('pragma', 'no-cache');
}

/** RFC 6749 section 5.2 has its own form of errors: OAuth clients read no problem documents. */
export function tokenRouteOptions(logger: Logger): Pick<RouteShorthandOptions, 'errorHandler'> {
  return {
    errorHandler(error: unknown, request, reply) {
      forbidStoring(reply);
      const { status, code, description } = describe(error, request, logger);
      if (status === 401) reply.header('www-authenticate', 'Basic realm="hushtone", charset="UTF-8"');
      if (error instanceof OAuthError && error.lockedSeconds !== undefined) {
        reply.header('retry-after', String(error.lockedSeconds));
      }
      void reply
        .code(status)
        .type('application/json; charset=utf-8')
        .send({ error: code, error_description: description });
    },
  };
}

function describe(
  error: unknown,
  request: FastifyRequest,
  logger: Logger,
): { readonly status: number; readonly code: OAuthErrorCode; readonly description: string } {
  if (error instanceof OAuthError) {
    const status = error.lockedSeconds === undefined ? STATUS[error.error] : 429;
    return { status, code: error.error, description: error.message };
  }
  const { status, code, detail } = toProblem(error, request.id);
  if (status < 500) {
    const description = status === 415 ? `Send ${FORM_TYPE}.` : detail;
    return { status, code: status === 429 ? 'temporarily_unavailable' : 'invalid_request', description };
  }
  logger.error('request failed', { requestId: request.id, code, error });
  const unavailable = status === 503;
  return { status, code: unavailable ? 'temporarily_unavailable' : 'server_error', description: detail };
}
