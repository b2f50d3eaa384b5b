import type { Queryable } from '../db/database.ts';
import type { AccessRecord } from './access-record.ts';

/** Writes records to the audit trail inside the transaction of what they tell of: both take effect or neither does. */
export type AppendRecords = (db: Queryable, records: AccessRecord[]) => Promise<unknown>;
