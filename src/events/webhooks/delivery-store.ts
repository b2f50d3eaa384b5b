import type { Queryable } from '../../db/database.ts';
import type { DeliveryError } from './sender.ts';

export type DeliveryState = 'pending' | 'delivered' | 'given_up' | 'cancelled';

export interface DeliveryAttempt {
  readonly attempt: number;
  readonly startedAt: Date;
  readonly durationMs: number;
  readonly status: number | null;
  readonly error: DeliveryError | null;
}

export interface Delivery {
  readonly id: string;
  readonly accountId: string;
  readonly endpointId: string;
  readonly sequence: number;
  readonly stream: string;
  readonly state: DeliveryState;
  readonly attempts: number;
  readonly tries: number;
  readonly nextAttemptAt: Date | null;
  readonly replayedAt: Date | null;
  readonly createdAt: Date;
  readonly finishedAt: Date | null;
}

const COLUMNS = `id, account_id AS "accountId", endpoint_id AS "endpointId", event_sequence AS sequence, stream, state,
  attempts, tries, next_attempt_at AS "nextAttemptAt", replayed_at AS "replayedAt", created_at AS "createdAt",
  finished_at AS "finishedAt"`;

/**
 * What must be over before delivery `d` may go: earlier ones of the same capture to the same endpoint. One that is
 * only repeated on request does not hold up those that are not.
 */
const EARLIER = `earlier.endpoint_id = d.endpoint_id AND earlier.stream = d.stream AND earlier.state = 'pending'
  AND earlier.event_sequence < d.event_sequence AND (earlier.replayed_at IS NULL OR d.replayed_at IS NOT NULL)`;

/**
 * Is an earlier delivery in the way? Waits for one that is being settled at this moment, so that either this caller
 * finds the way free or the settling one finds this delivery waiting.
 */
export async function isHeldUp(db: Queryable, deliveryId: string): Promise<boolean> {
  const rows = await db.query(
    `SELECT earlier.id FROM webhook_deliveries d JOIN webhook_deliveries earlier ON ${EARLIER}
     WHERE d.id = $1 ORDER BY earlier.event_sequence LIMIT 1 FOR SHARE OF earlier`,
    [deliveryId],
  );
  return rows.length > 0;
}

export async function findDelivery(db: Queryable, deliveryId: string): Promise<Delivery | undefined> {
  const rows = await db.query<Delivery>(`SELECT ${COLUMNS} FROM webhook_deliveries WHERE id = $1`, [
    deliveryId,
  ]);
  return rows[0];
}

export async function lockDelivery(db: Queryable, deliveryId: string): Promise<Delivery | undefined> {
  const rows = await db.query<Delivery>(
    `SELECT ${COLUMNS} FROM webhook_deliveries WHERE id = $1 FOR NO KEY UPDATE`,
    [deliveryId],
  );
  return rows[0];
}

/**
 * Takes a due delivery on for one attempt: until `leaseUntil` nobody else does. Undefined when it is not pending,
 * not due, or taken on already.
 */
export async function claimDelivery(
  db: Queryable,
  deliveryId: string,
  now: Date,
  leaseUntil: Date,
): Promise<Delivery | undefined> {
  const rows = await db.query<Delivery>(
    `UPDATE webhook_deliveries SET attempts = attempts + 1, tries = tries + 1, leased_until = $3
     WHERE id = $1 AND state = 'pending' AND next_attempt_at <= $2 AND (leased_until IS NULL OR leased_until <= $2)
     RETURNING ${COLUMNS}`,
    [deliveryId, now, leaseUntil],
  );
  return rows[0];
}

export async function insertAttempt(
  db: Queryable,
  delivery: Delivery,
  attempt: DeliveryAttempt,
): Promise<void> {
  await db.query(
    `INSERT INTO webhook_attempts
       (account_id, delivery_id, attempt, started_at, duration_ms, response_status, error)
     VALUES ($1, $2, $3, $4, $5, $6, $7)`,
    [
      delivery.accountId,
      delivery.id,
      attempt.attempt,
      attempt.startedAt,
      attempt.durationMs,
      attempt.status,
      attempt.error,
    ],
  );
}

/** Ends the attempt that this claim began. False when it is not the latest any more, or the delivery is over. */
export async function settleDelivery(
  db: Queryable,
  claim: Delivery,
  outcome: { readonly state: 'delivered' | 'given_up'; readonly at: Date } | { readonly nextAttemptAt: Date },
): Promise<boolean> {
  const next = 'nextAttemptAt' in outcome;
  const rows = await db.query(
    `UPDATE webhook_deliveries SET leased_until = NULL, state = $3, next_attempt_at = $4, finished_at = $5
     WHERE id = $1 AND attempts = $2 AND state = 'pending' RETURNING id`,
    [
      claim.id,
      claim.attempts,
      next ? 'pending' : outcome.state,
      next ? outcome.nextAttemptAt : null,
      next ? null : outcome.at,
    ],
  );
  return rows.length === 1;
}

/** Asks for a delivery again from its first try on. One that is pending keeps its place and only comes sooner. */
export async function restartDelivery(db: Queryable, deliveryId: string, at: Date): Promise<void> {
  await db.query(
    `UPDATE webhook_deliveries SET state = 'pending', tries = 0, next_attempt_at = $2, finished_at = NULL,
       replayed_at = CASE WHEN state = 'pending' THEN replayed_at ELSE $2 END WHERE id = $1`,
    [deliveryId, at],
  );
}

/** Gives every pending delivery of the endpoint its tries anew, from `at` on. */
export async function restartPending(db: Queryable, endpointId: string, at: Date): Promise<void> {
  await db.query(
    `UPDATE webhook_deliveries SET tries = 0, next_attempt_at = $2 WHERE endpoint_id = $1 AND state = 'pending'`,
    [endpointId, at],
  );
}

export async function cancelPending(db: Queryable, endpointId: string, at: Date): Promise<void> {
  await db.query(
    `UPDATE webhook_deliveries SET state = 'cancelled', next_attempt_at = NULL, leased_until = NULL, finished_at = $2
     WHERE endpoint_id = $1 AND state = 'pending'`,
    [endpointId, at],
  );
}

/** A job for every pending delivery of the endpoint (of one stream, if named) that nothing is in the way of. */
export async function enqueueUnheld(
  db: Queryable,
  owner: { readonly endpointId: string; readonly stream?: string },
  now: Date,
): Promise<void> {
  await db.query(
    `SELECT enqueue_webhook_delivery(d.account_id, d.id, ${delayFrom('$3')}) FROM webhook_deliveries d
     WHERE d.endpoint_id = $1 AND ($2::text IS NULL OR d.stream = $2) AND d.state = 'pending'
       AND NOT EXISTS (SELECT FROM webhook_deliveries earlier WHERE ${EARLIER})`,
    [owner.endpointId, owner.stream ?? null, now],
  );
}

/** The delivery's own job, at its own time. */
export async function enqueueDelivery(db: Queryable, deliveryId: string, now: Date): Promise<void> {
  await db.query(
    `SELECT enqueue_webhook_delivery(d.account_id, d.id, ${delayFrom('$2')}) FROM webhook_deliveries d
     WHERE d.id = $1 AND d.state = 'pending'`,
    [deliveryId, now],
  );
}

/** Jobs run by the database's clock and deliveries by the process's: what counts is the time between. */
function delayFrom(now: string): string {
  return `extract(epoch FROM greatest(d.next_attempt_at, d.leased_until) - ${now}::timestamptz) * 1000`;
}

/**
 * A job for every delivery of any account that should have been tried before `dueBefore` and is not being tried: the
 * process that had taken it on is gone. Returns how many there were.
 */
export async function enqueueOverdue(db: Queryable, dueBefore: Date, now: Date): Promise<number> {
  const rows = await db.query(
    `SELECT enqueue_webhook_delivery(d.account_id, d.id, 0) FROM webhook_deliveries d
     JOIN webhook_endpoints endpoint ON endpoint.id = d.endpoint_id AND endpoint.enabled
     WHERE d.state = 'pending' AND d.next_attempt_at < $1 AND (d.leased_until IS NULL OR d.leased_until <= $2)
       AND NOT EXISTS (SELECT FROM webhook_deliveries earlier WHERE ${EARLIER})`,
    [dueBefore, now],
  );
  return rows.length;
}

export interface LoggedDelivery extends Delivery {
  readonly eventId: string;
  readonly eventType: string;
}

/** An endpoint's deliveries below `beforeSequence`, the newest event first; at most `limit`. */
export async function listDeliveries(
  db: Queryable,
  endpointId: string,
  filter: { readonly state?: DeliveryState; readonly beforeSequence?: number; readonly limit: number },
): Promise<LoggedDelivery[]> {
  return await db.query(
    `SELECT d.*, event.id AS "eventId", event.type AS "eventType"
     FROM (SELECT ${COLUMNS} FROM webhook_deliveries WHERE endpoint_id = $1) d
     JOIN account_events event ON event.account_id = d."accountId" AND event.sequence = d.sequence
     WHERE ($2::text IS NULL OR d.state = $2) AND ($3::bigint IS NULL OR d.sequence < $3)
     ORDER BY d.sequence DESC LIMIT $4`,
    [endpointId, filter.state ?? null, filter.beforeSequence ?? null, filter.limit],
  );
}

/** The latest attempts at each delivery, in order; at most `most` of each. */
export async function listAttempts(
  db: Queryable,
  deliveryIds: readonly string[],
  most: number,
): Promise<Map<string, DeliveryAttempt[]>> {
  const rows = await db.query<DeliveryAttempt & { deliveryId: string }>(
    `SELECT a.delivery_id AS "deliveryId", a.attempt, a.started_at AS "startedAt", a.duration_ms AS "durationMs",
       a.response_status AS status, a.error
     FROM webhook_attempts a JOIN webhook_deliveries d ON d.id = a.delivery_id
     WHERE a.delivery_id = ANY ($1) AND a.attempt > d.attempts - $2 ORDER BY a.delivery_id, a.attempt`,
    [deliveryIds, most],
  );
  const byDelivery = new Map<string, DeliveryAttempt[]>();
  for (const { deliveryId, ...attempt } of rows) {
    byDelivery.set(deliveryId, [...(byDelivery.get(deliveryId) ?? []), attempt]);
  }
  return byDelivery;
}
