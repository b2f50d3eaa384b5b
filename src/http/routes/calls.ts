import type { FastifyRequest } from 'fastify';
import type { CallDesk, CallSearch } from '../../workflows/contract.ts';
import { principalOf } from '../auth.ts';
import type { Handlers } from '../handlers.ts';

/** The operations of the tag `calls`. */
export function callHandlers(calls: CallDesk): Handlers {
  return {
    listCalls: async (request) => ({ calls: calls.list(principalOf(request)) }),
    searchCalls: async (request) => await calls.search(principalOf(request), request.body as CallSearch),
    releaseCall: async (request: FastifyRequest) =>
      await calls.release(principalOf(request), (request.params as { call_id: string }).call_id),
  };
}
