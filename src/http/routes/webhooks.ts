import type { FastifyRequest } from 'fastify';
import type {
  DeliveryQuery,
  WebhookChanges,
  WebhookDesk,
  WebhookRequest,
} from '../../workflows/webhooks/contract.ts';
import { principalOf } from '../auth.ts';
import type { Handlers } from '../handlers.ts';

const webhookIdOf = (request: FastifyRequest): string =>
  (request.params as { webhook_id: string }).webhook_id;

/** The operations of the tag `webhooks`. */
export function webhookHandlers(webhooks: WebhookDesk): Handlers {
  return {
    async createWebhook(request, reply) {
      const webhook = await webhooks.create(principalOf(request), request.body as WebhookRequest);
      // It holds the secret.
      reply.code(201).header('location', `/v1/webhooks/${webhook.id}`).header('cache-control', 'no-store');
      return webhook;
    },
    listWebhooks: async (request) => ({ webhooks: await webhooks.list(principalOf(request)) }),
    getWebhook: async (request) => await webhooks.get(principalOf(request), webhookIdOf(request)),
    updateWebhook: async (request) =>
      await webhooks.update(principalOf(request), webhookIdOf(request), request.body as WebhookChanges),
    async deleteWebhook(request, reply) {
      await webhooks.remove(principalOf(request), webhookIdOf(request));
      reply.code(204);
    },
    async rotateWebhookSecret(request, reply) {
      const body = (request.body ?? {}) as { overlap_seconds?: number };
      const webhook = await webhooks.rotate(principalOf(request), webhookIdOf(request), body);
      reply.header('cache-control', 'no-store');
      return webhook;
    },
    listWebhookDeliveries: async (request) =>
      await webhooks.deliveries(principalOf(request), webhookIdOf(request), request.query as DeliveryQuery),
    async replayWebhookDelivery(request, reply) {
      const { delivery_id: deliveryId } = request.params as { delivery_id: string };
      const delivery = await webhooks.replay(principalOf(request), webhookIdOf(request), deliveryId);
      reply.code(202);
      return delivery;
    },
  };
}
