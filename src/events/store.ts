import type { Queryable } from '../db/database.ts';

/** An event as kept for replay. `payload` is what a client gets; it never holds a digit beyond the last four. */
export interface StoredEvent {
  readonly sequence: number;
  readonly type: string;
  readonly payload: unknown;
  readonly createdAt: Date;
}

/** Appends events of one capture. A sequence number that is taken is a fault of the caller and rejects. */
export async function appendCaptureEvents(
  db: Queryable,
  accountId: string,
  captureId: string,
  events: readonly StoredEvent[],
): Promise<void> {
  await db.query(
    `INSERT INTO capture_events (account_id, capture_id, sequence, type, payload, created_at)
     SELECT $1, $2, * FROM unnest($3::int[], $4::text[], $5::jsonb[], $6::timestamptz[])`,
    [
      accountId,
      captureId,
      events.map((event) => event.sequence),
      events.map((event) => event.type),
      events.map((event) => JSON.stringify(event.payload)),
      events.map((event) => event.createdAt),
    ],
  );
}

/** The events after `afterSequence`, in order; at most `limit`. */
export async function readCaptureEvents(
  db: Queryable,
  captureId: string,
  afterSequence: number,
  limit: number,
): Promise<{ sequence: number; payload: unknown }[]> {
  return await db.query(
    `SELECT sequence, payload FROM capture_events
     WHERE capture_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $3`,
    [captureId, afterSequence, limit],
  );
}

/** The highest sequence number kept for a capture; 0 when there is none. */
export async function lastSequence(db: Queryable, captureId: string): Promise<number> {
  const rows = await db.query<{ last: number | null }>(
    'SELECT max(sequence) AS last FROM capture_events WHERE capture_id = $1',
    [captureId],
  );
  return rows[0]?.last ?? 0;
}
