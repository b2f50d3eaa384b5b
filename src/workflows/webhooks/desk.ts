import { appendAudit } from '../../audit/store.ts';
import type { AuditOperation } from '../../audit/operations.ts';
import type { Database, Queryable } from '../../db/database.ts';
import type { AddressPolicy } from '../../kernel/address-guard.ts';
import {
  cancelPending,
  enqueueDelivery,
  enqueueUnheld,
  findDelivery,
  listAttempts,
  listDeliveries,
  lockDelivery,
  restartDelivery,
  restartPending,
  type Delivery,
} from '../../events/webhooks/delivery-store.ts';
import {
  deleteEndpoint,
  findEndpoint,
  insertEndpoint,
  listEndpoints,
  lockEndpoint,
  lockEndpointsOf,
  updateEndpoint,
  type Endpoint,
} from '../../events/webhooks/endpoint-store.ts';
import { checkEndpointUrl } from '../../events/webhooks/endpoint-url.ts';
import { destroySecrets, findSecrets } from '../../events/webhooks/secret-store.ts';
import type { SecretSeal } from '../../events/webhooks/secret-seal.ts';
import type { Clock } from '../../kernel/clock.ts';
import { decodeCursor, encodeCursor } from '../../kernel/cursor.ts';
import { HushtoneError } from '../../kernel/errors.ts';
import { newId } from '../../kernel/ids.ts';
import { auditEntry } from '../audit-entry.ts';
import type { Actor } from '../contract.ts';
import { ensureAccount } from '../stores/account-store.ts';
import type {
  DeliveryQuery,
  WebhookChanges,
  WebhookDeliveryResource,
  WebhookDesk,
  WebhookRequest,
  WebhookResource,
  WebhookWithSecretResource,
} from './contract.ts';
import { auditedWebhook, deliveryResource, webhookResource } from './resource.ts';
import { addEd25519Secret, addHmacSecret, retireSecret } from './secrets.ts';

/** Every event is written once an endpoint, in the transaction of a capture: there must not be many. */
const MOST_WEBHOOKS = 20;
/** ISO/IEC 7812-1: the shortest card number that is in use. */
const CARD_NUMBER_LIKE = /\d(?:[ -]?\d){11}/;
const DEFAULT_OVERLAP_SECONDS = 86_400;
/** Every key of a scheme adds a signature to the header. */
const MOST_KEYS = 5;
const DEFAULT_PAGE = 50;
/** More than a delivery makes unless it is asked for again. */
const MOST_ATTEMPTS_SHOWN = 30;

export interface WebhookDeskOptions {
  readonly database: Database;
  readonly seal: SecretSeal;
  readonly policy: AddressPolicy;
  readonly clock: Clock;
}

function notFound(): HushtoneError {
  return new HushtoneError('webhook_not_found', 'not_found', 'There is no such webhook.');
}

function isPlace(value: readonly unknown[]): value is readonly [number] {
  return value.length === 1 && Number.isSafeInteger(value[0]);
}

async function refuseTooManyKeys(db: Queryable, webhookId: string, at: Date): Promise<void> {
  const secrets = await findSecrets(db, [webhookId], at);
  if (secrets.filter(({ scheme }) => scheme === 'hmac-sha256').length < MOST_KEYS) return;
  throw new HushtoneError(
    'webhook_keys_too_many',
    'conflict',
    `${MOST_KEYS} keys sign for this webhook already: wait until the first of them has expired.`,
  );
}

/** The account's webhook endpoints, behind the contract that `http` offers to clients. */
export class Webhooks implements WebhookDesk {
  readonly #options: WebhookDeskOptions;

  constructor(options: WebhookDeskOptions) {
    this.#options = options;
  }

  async create(actor: Actor, request: WebhookRequest): Promise<WebhookWithSecretResource> {
    const { database, seal, clock } = this.#options;
    const at = clock.now();
    const blank: Endpoint = {
      id: newId('whk'),
      accountId: actor.accountId,
      url: '',
      description: '',
      eventTypes: [],
      ed25519: false,
      enabled: true,
      disabledReason: null,
      disabledAt: null,
      createdAt: at,
      updatedAt: at,
    };
    const endpoint = this.#changed(blank, request, at);
    return await database.transaction(actor.accountId, async (db) => {
      await ensureAccount(db, actor.accountId);
      await lockEndpointsOf(db, actor.accountId);
      const others = await listEndpoints(db, actor.accountId);
      if (others.length >= MOST_WEBHOOKS) {
        throw new HushtoneError(
          'webhooks_too_many',
          'conflict',
          `An account has at most ${MOST_WEBHOOKS} webhooks.`,
        );
      }
      await insertEndpoint(db, endpoint);
      const secret = await addHmacSecret(db, seal, endpoint, at);
      if (endpoint.ed25519) await addEd25519Secret(db, seal, endpoint, at);
      await this.#record(db, actor, 'webhook.create', endpoint, { after: auditedWebhook(endpoint) });
      return { ...(await this.#resource(db, endpoint, at)), secret };
    });
  }

  async list(actor: Actor): Promise<WebhookResource[]> {
    const { database, clock } = this.#options;
    return await database.transaction(actor.accountId, async (db) => {
      const endpoints = await listEndpoints(db, actor.accountId);
      const ids = endpoints.map(({ id }) => id);
      const secrets = await findSecrets(db, ids, clock.now());
      return endpoints.map((endpoint) =>
        webhookResource(
          endpoint,
          secrets.filter(({ endpointId }) => endpointId === endpoint.id),
        ),
      );
    });
  }

  async get(actor: Actor, webhookId: string): Promise<WebhookResource> {
    const { database, clock } = this.#options;
    return await database.transaction(actor.accountId, async (db) => {
      const endpoint = await findEndpoint(db, webhookId);
      if (endpoint === undefined) throw notFound();
      return await this.#resource(db, endpoint, clock.now());
    });
  }

  async update(actor: Actor, webhookId: string, changes: WebhookChanges): Promise<WebhookResource> {
    const at = this.#options.clock.now();
    return await this.#locked(actor, webhookId, async (db, before) => {
      const after = this.#changed(before, changes, at);
      await updateEndpoint(db, after);
      await this.#changeEd25519(db, before, after, at);
      if (after.enabled && !before.enabled) await this.#resume(db, after, at);
      const operation = this.#nameOf(before, after);
      await this.#record(db, actor, operation, after, {
        before: auditedWebhook(before),
        after: auditedWebhook(after),
      });
      return await this.#resource(db, after, at);
    });
  }

  async remove(actor: Actor, webhookId: string): Promise<void> {
    const at = this.#options.clock.now();
    await this.#locked(actor, webhookId, async (db, endpoint) => {
      await deleteEndpoint(db, webhookId, at);
      await destroySecrets(db, webhookId);
      await cancelPending(db, webhookId, at);
      await this.#record(db, actor, 'webhook.delete', endpoint, { before: auditedWebhook(endpoint) });
    });
  }

  async rotate(
    actor: Actor,
    webhookId: string,
    request: { readonly overlap_seconds?: number },
  ): Promise<WebhookWithSecretResource> {
    const { seal, clock } = this.#options;
    const at = clock.now();
    const overlapSeconds = request.overlap_seconds ?? DEFAULT_OVERLAP_SECONDS;
    const until = new Date(at.getTime() + overlapSeconds * 1000);
    return await this.#locked(actor, webhookId, async (db, endpoint) => {
      await refuseTooManyKeys(db, webhookId, at);
      await retireSecret(db, endpoint, 'hmac-sha256', at, until);
      const secret = await addHmacSecret(db, seal, endpoint, at);
      if (endpoint.ed25519) {
        await retireSecret(db, endpoint, 'ed25519', at, until);
        await addEd25519Secret(db, seal, endpoint, at);
      }
      await this.#record(db, actor, 'webhook.secret.rotate', endpoint, {
        after: { overlap_seconds: overlapSeconds },
      });
      return { ...(await this.#resource(db, endpoint, at)), secret };
    });
  }

  async deliveries(
    actor: Actor,
    webhookId: string,
    query: DeliveryQuery,
  ): ReturnType<WebhookDesk['deliveries']> {
    const limit = query.limit ?? DEFAULT_PAGE;
    const [before] = query.cursor === undefined ? [] : decodeCursor(query.cursor, isPlace);
    return await this.#options.database.transaction(actor.accountId, async (db) => {
      if ((await findEndpoint(db, webhookId)) === undefined) throw notFound();
      const page = await listDeliveries(db, webhookId, {
        limit: limit + 1,
        ...(query.status && { state: query.status }),
        ...(before !== undefined && { beforeSequence: before }),
      });
      const shown = page.slice(0, limit);
      const ids = shown.map(({ id }) => id);
      const attempts = await listAttempts(db, ids, MOST_ATTEMPTS_SHOWN);
      const last = shown.at(-1);
      return {
        deliveries: shown.map((delivery) => deliveryResource(delivery, attempts.get(delivery.id) ?? [])),
        ...(page.length > limit && last && { next_cursor: encodeCursor([last.sequence]) }),
      };
    });
  }

  async replay(actor: Actor, webhookId: string, deliveryId: string): Promise<WebhookDeliveryResource> {
    const at = this.#options.clock.now();
    return await this.#locked(actor, webhookId, async (db, endpoint) => {
      const delivery = await lockDelivery(db, deliveryId);
      if (delivery?.endpointId !== webhookId) {
        throw new HushtoneError('delivery_not_found', 'not_found', 'There is no such delivery.');
      }
      if (!endpoint.enabled) {
        throw new HushtoneError('webhook_disabled', 'conflict', 'The webhook is disabled: enable it first.');
      }
      await restartDelivery(db, deliveryId, at);
      await enqueueDelivery(db, deliveryId, at);
      await this.#record(db, actor, 'webhook.replay', endpoint, {
        after: { delivery_id: deliveryId },
      });
      return await this.#deliveryResource(db, deliveryId, delivery);
    });
  }

  async #deliveryResource(
    db: Queryable,
    deliveryId: string,
    asked: Delivery,
  ): Promise<WebhookDeliveryResource> {
    const [logged] = await listDeliveries(db, asked.endpointId, {
      beforeSequence: asked.sequence + 1,
      limit: 1,
    });
    const current = await findDelivery(db, deliveryId);
    if (logged?.id !== deliveryId || current === undefined) {
      throw new HushtoneError('delivery_missing', 'internal', 'the delivery has no log entry');
    }
    const attempts = await listAttempts(db, [deliveryId], MOST_ATTEMPTS_SHOWN);
    return deliveryResource(logged, attempts.get(deliveryId) ?? []);
  }

  async #locked<T>(
    actor: Actor,
    webhookId: string,
    work: (db: Queryable, endpoint: Endpoint) => Promise<T>,
  ): Promise<T> {
    return await this.#options.database.transaction(actor.accountId, async (db) => {
      const endpoint = await lockEndpoint(db, webhookId);
      if (endpoint === undefined) throw notFound();
      return await work(db, endpoint);
    });
  }

  /** Checked before anything is written. */
  #changed(endpoint: Endpoint, changes: WebhookChanges, at: Date): Endpoint {
    const { url, description = endpoint.description, enabled = endpoint.enabled } = changes;
    if (CARD_NUMBER_LIKE.test(description)) {
      throw new HushtoneError(
        'description_like_card',
        'invalid',
        'The description holds as many digits in a row as a card number has.',
      );
    }
    const switched = enabled !== endpoint.enabled;
    return {
      ...endpoint,
      url: url === undefined ? endpoint.url : checkEndpointUrl(url, this.#options.policy),
      description,
      eventTypes: [...new Set(changes.event_types ?? endpoint.eventTypes)],
      ed25519: changes.ed25519 ?? endpoint.ed25519,
      enabled,
      ...(switched && { disabledReason: enabled ? null : 'by_request', disabledAt: enabled ? null : at }),
      updatedAt: at,
    };
  }

  async #changeEd25519(db: Queryable, before: Endpoint, after: Endpoint, at: Date): Promise<void> {
    if (before.ed25519 === after.ed25519) return;
    if (after.ed25519) await addEd25519Secret(db, this.#options.seal, after, at);
    else await retireSecret(db, after, 'ed25519', at, at);
  }

  /** What was pending when the endpoint was disabled starts anew, in its order. */
  async #resume(db: Queryable, endpoint: Endpoint, at: Date): Promise<void> {
    await restartPending(db, endpoint.id, at);
    await enqueueUnheld(db, { endpointId: endpoint.id }, at);
  }

  #nameOf(before: Endpoint, after: Endpoint): AuditOperation {
    if (before.enabled === after.enabled) return 'webhook.update';
    return after.enabled ? 'webhook.enable' : 'webhook.disable';
  }

  async #record(
    db: Queryable,
    actor: Actor,
    operation: AuditOperation,
    endpoint: Endpoint,
    more: Parameters<typeof auditEntry>[3],
  ): Promise<void> {
    await appendAudit(db, [auditEntry(actor, operation, { type: 'webhook', id: endpoint.id }, more)]);
  }

  async #resource(db: Queryable, endpoint: Endpoint, at: Date): Promise<WebhookResource> {
    return webhookResource(endpoint, await findSecrets(db, [endpoint.id], at));
  }
}
