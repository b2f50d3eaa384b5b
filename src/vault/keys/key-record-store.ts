import type { Queryable } from '../../db/database.ts';

/** Whose chain in the audit trail the acts on keys are in: keys serve all accounts, and belong to none of them. */
export const INSTALLATION_ACCOUNT = 'hushtone.installation';

export type KeyOperation =
  | 'vault_key.create'
  | 'vault_key.rotate'
  | 'vault_key.rewrap'
  | 'vault_key.retire'
  | 'vault_key.reinstate'
  | 'vault_key.destroy'
  | 'vault_key.relock'
  | 'vault_key.split'
  | 'vault_key.passphrase';

/** Who acts: someone at the command line, or a development server at its start. */
export interface KeyActor {
  readonly kind: 'operator' | 'system';
  readonly subject?: string;
}

/** An act on a key, as the audit trail takes it. */
export interface KeyRecord {
  readonly accountId: string;
  readonly actor: KeyActor;
  readonly operation: KeyOperation;
  readonly object: { readonly type: 'vault_key' | 'vault_key_file'; readonly id: string };
  readonly result: 'done' | 'refused' | 'failed';
  readonly reason?: string;
  readonly before?: { readonly [name: string]: string | number | undefined };
  readonly after?: { readonly [name: string]: string | number | undefined };
}

/** Writes records in the caller's transaction, as its last statement. */
export type AppendKeyRecords = (db: Queryable, records: readonly KeyRecord[]) => Promise<void>;
