import type { FastifyRequest } from 'fastify';
import type { GrantDesk, GrantRequest } from '../../workflows/contract.ts';
import { principalOf } from '../auth.ts';
import type { Handlers } from '../handlers.ts';

const grantIdOf = (request: FastifyRequest): string => (request.params as { grant_id: string }).grant_id;

/** The operations of the tag `grants`. */
export function grantHandlers(grants: GrantDesk): Handlers {
  return {
    async createGrant(request, reply) {
      const grant = await grants.create(principalOf(request), request.body as GrantRequest);
      // RFC 6749 section 5.1: what holds a token is not to be kept on the way.
      reply.code(201).header('location', `/v1/grants/${grant.id}`).header('cache-control', 'no-store');
      return grant;
    },
    getGrant: async (request) => await grants.get(principalOf(request), grantIdOf(request)),
    revokeGrant: async (request) => await grants.revoke(principalOf(request), grantIdOf(request)),
  };
}
