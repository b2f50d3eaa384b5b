import type { Queryable } from '../../db/database.ts';
import type { CallEnd, CallRecord, CallSnapshot, CallState, LockRecord } from '../../telephony/contract.ts';
import { openOrNothing, type Numbers } from '../numbers.ts';

interface CallRow {
  readonly id: string;
  readonly account_id: string;
  readonly call_sid: string;
  readonly state: CallSnapshot['state'];
  readonly bridge: CallSnapshot['bridge'];
  readonly caller_number: Buffer | null;
  readonly called_number: string;
  readonly agent_id: string;
  readonly agent_call_sid: string | null;
  readonly agent_leg_call_id: string | null;
  readonly conference_name: string | null;
  readonly transport: CallSnapshot['transport'];
  readonly end: CallEnd | null;
  readonly lock: LockRecord | null;
  readonly started_at: Date;
  readonly connected_at: Date | null;
  readonly ended_at: Date | null;
}

/** Inserts the call, its caller's number sealed, or brings its row up to date. */
export async function saveCall(
  db: Queryable,
  record: CallRecord,
  instanceId: string,
  numbers: Numbers,
): Promise<void> {
  const { snapshot } = record;
  const { accountId, callId } = snapshot;
  const number = await numbers.seal(snapshot.from, { accountId, callId });
  await db.query(
    `INSERT INTO calls
       (id, account_id, call_sid, state, bridge, caller_number, called_number, agent_id, agent_call_sid,
        agent_leg_call_id, conference_name, transport, "end", lock, started_at, connected_at, ended_at, instance_id,
        caller_number_index)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
     ON CONFLICT (id) DO UPDATE SET
       state = excluded.state, agent_call_sid = excluded.agent_call_sid,
       agent_leg_call_id = excluded.agent_leg_call_id, conference_name = excluded.conference_name,
       transport = excluded.transport, "end" = excluded."end", lock = excluded.lock,
       connected_at = excluded.connected_at, ended_at = excluded.ended_at, instance_id = excluded.instance_id`,
    [
      snapshot.callId,
      snapshot.accountId,
      record.callSid,
      snapshot.state,
      snapshot.bridge,
      number?.sealed ?? null,
      snapshot.to,
      snapshot.agentId,
      record.agentCallSid ?? null,
      record.agentLegCallId ?? null,
      record.conferenceName ?? null,
      snapshot.transport,
      snapshot.end ?? null,
      record.lock === undefined ? null : JSON.stringify(record.lock),
      snapshot.startedAt,
      snapshot.connectedAt ?? null,
      snapshot.endedAt ?? null,
      instanceId,
      number?.index ?? null,
    ],
  );
}

/** A call by jambonz's name for it, whatever account it belongs to. */
export async function findCallBySid(
  db: Queryable,
  callSid: string,
  numbers: Numbers,
): Promise<CallRecord | undefined> {
  const rows = await db.query<CallRow>('SELECT * FROM calls WHERE call_sid = $1', [callSid]);
  return rows[0] && (await toRecord(rows[0], numbers));
}

/** Of a call of the transaction's account. */
export async function findCallState(
  db: Queryable,
  callId: string,
): Promise<{ readonly state: CallState; readonly agentId: string } | undefined> {
  const rows = await db.query<{ state: CallState; agentId: string }>(
    'SELECT state, agent_id AS "agentId" FROM calls WHERE id = $1',
    [callId],
  );
  return rows[0];
}

/** A place in the list of calls, the newest first. */
export interface CallPosition {
  readonly startedAt: Date;
  readonly callId: string;
}

/** Calls with one of these indexes of their number, live or ended, the newest first, those after a place in the list only. */
export async function findCallsFrom(
  db: Queryable,
  numberIndexes: readonly Buffer[],
  page: { readonly after?: CallPosition; readonly limit: number },
  numbers: Numbers,
): Promise<CallSnapshot[]> {
  const { after, limit } = page;
  const rows = await db.query<CallRow>(
    `SELECT * FROM calls
     WHERE caller_number_index = ANY ($1::bytea[]) AND ($2::timestamptz IS NULL OR (started_at, id) < ($2, $3))
     ORDER BY started_at DESC, id DESC LIMIT $4`,
    [numberIndexes, after?.startedAt ?? null, after?.callId ?? null, limit],
  );
  return await Promise.all(rows.map(async (row) => await toSnapshot(row, numbers)));
}

async function toSnapshot(row: CallRow, numbers: Numbers): Promise<CallSnapshot> {
  return {
    callId: row.id,
    accountId: row.account_id,
    state: row.state,
    bridge: row.bridge,
    from: await openOrNothing(numbers, row.caller_number, { accountId: row.account_id, callId: row.id }),
    to: row.called_number,
    agentId: row.agent_id,
    transport: row.transport,
    masked: row.lock !== null,
    startedAt: row.started_at,
    ...(row.connected_at && { connectedAt: row.connected_at }),
    ...(row.ended_at && { endedAt: row.ended_at }),
    ...(row.end && { end: row.end }),
  };
}

async function toRecord(row: CallRow, numbers: Numbers): Promise<CallRecord> {
  return {
    snapshot: await toSnapshot(row, numbers),
    callSid: row.call_sid,
    ...(row.agent_call_sid && { agentCallSid: row.agent_call_sid }),
    ...(row.agent_leg_call_id && { agentLegCallId: row.agent_leg_call_id }),
    ...(row.conference_name && { conferenceName: row.conference_name }),
    ...(row.lock && { lock: row.lock }),
  };
}
