import type { AuditRecord, ChainLink } from '../audit/chain.ts';
import type { AuditValue } from '../audit/entry.ts';
import { exportRecords, manifestLine, type ManifestSigner } from '../audit/export.ts';
import { findAuditRecords, findLatestCheckpoint, type AuditFilter } from '../audit/record-store.ts';
import { appendAudit } from '../audit/store.ts';
import type { Database } from '../db/database.ts';
import type { Clock } from '../kernel/clock.ts';
import { decodeCursor, encodeCursor } from '../kernel/cursor.ts';
import { HushtoneError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import { auditEntry } from './audit-entry.ts';
import type { Actor, AuditDesk, AuditRecordResource, AuditSearch, RefusedAccess } from './contract.ts';

const DEFAULT_PAGE = 50;
const FILTERS = [
  'from',
  'to',
  'operation',
  'subject',
  'client_id',
  'object_type',
  'object_id',
  'result',
] as const;

export interface AuditDeskOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Absent: manifests are not signed. */
  readonly signManifest?: ManifestSigner;
}

/** The audit trail of an account, for its auditors, and where refused access is recorded. */
export function createAuditDesk(options: AuditDeskOptions): AuditDesk {
  return {
    search: async (actor, search) => {
      const { cursor, limit = DEFAULT_PAGE } = search;
      const at = cursor === undefined ? undefined : sequenceOf(cursor);
      const filter = filterOf(search);
      const found = await options.database.transaction(
        actor.accountId,
        async (db) =>
          await findAuditRecords(db, actor.accountId, filter, {
            order: 'newest_first',
            ...(at !== undefined && { at }),
            // One more than asked for tells whether there is a next page.
            limit: limit + 1,
          }),
      );
      const page = found.slice(0, limit);
      const last = found.length > limit ? page.at(-1) : undefined;
      return {
        records: page.map(recordResource),
        ...(last && { next_cursor: encodeCursor([last.sequence]) }),
      };
    },
    export: async (actor, search) => await exportTrail(options, actor, search),
    refused: async (actor, access) => await recordRefusal(options, actor, access),
  };
}

function recordResource({ record, hash }: ChainLink): AuditRecordResource {
  return { ...(JSON.parse(record) as AuditRecord), hash };
}

function sequenceOf(cursor: string): number {
  const [sequence] = decodeCursor(
    cursor,
    (value): value is readonly [number] => value.length === 1 && Number.isSafeInteger(value[0]),
  );
  return sequence;
}

/** Throws `time_invalid` for a moment that fits the format and does not exist, such as a leap second. */
function momentOf(text: string): Date {
  const moment = new Date(text);
  if (!Number.isNaN(moment.getTime())) return moment;
  throw new HushtoneError('time_invalid', 'invalid', 'There is no such moment.');
}

function filterOf(search: Omit<AuditSearch, 'cursor' | 'limit'>): AuditFilter {
  const { from, to, operation, subject, client_id, object_type, object_id, result } = search;
  return {
    ...(from !== undefined && { from: momentOf(from) }),
    ...(to !== undefined && { to: momentOf(to) }),
    ...(operation !== undefined && { operation }),
    ...(subject !== undefined && { subject }),
    ...(client_id !== undefined && { clientId: client_id }),
    ...(object_type !== undefined && { objectType: object_type }),
    ...(object_id !== undefined && { objectId: object_id }),
    ...(result !== undefined && { result }),
  };
}

async function exportTrail(
  { database, clock, signManifest }: AuditDeskOptions,
  actor: Actor,
  search: Omit<AuditSearch, 'cursor' | 'limit'>,
): Promise<AsyncIterable<string>> {
  const { accountId } = actor;
  const filter = filterOf(search);
  // What else a request names is no filter: it has no place in the trail, or in what is signed.
  const asked = FILTERS.flatMap((name) =>
    search[name] === undefined ? [] : [[name, search[name]] as const],
  );
  const after: AuditValue = { filters: asked.map(([name]) => name) };
  await database.transaction(accountId, async (db) => {
    await appendAudit(db, [auditEntry(actor, 'audit.export', { type: 'account', id: accountId }, { after })]);
  });
  const lines = exportRecords({
    accountId,
    filter: Object.fromEntries(asked),
    madeAt: clock.now(),
    page: async (at, limit) =>
      await database.transaction(
        accountId,
        async (db) => await findAuditRecords(db, accountId, filter, { order: 'oldest_first', at, limit }),
      ),
    checkpoint: async () =>
      await database.transaction(accountId, async (db) => await findLatestCheckpoint(db, accountId)),
  });
  return withManifest(lines, signManifest);
}

async function* withManifest(
  lines: ReturnType<typeof exportRecords>,
  sign: ManifestSigner | undefined,
): AsyncGenerator<string, void, undefined> {
  yield manifestLine(yield* lines, sign);
}

/** A refusal stands, whether its record can be written or not. */
async function recordRefusal(
  { database, logger }: AuditDeskOptions,
  actor: Actor,
  { operationId, object, reason }: RefusedAccess,
): Promise<void> {
  const entry = auditEntry(actor, 'access.refused', object, { result: 'refused', reason });
  try {
    await database.transaction(
      actor.accountId,
      async (db) => await appendAudit(db, [{ ...entry, operationId }]),
    );
  } catch (error) {
    logger.error('refused access not recorded', {
      accountId: actor.accountId,
      ...(actor.requestId !== undefined && { requestId: actor.requestId }),
      reason,
      error,
    });
  }
}
