import type { Database, Queryable } from '../../db/database.ts';
import { startListener } from '../../db/listener.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { KeyDescription, KeyProvider, KeyPurpose, KeyState, OpenTransaction } from '../contract.ts';

/** Told by a trigger of the table. */
const CHANNEL = 'hushtone_vault_keys';

export interface StoredKey extends KeyDescription {
  readonly provider: KeyProvider['name'];
  readonly checkValue: Buffer;
  readonly createdAt: Date;
  readonly activatedAt: Date;
  readonly decryptOnlyAt: Date | null;
  readonly retiredAt: Date | null;
  readonly destroyedAt: Date | null;
}

/** The states of the keys, as every process of the installation sees them. */
export interface KeyStore {
  /** The newest first; read in that transaction where there is one. */
  list(within?: OpenTransaction): Promise<StoredKey[]>;
  /** Calls back when a key was added or changed, or may have been. */
  watch(onChange: () => void): Promise<{ close(): Promise<void> }>;
}

export interface KeyStoreOptions {
  readonly database: Database;
  /** For the connection that listens. Absent: nothing is told, as fits a command. */
  readonly databaseUrl?: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

const COLUMNS = `id, purpose, state, provider, check_value AS "checkValue", created_at AS "createdAt",
  activated_at AS "activatedAt", decrypt_only_at AS "decryptOnlyAt", retired_at AS "retiredAt",
  destroyed_at AS "destroyedAt"`;

export function createKeyStore({ database, databaseUrl, clock, logger }: KeyStoreOptions): KeyStore {
  return {
    list: async (within) =>
      within === undefined ? await database.systemTransaction(listKeys) : await listKeys(within),
    watch: async (onChange) =>
      databaseUrl === undefined
        ? { close: () => Promise.resolve() }
        : await startListener({
            url: databaseUrl,
            channel: CHANNEL,
            onNotification: onChange,
            onGap: onChange,
            clock,
            logger,
          }),
  };
}

/** The newest first. */
export async function listKeys(db: Queryable): Promise<StoredKey[]> {
  return await db.query(`SELECT ${COLUMNS} FROM vault_keys ORDER BY created_at DESC, id`);
}

/** The key, locked against everyone who would change it or store something new under it. */
export async function lockKey(db: Queryable, id: string): Promise<StoredKey | undefined> {
  const [key] = await db.query<StoredKey>(`SELECT ${COLUMNS} FROM vault_keys WHERE id = $1 FOR UPDATE`, [id]);
  return key;
}

/** The active key of the purpose, locked against everyone who would change it. */
export async function lockActiveKey(db: Queryable, purpose: KeyPurpose): Promise<StoredKey | undefined> {
  const [key] = await db.query<StoredKey>(
    `SELECT ${COLUMNS} FROM vault_keys WHERE purpose = $1 AND state = 'active' FOR NO KEY UPDATE`,
    [purpose],
  );
  return key;
}

/** False when the purpose has an active key, or the key is there. */
export async function insertKey(
  db: Queryable,
  key: Pick<StoredKey, 'id' | 'purpose' | 'provider' | 'checkValue'>,
): Promise<boolean> {
  const rows = await db.query(
    `INSERT INTO vault_keys (id, purpose, provider, check_value) VALUES ($1, $2, $3, $4)
     ON CONFLICT DO NOTHING RETURNING id`,
    [key.id, key.purpose, key.provider, key.checkValue],
  );
  return rows.length === 1;
}

export async function saveKeyState(db: Queryable, id: string, state: KeyState): Promise<void> {
  await db.query('UPDATE vault_keys SET state = $2 WHERE id = $1', [id, state]);
}
