import type { Queryable } from '../../db/database.ts';
import type { Mode } from '../../payments/kind.ts';
import type { SealedValue } from '../../vault/contract.ts';

export type ProviderState = 'active' | 'disabled';

/** A secret of a configuration as it is stored. */
export interface StoredSecret extends SealedValue {
  readonly pointer: string;
  readonly version: number;
  readonly hint: string | null;
}

export interface ProviderRecord {
  readonly id: string;
  readonly accountId: string;
  readonly kind: string;
  readonly name: string;
  readonly mode: Mode;
  /** Without its secrets. */
  readonly configuration: Readonly<Record<string, unknown>>;
  readonly state: ProviderState;
  /** Rises with every change. */
  readonly version: number;
  /** Rises with the configuration, secret members included, and with nothing else. */
  readonly configurationVersion: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly deletedAt: Date | null;
  readonly secrets: readonly StoredSecret[];
}

interface Row extends Omit<ProviderRecord, 'secrets'> {
  readonly pointer: string | null;
  readonly secretVersion: number;
  readonly keyId: string;
  readonly wrappedKey: Buffer;
  readonly ciphertext: Buffer;
  readonly hint: string | null;
}

/** One statement: a configuration and its secrets are of one moment. */
const SELECT = `SELECT provider.id, provider.account_id AS "accountId", kind, name, mode, configuration, state,
    provider.version, configuration_version AS "configurationVersion", provider.created_at AS "createdAt",
    updated_at AS "updatedAt", deleted_at AS "deletedAt", pointer, secret.version AS "secretVersion",
    key_id AS "keyId", wrapped_key AS "wrappedKey", ciphertext, hint
  FROM providers AS provider
    LEFT JOIN provider_secrets AS secret
      ON secret.provider_id = provider.id AND secret.account_id = provider.account_id`;

function recordsOf(rows: readonly Row[]): ProviderRecord[] {
  const records = new Map<string, ProviderRecord & { readonly secrets: StoredSecret[] }>();
  for (const { pointer, secretVersion, keyId, wrappedKey, ciphertext, hint, ...provider } of rows) {
    const record = records.get(provider.id) ?? { ...provider, secrets: [] };
    records.set(provider.id, record);
    if (pointer !== null) {
      record.secrets.push({ pointer, version: secretVersion, keyId, wrappedKey, ciphertext, hint });
    }
  }
  return [...records.values()];
}

/** The account's providers that are not deleted, in the order of their creation. There are never many. */
export async function listProviders(db: Queryable, accountId: string): Promise<ProviderRecord[]> {
  return recordsOf(
    await db.query<Row>(
      `${SELECT} WHERE provider.account_id = $1 AND deleted_at IS NULL
       ORDER BY provider.created_at, provider.id, pointer`,
      [accountId],
    ),
  );
}

/** Those of all accounts, or of one: for a task of the system. */
export async function listEveryProvider(db: Queryable): Promise<ProviderRecord[]> {
  return recordsOf(
    await db.query<Row>(
      `${SELECT} WHERE deleted_at IS NULL
       ORDER BY provider.account_id, provider.created_at, provider.id, pointer`,
    ),
  );
}

/** Also when it is deleted: payments that were made with it are still looked up and refunded. */
export async function findProvider(
  db: Queryable,
  accountId: string,
  providerId: string,
): Promise<ProviderRecord | undefined> {
  const rows = await db.query<Row>(
    `${SELECT} WHERE provider.account_id = $1 AND provider.id = $2 ORDER BY pointer`,
    [accountId, providerId],
  );
  return recordsOf(rows)[0];
}

/** Nobody else adds or changes a provider or a rule of the account before this transaction is over. */
export async function lockProvidersOf(db: Queryable, accountId: string): Promise<void> {
  await db.query("SELECT pg_advisory_xact_lock(hashtextextended('providers ' || $1, 0))", [accountId]);
}

export async function insertProvider(db: Queryable, provider: ProviderRecord): Promise<void> {
  await db.query(
    `INSERT INTO providers
       (id, account_id, kind, name, mode, configuration, state, version, configuration_version, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
    [
      provider.id,
      provider.accountId,
      provider.kind,
      provider.name,
      provider.mode,
      JSON.stringify(provider.configuration),
      provider.state,
      provider.version,
      provider.configurationVersion,
      provider.createdAt,
      provider.updatedAt,
    ],
  );
  await insertSecrets(db, provider, provider.secrets);
}

/** The caller raises the version by one, and that of the configuration where it changes. Secrets are written apart. */
export async function updateProvider(db: Queryable, provider: ProviderRecord): Promise<void> {
  await db.query(
    `UPDATE providers
     SET name = $2, configuration = $3, state = $4, version = $5, configuration_version = $6, updated_at = $7,
         deleted_at = $8
     WHERE id = $1`,
    [
      provider.id,
      provider.name,
      JSON.stringify(provider.configuration),
      provider.state,
      provider.version,
      provider.configurationVersion,
      provider.updatedAt,
      provider.deletedAt,
    ],
  );
}

/** Destroys the secrets of these pointers. */
export async function deleteSecrets(
  db: Queryable,
  providerId: string,
  pointers: readonly string[],
): Promise<void> {
  await db.query('DELETE FROM provider_secrets WHERE provider_id = $1 AND pointer = any ($2)', [
    providerId,
    pointers,
  ]);
}

export async function insertSecrets(
  db: Queryable,
  { id, accountId, updatedAt }: ProviderRecord,
  secrets: readonly StoredSecret[],
): Promise<void> {
  for (const { pointer, version, keyId, wrappedKey, ciphertext, hint } of secrets) {
    await db.query(
      `INSERT INTO provider_secrets
         (account_id, provider_id, pointer, version, key_id, wrapped_key, ciphertext, hint, created_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
      [accountId, id, pointer, version, keyId, wrappedKey, ciphertext, hint, updatedAt],
    );
  }
}
