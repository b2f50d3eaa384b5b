import { appendAudit } from '../../audit/store.ts';
import type { Database, Queryable } from '../../db/database.ts';
import { findAccountEvent } from '../../events/account-event-store.ts';
import { publish } from '../../events/outbox-store.ts';
import type { AccountEvent } from '../../events/types.ts';
import {
  claimDelivery,
  enqueueDelivery,
  enqueueOverdue,
  enqueueUnheld,
  findDelivery,
  insertAttempt,
  isHeldUp,
  settleDelivery,
  type Delivery,
} from '../../events/webhooks/delivery-store.ts';
import {
  findEndpoint,
  lockEndpoint,
  updateEndpoint,
  type Endpoint,
} from '../../events/webhooks/endpoint-store.ts';
import { retryDelayMs } from '../../events/webhooks/retry-schedule.ts';
import type { SecretSeal } from '../../events/webhooks/secret-seal.ts';
import type { Sender, SendResult } from '../../events/webhooks/sender.ts';
import { signMessage, type SigningSecret } from '../../events/webhooks/signature.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Logger } from '../../kernel/logger.ts';
import { auditedWebhook } from './resource.ts';
import { openSecrets } from './secrets.ts';

/** Longer than an attempt can take: after it, whoever took the delivery on is gone. */
const LEASE_MS = 60_000;
/** A delivery this late has lost its job. */
const OVERDUE_MS = 30_000;

export interface DeliverOptions {
  readonly database: Database;
  readonly seal: SecretSeal;
  readonly send: Sender;
  readonly clock: Clock;
  readonly logger: Logger;
  /** From 0 to below 1, for the jitter of the retries. */
  readonly random: () => number;
}

/** A delivery that was taken on, with all that one attempt needs. */
interface Claim {
  readonly delivery: Delivery;
  readonly endpoint: Endpoint;
  readonly event: AccountEvent;
  readonly secrets: readonly SigningSecret[];
}

/**
 * Makes one attempt at a delivery if it is due, its endpoint enabled and no earlier one of the same capture open, and
 * settles it. At least once: a process that dies between the answer and its record leaves the delivery to another.
 * Rejects only when the database does not answer.
 */
export async function deliver(options: DeliverOptions, accountId: string, deliveryId: string): Promise<void> {
  const { database, send, clock, logger } = options;
  const claim = await database.transaction(accountId, async (db) => await take(db, options, deliveryId));
  if (claim === undefined) return;
  const startedAt = clock.now();
  const body = JSON.stringify(claim.event);
  const signed = signMessage({ id: claim.event.id, timestamp: startedAt, body }, claim.secrets);
  for (const { key } of claim.secrets) key.fill(0);
  const headers = { ...signed, 'content-type': 'application/json', 'user-agent': 'Hushtone-Webhooks/1' };
  const result = await send(claim.endpoint.url, headers, body);
  logger.info('webhook attempt', {
    accountId,
    event: claim.event.type,
    durationMs: result.durationMs,
    count: claim.delivery.attempts,
    ...(result.status !== undefined && { httpStatus: result.status }),
    ...(result.error !== undefined && { reason: result.error }),
  });
  await database.transaction(accountId, async (db) => await settle(db, options, claim, result, startedAt));
}

async function take(
  db: Queryable,
  { seal, clock }: DeliverOptions,
  deliveryId: string,
): Promise<Claim | undefined> {
  const now = clock.now();
  const pending = await findDelivery(db, deliveryId);
  if (pending?.state !== 'pending') return undefined;
  const endpoint = await findEndpoint(db, pending.endpointId);
  // Held back until the endpoint is enabled again, or until the one before it is settled: both add its job anew.
  if (endpoint?.enabled !== true || (await isHeldUp(db, deliveryId))) return undefined;
  const delivery = await claimDelivery(db, deliveryId, now, new Date(now.getTime() + LEASE_MS));
  if (delivery === undefined) {
    // Too early, or another process is at it: its time comes, or the other's lease runs out.
    await enqueueDelivery(db, deliveryId, now);
    return undefined;
  }
  const event = await findAccountEvent(db, delivery.accountId, delivery.sequence);
  if (event === undefined) return undefined;
  return { delivery, endpoint, event, secrets: await openSecrets(db, seal, endpoint, now) };
}

async function settle(
  db: Queryable,
  { clock, random }: DeliverOptions,
  { delivery, endpoint }: Claim,
  { status, error, durationMs }: SendResult,
  startedAt: Date,
): Promise<void> {
  const at = clock.now();
  await insertAttempt(db, delivery, {
    attempt: delivery.attempts,
    startedAt,
    durationMs,
    status: status ?? null,
    error: error ?? null,
  });
  const { stream, endpointId } = delivery;
  const delay = error === 'gone' ? undefined : retryDelayMs(delivery.tries, random());
  if (error !== undefined && delay !== undefined) {
    const nextAttemptAt = new Date(at.getTime() + delay);
    if (await settleDelivery(db, delivery, { nextAttemptAt })) await enqueueDelivery(db, delivery.id, at);
    return;
  }
  const state = error === undefined ? 'delivered' : 'given_up';
  // The endpoint before its deliveries, as whoever changes it locks them.
  if (state === 'given_up') await lockEndpoint(db, endpointId);
  if (!(await settleDelivery(db, delivery, { state, at }))) return;
  if (error !== undefined) await disable(db, endpoint, error === 'gone' ? 'gone' : 'given_up', at);
  await enqueueUnheld(db, { endpointId, stream }, at);
}

/** Whoever never answers is asked no more. What is pending waits for the endpoint to be enabled again. */
async function disable(
  db: Queryable,
  { id }: Endpoint,
  reason: 'gone' | 'given_up',
  at: Date,
): Promise<void> {
  const before = await lockEndpoint(db, id);
  if (before?.enabled !== true) return;
  const after: Endpoint = {
    ...before,
    enabled: false,
    disabledReason: reason,
    disabledAt: at,
    updatedAt: at,
  };
  await updateEndpoint(db, after);
  const data = { webhook: { id, reason, disabled_at: at.toISOString() } };
  await publish(db, before.accountId, [{ type: 'webhook.disabled', at, data }]);
  await appendAudit(db, [
    {
      accountId: before.accountId,
      actor: { kind: 'system' },
      operation: 'webhook.disable',
      object: { type: 'webhook', id },
      result: 'done',
      reason,
      before: auditedWebhook(before),
      after: auditedWebhook(after),
    },
  ]);
}

/**
 * Finds the deliveries whose job was lost with the process that had it, and gives them a new one. Returns how many
 * there were.
 */
export async function recoverDeliveries({
  database,
  clock,
  logger,
}: Pick<DeliverOptions, 'database' | 'clock' | 'logger'>): Promise<number> {
  const now = clock.now();
  const dueBefore = new Date(now.getTime() - OVERDUE_MS);
  const count = await database.systemTransaction(async (db) => await enqueueOverdue(db, dueBefore, now));
  if (count > 0) logger.warn('webhook deliveries had lost their job', { count });
  return count;
}
