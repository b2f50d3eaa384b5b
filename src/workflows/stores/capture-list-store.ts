import type { Queryable } from '../../db/database.ts';
import type { CaptureResource, CaptureStatus } from '../contract.ts';

/** A place in the list of captures, the newest first. */
export interface CapturePosition {
  readonly createdAt: Date;
  readonly captureId: string;
}

/** Whose captures: a capture is listed when one of the parts holds. None: nobody's. */
export interface CaptureAudience {
  readonly everyone: boolean;
  /** Those that have not ended. */
  readonly running: boolean;
  /** Those on the calls of this agent. */
  readonly agentId?: string;
  /** Those that were started with this grant. */
  readonly grantId?: string;
}

/** Every part that is there must hold. */
export interface CaptureFilter {
  readonly status?: CaptureStatus;
  readonly callId?: string;
  readonly agentId?: string;
  /** Created at this moment or after it. */
  readonly createdFrom?: Date;
  /** Created before this moment. */
  readonly createdTo?: Date;
}

/** The account's captures as they are recorded, the newest first, those after a place in the list only. */
export async function findCaptures(
  db: Queryable,
  audience: CaptureAudience,
  filter: CaptureFilter,
  page: { readonly after?: CapturePosition; readonly limit: number },
): Promise<CaptureResource[]> {
  const { after, limit } = page;
  const rows = await db.query<{ view: CaptureResource }>(
    `SELECT c.view FROM captures c JOIN calls k ON k.account_id = c.account_id AND k.id = c.call_id
     WHERE ($1 OR ($2 AND c.ended_at IS NULL) OR k.agent_id = $3 OR c.grant_id = $4)
       AND ($5::text IS NULL OR c.status = $5)
       AND ($6::text IS NULL OR c.call_id = $6)
       AND ($7::text IS NULL OR k.agent_id = $7)
       AND ($8::timestamptz IS NULL OR c.created_at >= $8)
       AND ($9::timestamptz IS NULL OR c.created_at < $9)
       AND ($10::timestamptz IS NULL OR (c.created_at, c.id) < ($10, $11))
     ORDER BY c.created_at DESC, c.id DESC LIMIT $12`,
    [
      audience.everyone,
      audience.running,
      audience.agentId ?? null,
      audience.grantId ?? null,
      filter.status ?? null,
      filter.callId ?? null,
      filter.agentId ?? null,
      filter.createdFrom?.toISOString() ?? null,
      filter.createdTo?.toISOString() ?? null,
      after?.createdAt.toISOString() ?? null,
      after?.captureId ?? null,
      limit,
    ],
  );
  return rows.map(({ view }) => view);
}
