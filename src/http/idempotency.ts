import type { FastifyReply, FastifyRequest } from 'fastify';
import { HushtoneError } from '../kernel/errors.ts';
import type { IdempotencyClaim, IdempotencyDesk, StoredAnswer } from '../workflows/contract.ts';
import { maskNumber } from '../workflows/numbers.ts';
import { principalOf } from './auth.ts';
import { PROBLEM_TYPE } from './problem.ts';

/** The draft's form is a string of RFC 8941, in quotes; most clients send it bare. Both are the same key. */
const KEY = /^(?:"([A-Za-z0-9_.:-]{1,64})"|([A-Za-z0-9_.:-]{1,64}))$/;

/** Nothing was done: the same request may come again under the same key, or another one. */
const NOT_KEPT = new Set([400, 401, 403, 429]);

type Body = Record<string, unknown>;

/** What an answer holds that no table of ours may: what is told once only, and telephone numbers in the clear. */
const KEPT_OF: Readonly<Record<string, (body: Body) => Body>> = {
  createGrant: ({ token: _token, ...grant }) => grant,
  createWebhook: ({ secret: _secret, ...webhook }) => webhook,
  rotateWebhookSecret: ({ secret: _secret, ...webhook }) => webhook,
  releaseCall: (call) =>
    typeof call['from'] === 'string' ? { ...call, from: maskNumber(call['from']) } : call,
};

const claims = new WeakMap<FastifyRequest, IdempotencyClaim>();

/** What the request was claimed under; undefined when it came without a key. */
export function claimOf(request: FastifyRequest): IdempotencyClaim | undefined {
  return claims.get(request);
}

/** Throws `idempotency_key_missing` or `idempotency_key_invalid`. */
export function readKey(header: string | string[] | undefined, required: boolean): string | undefined {
  if (header === undefined) {
    if (!required) return undefined;
    throw new HushtoneError(
      'idempotency_key_missing',
      'invalid',
      'Send an Idempotency-Key of your own with this request, and the same one when you repeat it.',
    );
  }
  const match = typeof header === 'string' ? KEY.exec(header) : null;
  const key = match?.[1] ?? match?.[2];
  if (key !== undefined) return key;
  throw new HushtoneError(
    'idempotency_key_invalid',
    'invalid',
    'An Idempotency-Key has 1 to 64 characters of A-Z a-z 0-9 _ . : -',
  );
}

/**
 * The hooks of a route that takes an Idempotency-Key, for operations behind `requireAccess`. The key is looked at
 * before the request is held against the contract, and claimed after: a request that does not fit leaves no trace.
 */
export function idempotencyHooks(
  desk: IdempotencyDesk,
  operation: string,
  required: boolean,
): {
  preValidation(request: FastifyRequest): Promise<void>;
  preHandler(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined>;
  onSend(request: FastifyRequest, reply: FastifyReply, payload: unknown): Promise<unknown>;
} {
  const keyOf = (request: FastifyRequest): string | undefined =>
    readKey(request.headers['idempotency-key'], required);
  return {
    async preValidation(request) {
      keyOf(request);
    },
    async preHandler(request, reply) {
      const key = keyOf(request);
      if (key === undefined) return undefined;
      const { method, url, body } = request;
      const path = url.split('?', 1)[0] ?? url;
      const begun = await desk.begin(principalOf(request), { key, operation, method, path, body });
      if ('answer' in begun) return tellAgain(reply, begun.answer);
      claims.set(request, begun.claim);
      return undefined;
    },
    async onSend(request, reply, payload) {
      const claim = claims.get(request);
      if (claim === undefined) return payload;
      // An error while the answer is written brings a second answer with it: the first decides.
      claims.delete(request);
      const status = reply.statusCode;
      // What failed may have been done all the same, in part or whole: only the same request may come again.
      if (status >= 500) await desk.abandon(claim);
      else if (NOT_KEPT.has(status)) await desk.release(claim);
      else await desk.keep(claim, answerOf(operation, reply, payload));
      return payload;
    },
  };
}

function answerOf(operation: string, reply: FastifyReply, payload: unknown): StoredAnswer {
  const status = reply.statusCode;
  const location = reply.getHeader('location');
  const body = typeof payload === 'string' && payload !== '' ? (JSON.parse(payload) as Body) : undefined;
  const keptOf = status < 400 ? KEPT_OF[operation] : undefined;
  return {
    status,
    ...(body !== undefined && { body: keptOf === undefined ? body : keptOf(body) }),
    ...(typeof location === 'string' && { location }),
  };
}

function tellAgain(reply: FastifyReply, { status, body, location }: StoredAnswer): FastifyReply {
  reply.code(status).header('idempotent-replayed', 'true');
  if (location !== undefined) reply.header('location', location);
  if (status >= 400) reply.type(PROBLEM_TYPE);
  return reply.send(body);
}
