import type { AuditEntry } from '../audit/entry.ts';
import { appendAudit } from '../audit/store.ts';
import type { Database } from '../db/database.ts';
import { decodeCursor, encodeCursor } from '../kernel/cursor.ts';
import { HushtoneError } from '../kernel/errors.ts';
import type { Calls, CallSnapshot } from '../telephony/contract.ts';
import { auditEntry } from './audit-entry.ts';
import type { Actor, CallDesk, CallPage, CallResource, CallSearch } from './contract.ts';
import { maskNumber, UNREADABLE, type Numbers } from './numbers.ts';
import { reachesCall } from './reach.ts';
import { findCallsFrom, type CallPosition } from './stores/call-store.ts';

/** Most calls that one answer lists. */
const MOST_CALLS = 1000;
const DEFAULT_PAGE = 50;

export interface CallDeskOptions {
  readonly calls: Calls;
  readonly database: Database;
  readonly numbers: Numbers;
  /** Whether a capture runs on the call: its lock is not to be opened from outside. */
  readonly isCaptured: (callId: string) => boolean;
}

/** A call in openapi.yaml's words; the caller's number whole only for those who may see it. */
export function callResource(
  call: CallSnapshot,
  actor: Actor,
  numbers: Pick<Numbers, 'normalize'>,
): CallResource {
  const visible = actor.numbersVisible === true && call.from !== UNREADABLE;
  const number = numbers.normalize(call.from);
  return {
    id: call.callId,
    state: call.state,
    bridge: call.bridge,
    from: visible ? number : maskNumber(number),
    to: call.to,
    agent_id: call.agentId,
    transport: call.transport,
    masked: call.masked,
    started_at: call.startedAt.toISOString(),
    ...(call.connectedAt && { connected_at: call.connectedAt.toISOString() }),
    ...(call.endedAt && { ended_at: call.endedAt.toISOString() }),
  };
}

export function createCallDesk({ calls, database, numbers, isCaptured }: CallDeskOptions): CallDesk {
  return {
    list: (actor) =>
      calls
        .list(actor.accountId)
        .filter((call) => call.state !== 'ended' && reachesCall(actor, call))
        .sort((a, b) => b.startedAt.getTime() - a.startedAt.getTime())
        .slice(0, MOST_CALLS)
        .map((call) => callResource(call, actor, numbers)),

    async search(actor, search) {
      return await searchCalls(database, numbers, actor, search);
    },

    async release(actor, callId) {
      const call = calls.get(callId);
      if (
        call === undefined ||
        call.accountId !== actor.accountId ||
        call.state === 'ended' ||
        !reachesCall(actor, call)
      ) {
        throw new HushtoneError('call_not_found', 'not_found', 'There is no such live call.');
      }
      if (isCaptured(callId)) {
        throw new HushtoneError(
          'capture_running',
          'conflict',
          'A capture runs on this call: cancel it instead.',
        );
      }
      await releaseLock({ calls, database }, actor, call);
      return callResource(calls.get(callId) ?? call, actor, numbers);
    },
  };
}

/**
 * Opens the lock. The telephone system writes what becomes of it at its own time, so the audit trail has two records:
 * that someone asked, before anything is opened, and what came of it.
 */
async function releaseLock(
  { calls, database }: Pick<CallDeskOptions, 'calls' | 'database'>,
  actor: Actor,
  { callId, masked }: CallSnapshot,
): Promise<void> {
  const object = { type: 'call', id: callId };
  const write = async (entry: AuditEntry): Promise<void> =>
    await database.transaction(actor.accountId, async (db) => await appendAudit(db, [entry]));
  const before = { masked };
  await write(auditEntry(actor, 'call.release', object, { before }));
  try {
    await calls.release(callId);
  } catch (error) {
    const reason = error instanceof HushtoneError ? error.code : 'internal_error';
    await write(auditEntry(actor, 'call.unlock', object, { result: 'failed', reason }));
    throw error;
  }
  const after = { masked: calls.get(callId)?.masked ?? false };
  await write(auditEntry(actor, 'call.unlock', object, { before, after }));
}

async function searchCalls(
  database: Database,
  numbers: Numbers,
  actor: Actor,
  search: CallSearch,
): Promise<CallPage> {
  // Whoever may not see a number could find it out by asking for one after the other.
  if (actor.numbersVisible !== true) {
    throw new HushtoneError(
      'numbers_forbidden',
      'forbidden',
      'A search by number needs a role that may see numbers, and the scope numbers:read.',
    );
  }
  const limit = search.limit ?? DEFAULT_PAGE;
  const after = search.cursor === undefined ? undefined : positionOf(search.cursor);
  const indexes = await numbers.indexes(search.from, actor.accountId);
  const found = await database.transaction(
    actor.accountId,
    async (db) =>
      await findCallsFrom(
        db,
        indexes,
        // One more than asked for tells whether there is a next page.
        { ...(after && { after }), limit: limit + 1 },
        numbers,
      ),
  );
  const calls = found.slice(0, limit).filter((call) => reachesCall(actor, call));
  const last = found.length > limit ? found[limit - 1] : undefined;
  return {
    calls: calls.map((call) => callResource(call, actor, numbers)),
    ...(last && { next_cursor: encodeCursor([last.startedAt.getTime(), last.callId]) }),
  };
}

const LAST_MOMENT_MS = 8.64e15;

function positionOf(cursor: string): CallPosition {
  const [at, callId] = decodeCursor(
    cursor,
    (value): value is readonly [number, string] =>
      value.length === 2 &&
      Number.isInteger(value[0]) &&
      Math.abs(value[0] as number) <= LAST_MOMENT_MS &&
      typeof value[1] === 'string' &&
      /^call_[0-9a-z]{26}$/.test(value[1]),
  );
  return { startedAt: new Date(at), callId };
}
