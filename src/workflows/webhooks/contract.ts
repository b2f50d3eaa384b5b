/** Webhooks and the account's events as the use cases offer them. The shapes are those of openapi.yaml, in its words. */
import type { AccountEvent, EventType } from '../../events/types.ts';
import type { DeliveryState } from '../../events/webhooks/delivery-store.ts';
import type { DisabledReason } from '../../events/webhooks/endpoint-store.ts';
import type { DeliveryError } from '../../events/webhooks/sender.ts';
import type { Actor } from '../contract.ts';

export interface WebhookRequest {
  readonly url: string;
  readonly description?: string;
  /** Absent or empty: every type. */
  readonly event_types?: readonly EventType[];
  /** Sign with an Ed25519 key too (`v1a`). */
  readonly ed25519?: boolean;
  readonly enabled?: boolean;
}

export type WebhookChanges = Partial<WebhookRequest>;

export interface WebhookKeyResource {
  readonly id: string;
  readonly scheme: 'hmac-sha256' | 'ed25519';
  /** `whpk_…`, of an Ed25519 key. */
  readonly public_key?: string;
  readonly created_at: string;
  /** Of a key that was replaced: until then it signs too. */
  readonly expires_at?: string;
}

export interface WebhookResource {
  readonly id: string;
  readonly url: string;
  readonly description: string;
  readonly event_types: readonly string[];
  readonly ed25519: boolean;
  readonly enabled: boolean;
  readonly disabled_reason?: DisabledReason;
  readonly disabled_at?: string;
  /** What signs now. */
  readonly keys: readonly WebhookKeyResource[];
  readonly created_at: string;
  readonly updated_at: string;
}

/** The only answers that hold the secret: it is told once and cannot be read again. */
export interface WebhookWithSecretResource extends WebhookResource {
  /** `whsec_…` */
  readonly secret: string;
}

export interface WebhookDeliveryResource {
  readonly id: string;
  readonly webhook_id: string;
  readonly event_id: string;
  readonly event_type: string;
  readonly event_sequence: number;
  readonly status: DeliveryState;
  readonly attempt_count: number;
  readonly next_attempt_at?: string;
  readonly replayed_at?: string;
  readonly created_at: string;
  readonly finished_at?: string;
  /** The latest, in order. */
  readonly attempts: readonly {
    readonly attempt: number;
    readonly started_at: string;
    readonly duration_ms: number;
    readonly response_status?: number;
    readonly error?: DeliveryError;
  }[];
}

export interface DeliveryQuery {
  readonly status?: DeliveryState;
  readonly cursor?: string;
  readonly limit?: number;
}

export interface WebhookDesk {
  /** Rejects with `webhook_url_refused` or `webhooks_too_many`. */
  create(actor: Actor, request: WebhookRequest): Promise<WebhookWithSecretResource>;
  list(actor: Actor): Promise<WebhookResource[]>;
  /** This and the following reject with `webhook_not_found`. */
  get(actor: Actor, webhookId: string): Promise<WebhookResource>;
  /** Enabling a webhook takes up what it had missed when it was disabled for its failures. */
  update(actor: Actor, webhookId: string, changes: WebhookChanges): Promise<WebhookResource>;
  remove(actor: Actor, webhookId: string): Promise<void>;
  /** New keys; the old ones sign along for `overlap_seconds`. Rejects with `webhook_keys_too_many` too. */
  rotate(
    actor: Actor,
    webhookId: string,
    request: { readonly overlap_seconds?: number },
  ): Promise<WebhookWithSecretResource>;
  /** Rejects with `cursor_invalid` too. */
  deliveries(
    actor: Actor,
    webhookId: string,
    query: DeliveryQuery,
  ): Promise<{ readonly deliveries: readonly WebhookDeliveryResource[]; readonly next_cursor?: string }>;
  /** Rejects with `delivery_not_found`, or `webhook_disabled`. */
  replay(actor: Actor, webhookId: string, deliveryId: string): Promise<WebhookDeliveryResource>;
}

export interface AccountEventDesk {
  /**
   * Replays the account's events after `afterSequence` (undefined: none) and follows. `listener` gets each once, in
   * order; the next page waits for what it returns. `failed` is called at most once, when the events cannot be read
   * any more. Neither is called after `close`.
   */
  follow(
    actor: Pick<Actor, 'accountId'>,
    afterSequence: number | undefined,
    listener: (events: readonly AccountEvent[]) => Promise<void>,
    failed: () => void,
  ): Promise<{ close(): void }>;
}
