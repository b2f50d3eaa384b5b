import type { Database } from '../db/database.ts';
import type { ChainHead } from './chain.ts';

/** A checkpoint as kept. */
export interface SignedCheckpoint {
  readonly accountId: string;
  readonly sequence: number;
  readonly jws: string;
}

/** Where checkpoints are kept: over all accounts, for nobody's request makes one. */
export interface CheckpointStore {
  /** The heads of the chains (of one account, or of all) that have grown since their last checkpoint. */
  due(accountId?: string): Promise<(ChainHead & { readonly accountId: string })[]>;
  /** Keeps a checkpoint. Another instance may have been first: then its one stays. */
  save(checkpoint: SignedCheckpoint, at: Date): Promise<void>;
  /** The last checkpoint of each chain (of one account, or of all). */
  latest(accountId?: string): Promise<SignedCheckpoint[]>;
}

export function createCheckpointStore(database: Database): CheckpointStore {
  return {
    due: async (accountId) =>
      await database.systemTransaction(
        async (db) =>
          await db.query(
            `SELECT h.account_id AS "accountId", h.sequence, h.hash FROM audit_heads h
             WHERE ($1::text IS NULL OR h.account_id = $1) AND h.sequence > coalesce(
               (SELECT max(c.sequence) FROM audit_checkpoints c WHERE c.account_id = h.account_id), 0)
             ORDER BY h.account_id`,
            [accountId ?? null],
          ),
      ),
    save: async ({ accountId, sequence, jws }, at) =>
      await database.systemTransaction(async (db) => {
        await db.query(
          `INSERT INTO audit_checkpoints (account_id, sequence, jws, at) VALUES ($1, $2, $3, $4)
           ON CONFLICT (account_id, sequence) DO NOTHING`,
          [accountId, sequence, jws, at],
        );
      }),
    latest: async (accountId) =>
      await database.systemTransaction(
        async (db) =>
          await db.query(
            `SELECT DISTINCT ON (account_id) account_id AS "accountId", sequence, jws FROM audit_checkpoints
             WHERE ($1::text IS NULL OR account_id = $1) ORDER BY account_id, sequence DESC`,
            [accountId ?? null],
          ),
      ),
  };
}
