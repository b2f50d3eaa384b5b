import type { FastifyReply, FastifyRequest } from 'fastify';
import { requireAccess, type AccessRules } from './auth.ts';
import type { Handlers } from './handlers.ts';
import { idempotencyHooks } from './idempotency.ts';
import type { HttpOptions } from './options.ts';
import { PROBLEM_TYPE, toProblem } from './problem.ts';
import { problemSender } from './problem-sender.ts';
import type { RequestsUnderWay } from './requests-under-way.ts';
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

/**
 * By `operationId` of openapi.yaml: its handler, and what stands before and behind it. Throws for an operation that has
 * no handler.
 */
export function operationResolver(options: HttpOptions, rules: AccessRules, underWay: RequestsUnderWay) {
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
      ...(key &&
        countedHooks(idempotencyHooks(options.idempotency, operationId, key === 'required'), underWay)),
      ...(options.checkResponses && { preSerialization: responseCheck(options, operationId) }),
      ...(operationId === 'createToken' && tokenRouteOptions(options.logger)),
      ...(operationId === CONNECTOR_OPERATION && connectorRoute(options, rules)),
      handler: underWay.counted(handler),
    } as never;
  };
}

/** Claiming a key and keeping the answer are work of the request as well. */
function countedHooks(
  hooks: ReturnType<typeof idempotencyHooks>,
  underWay: RequestsUnderWay,
): ReturnType<typeof idempotencyHooks> {
  return {
    ...hooks,
    preHandler: underWay.counted(
      async (request: FastifyRequest, reply: FastifyReply) => await hooks.preHandler(request, reply),
    ),
    onSend: underWay.counted(
      async (request: FastifyRequest, reply: FastifyReply, payload: unknown) =>
        await hooks.onSend(request, reply, payload),
    ),
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
