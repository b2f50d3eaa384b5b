import type { AuditEntry } from '../../audit/entry.ts';
import type { DeliveryAttempt, LoggedDelivery } from '../../events/webhooks/delivery-store.ts';
import type { Endpoint } from '../../events/webhooks/endpoint-store.ts';
import type { StoredSecret } from '../../events/webhooks/secret-store.ts';
import type { WebhookDeliveryResource, WebhookResource } from './contract.ts';

export function webhookResource(endpoint: Endpoint, secrets: readonly StoredSecret[]): WebhookResource {
  return {
    id: endpoint.id,
    url: endpoint.url,
    description: endpoint.description,
    event_types: endpoint.eventTypes,
    ed25519: endpoint.ed25519,
    enabled: endpoint.enabled,
    ...(endpoint.disabledReason !== null && { disabled_reason: endpoint.disabledReason }),
    ...(endpoint.disabledAt !== null && { disabled_at: endpoint.disabledAt.toISOString() }),
    keys: secrets.map((secret) => ({
      id: secret.id,
      scheme: secret.scheme,
      ...(secret.publicKey !== null && { public_key: secret.publicKey }),
      created_at: secret.createdAt.toISOString(),
      ...(secret.expiresAt !== null && { expires_at: secret.expiresAt.toISOString() }),
    })),
    created_at: endpoint.createdAt.toISOString(),
    updated_at: endpoint.updatedAt.toISOString(),
  };
}

/** For the record. Path and query of the URL stay out: many a receiver puts a password there. */
export function auditedWebhook(endpoint: Endpoint): NonNullable<AuditEntry['after']> {
  return {
    origin: new URL(endpoint.url).origin.replaceAll(/\d{5,}/g, '•••'),
    description: endpoint.description,
    event_types: endpoint.eventTypes,
    ed25519: endpoint.ed25519,
    enabled: endpoint.enabled,
    disabled_reason: endpoint.disabledReason,
  };
}

export function deliveryResource(
  delivery: LoggedDelivery,
  attempts: readonly DeliveryAttempt[],
): WebhookDeliveryResource {
  return {
    id: delivery.id,
    webhook_id: delivery.endpointId,
    event_id: delivery.eventId,
    event_type: delivery.eventType,
    event_sequence: delivery.sequence,
    status: delivery.state,
    attempt_count: delivery.attempts,
    ...(delivery.nextAttemptAt && { next_attempt_at: delivery.nextAttemptAt.toISOString() }),
    ...(delivery.replayedAt && { replayed_at: delivery.replayedAt.toISOString() }),
    created_at: delivery.createdAt.toISOString(),
    ...(delivery.finishedAt && { finished_at: delivery.finishedAt.toISOString() }),
    attempts: attempts.map(({ attempt, startedAt, durationMs, status, error }) => ({
      attempt,
      started_at: startedAt.toISOString(),
      duration_ms: durationMs,
      ...(status !== null && { response_status: status }),
      ...(error !== null && { error }),
    })),
  };
}
