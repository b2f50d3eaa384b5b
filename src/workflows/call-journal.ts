import type { Database } from '../db/database.ts';
import type { CallJournal } from '../telephony/contract.ts';
import type { Numbers } from './numbers.ts';
import { findCallBySid, saveCall } from './stores/call-store.ts';

/** The telephone system's records, kept in the database. Each save is durable when it resolves. */
export function createCallJournal(database: Database, instanceId: string, numbers: Numbers): CallJournal {
  return {
    save: async (record) =>
      await database.transaction(
        record.snapshot.accountId,
        async (db) => await saveCall(db, record, instanceId, numbers),
      ),
    findBySid: async (callSid) =>
      // jambonz names the call and not the account: this look-up is the system's own.
      await database.systemTransaction(async (db) => await findCallBySid(db, callSid, numbers)),
  };
}
