import type { FastifyRequest } from 'fastify';
import type {
  ProviderChanges,
  ProviderDesk,
  ProviderRequest,
  RoutingRequest,
} from '../../workflows/providers/contract.ts';
import { principalOf } from '../auth.ts';
import type { Handlers } from '../handlers.ts';

const providerIdOf = (request: FastifyRequest): string =>
  (request.params as { provider_id: string }).provider_id;

/** The operations of the tag `providers`. */
export function providerHandlers(providers: ProviderDesk): Handlers {
  return {
    listProviderKinds: async () => await Promise.resolve({ kinds: providers.kinds() }),
    async createProvider(request, reply) {
      const provider = await providers.create(principalOf(request), request.body as ProviderRequest);
      reply.code(201).header('location', `/v1/providers/${provider.id}`);
      return provider;
    },
    listProviders: async (request) => ({ providers: await providers.list(principalOf(request)) }),
    getProvider: async (request) => await providers.get(principalOf(request), providerIdOf(request)),
    updateProvider: async (request) =>
      await providers.update(principalOf(request), providerIdOf(request), request.body as ProviderChanges),
    async deleteProvider(request, reply) {
      await providers.remove(principalOf(request), providerIdOf(request));
      reply.code(204);
    },
    checkProvider: async (request) => await providers.check(principalOf(request), providerIdOf(request)),
    getProviderRouting: async (request) => await providers.routing(principalOf(request)),
    setProviderRouting: async (request) =>
      await providers.setRouting(principalOf(request), request.body as RoutingRequest),
  };
}
