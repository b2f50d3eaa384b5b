import type { Database } from '../db/database.ts';
import { decodeCursor, encodeCursor } from '../kernel/cursor.ts';
import { HushtoneError } from '../kernel/errors.ts';
import type { Actor, CaptureListing, CapturePage } from './contract.ts';
import {
  findCaptures,
  type CaptureAudience,
  type CaptureFilter,
  type CapturePosition,
} from './stores/capture-list-store.ts';

const DEFAULT_PAGE = 50;

/** The captures in the actor's reach, the newest first. Rejects with `cursor_invalid` or `time_invalid`. */
export async function listCaptures(
  database: Database,
  actor: Actor,
  listing: CaptureListing,
): Promise<CapturePage> {
  const { cursor, limit = DEFAULT_PAGE } = listing;
  const after = cursor === undefined ? undefined : positionOf(cursor);
  const filter = filterOf(listing);
  const found = await database.transaction(
    actor.accountId,
    async (db) =>
      await findCaptures(db, audienceOf(actor), filter, {
        ...(after && { after }),
        // One more than asked for tells whether there is a next page.
        limit: limit + 1,
      }),
  );
  const captures = found.slice(0, limit);
  const last = found.length > limit ? captures.at(-1) : undefined;
  return { captures, ...(last && { next_cursor: encodeCursor([last.created_at, last.id]) }) };
}

/** The rules of `reachesCapture`, as a database can apply them to many at once. */
function audienceOf({ reach, subject, grantId }: Actor): CaptureAudience {
  return {
    everyone: reach.includes('account'),
    running: reach.includes('running'),
    ...(reach.includes('own') && { agentId: subject }),
    ...(reach.includes('grant') && grantId !== undefined && { grantId }),
  };
}

function filterOf({ status, call_id, agent_id, created_from, created_to }: CaptureListing): CaptureFilter {
  return {
    ...(status !== undefined && { status }),
    ...(call_id !== undefined && { callId: call_id }),
    ...(agent_id !== undefined && { agentId: agent_id }),
    ...(created_from !== undefined && { createdFrom: momentOf(created_from) }),
    ...(created_to !== undefined && { createdTo: momentOf(created_to) }),
  };
}

/** Throws `time_invalid` for a moment that fits the format and does not exist, such as a leap second. */
function momentOf(text: string): Date {
  const moment = new Date(text);
  if (!Number.isNaN(moment.getTime())) return moment;
  throw new HushtoneError('time_invalid', 'invalid', 'There is no such moment.');
}

function positionOf(cursor: string): CapturePosition {
  const [createdAt, captureId] = decodeCursor(
    cursor,
    (value): value is readonly [string, string] =>
      value.length === 2 &&
      typeof value[0] === 'string' &&
      !Number.isNaN(Date.parse(value[0])) &&
      typeof value[1] === 'string' &&
      /^cap_[0-9a-z]{26}$/.test(value[1]),
  );
  return { createdAt: new Date(createdAt), captureId };
}
