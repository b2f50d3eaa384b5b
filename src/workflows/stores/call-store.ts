import type { Queryable } from '../../db/database.ts';
import type { CallEnd, CallRecord, CallSnapshot, LockRecord } from '../../telephony/contract.ts';

interface CallRow {
  readonly id: string;
  readonly account_id: string;
  readonly call_sid: string;
  readonly state: CallSnapshot['state'];
  readonly bridge: CallSnapshot['bridge'];
  readonly caller_number: string;
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

/** Inserts the call or brings its row up to date. */
export async function saveCall(db: Queryable, record: CallRecord, instanceId: string): Promise<void> {
  const { snapshot } = record;
  await db.query(
    `INSERT INTO calls
       (id, account_id, call_sid, state, bridge, caller_number, called_number, agent_id, agent_call_sid,
        agent_leg_call_id, conference_name, transport, "end", lock, started_at, connected_at, ended_at, instance_id)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
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
      snapshot.from,
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
    ],
  );
}

/** A call by jambonz's name for it, whatever account it belongs to. */
export async function findCallBySid(db: Queryable, callSid: string): Promise<CallRecord | undefined> {
  const rows = await db.query<CallRow>('SELECT * FROM calls WHERE call_sid = $1', [callSid]);
  return rows[0] && toRecord(rows[0]);
}

function toRecord(row: CallRow): CallRecord {
  return {
    snapshot: {
      callId: row.id,
      accountId: row.account_id,
      state: row.state,
      bridge: row.bridge,
      from: row.caller_number,
      to: row.called_number,
      agentId: row.agent_id,
      transport: row.transport,
      masked: row.lock !== null,
      startedAt: row.started_at,
      ...(row.connected_at && { connectedAt: row.connected_at }),
      ...(row.ended_at && { endedAt: row.ended_at }),
      ...(row.end && { end: row.end }),
    },
    callSid: row.call_sid,
    ...(row.agent_call_sid && { agentCallSid: row.agent_call_sid }),
    ...(row.agent_leg_call_id && { agentLegCallId: row.agent_leg_call_id }),
    ...(row.conference_name && { conferenceName: row.conference_name }),
    ...(row.lock && { lock: row.lock }),
  };
}
