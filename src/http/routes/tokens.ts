import type { FastifyRequest } from 'fastify';
import type { CardTokenChanges, CardTokenListing, TokenDesk } from '../../workflows/tokens/contract.ts';
import { principalOf } from '../auth.ts';
import type { Handlers } from '../handlers.ts';

const tokenIdOf = (request: FastifyRequest): string => (request.params as { token_id: string }).token_id;

/** The operations of the tag `tokens`. */
export function cardTokenHandlers(tokens: TokenDesk): Handlers {
  return {
    listCardTokens: async (request) =>
      await tokens.page(principalOf(request), request.query as CardTokenListing),
    getCardToken: async (request) => await tokens.get(principalOf(request), tokenIdOf(request)),
    updateCardToken: async (request) =>
      await tokens.update(principalOf(request), tokenIdOf(request), request.body as CardTokenChanges),
    async deleteCardToken(request, reply) {
      await tokens.remove(principalOf(request), tokenIdOf(request));
      reply.code(204);
    },
  };
}
