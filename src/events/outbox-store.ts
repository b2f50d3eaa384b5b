import type { Queryable } from '../db/database.ts';
import { newId } from '../kernel/ids.ts';
import type { NewAccountEvent } from './types.ts';

/** Told to every process when a transaction with events commits; the payload is the account's id. */
export const ACCOUNT_EVENTS_CHANNEL = 'hushtone_account_events';

/**
 * Writes events, their deliveries to the endpoints that want them and the jobs of these, all in the caller's
 * transaction: they come to be when the change does, or not at all.
 *
 * Call it late, after the change and before the audit record: from here to the commit, others of the account that
 * have something to tell wait, and those who take both locks must take them in the same order.
 */
export async function publish(
  db: Queryable,
  accountId: string,
  events: readonly NewAccountEvent[],
): Promise<void> {
  if (events.length === 0) return;
  const first = await reserveSequences(db, accountId, events.length);
  const numbered = events.map((event, index) => ({ event, sequence: first + index }));
  await db.query(
    `INSERT INTO account_events (account_id, sequence, id, type, capture_id, data, created_at)
     SELECT $1, * FROM unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::jsonb[], $7::timestamptz[])`,
    [
      accountId,
      numbered.map(({ sequence }) => sequence),
      numbered.map(() => newId('evt')),
      numbered.map(({ event }) => event.type),
      numbered.map(({ event }) => event.captureId ?? null),
      numbered.map(({ event }) => JSON.stringify(event.data)),
      numbered.map(({ event }) => event.at),
    ],
  );
  await addDeliveries(db, accountId, numbered);
  await db.query('SELECT pg_notify($1, $2)', [ACCOUNT_EVENTS_CHANNEL, accountId]);
}

async function reserveSequences(db: Queryable, accountId: string, count: number): Promise<number> {
  const rows = await db.query<{ last: number }>(
    `INSERT INTO account_event_counters AS counter (account_id, last_sequence) VALUES ($1, $2)
     ON CONFLICT (account_id) DO UPDATE SET last_sequence = counter.last_sequence + $2
     RETURNING last_sequence AS last`,
    [accountId, count],
  );
  return (rows[0]?.last ?? count) - count + 1;
}

/** What keeps its order: events of one capture, or of one payment that has none. */
function streamOf({ captureId, data }: NewAccountEvent): string | undefined {
  return captureId ?? ('payment' in data ? data.payment.id : undefined);
}

interface NumberedEvent {
  readonly event: NewAccountEvent;
  readonly sequence: number;
}

async function addDeliveries(
  db: Queryable,
  accountId: string,
  events: readonly NumberedEvent[],
): Promise<void> {
  const endpoints = await db.query<{ id: string; types: string[] }>(
    `SELECT id, event_types AS types FROM webhook_endpoints
     WHERE account_id = $1 AND enabled AND deleted_at IS NULL ORDER BY id`,
    [accountId],
  );
  const deliveries = endpoints.flatMap((endpoint) =>
    events
      .filter(({ event }) => endpoint.types.length === 0 || endpoint.types.includes(event.type))
      .map((numbered) => ({ id: newId('dlv'), endpointId: endpoint.id, ...numbered })),
  );
  if (deliveries.length === 0) return;
  await db.query(
    `INSERT INTO webhook_deliveries
       (account_id, id, endpoint_id, event_sequence, stream, next_attempt_at, created_at)
     SELECT $1, id, endpoint_id, event_sequence, stream, at, at
     FROM unnest($2::text[], $3::text[], $4::bigint[], $5::text[], $6::timestamptz[])
       AS new (id, endpoint_id, event_sequence, stream, at)`,
    [
      accountId,
      deliveries.map(({ id }) => id),
      deliveries.map(({ endpointId }) => endpointId),
      deliveries.map(({ sequence }) => sequence),
      deliveries.map(({ event, id }) => streamOf(event) ?? id),
      deliveries.map(({ event }) => event.at),
    ],
  );
  await db.query('SELECT enqueue_webhook_delivery($1, id, 0) FROM unnest($2::text[]) AS new (id)', [
    accountId,
    deliveries.map(({ id }) => id),
  ]);
}
