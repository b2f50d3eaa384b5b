import type { Queryable } from '../../db/database.ts';
import type { SealedValue } from '../../vault/contract.ts';

/** For tasks of the system: secrets of all accounts, deleted providers included. */
export interface SecretOfKey extends SealedValue {
  readonly accountId: string;
  readonly providerId: string;
  readonly pointer: string;
}

export async function countSecretsOfKey(db: Queryable, keyId: string): Promise<number> {
  const rows = await db.query<{ count: number }>(
    'SELECT count(*) AS count FROM provider_secrets WHERE key_id = $1',
    [keyId],
  );
  return rows[0]?.count ?? 0;
}

/** At most `limit` of them, which nobody else is at, without those of `except`. */
export async function lockSecretsOfKeys(
  db: Queryable,
  keyIds: readonly string[],
  {
    except,
    limit,
  }: {
    readonly except: readonly Pick<SecretOfKey, 'providerId' | 'pointer'>[];
    readonly limit: number;
  },
): Promise<SecretOfKey[]> {
  return await db.query<SecretOfKey>(
    `SELECT account_id AS "accountId", provider_id AS "providerId", pointer, key_id AS "keyId",
       wrapped_key AS "wrappedKey", ciphertext
     FROM provider_secrets
     WHERE key_id = any ($1)
       AND (provider_id, pointer) NOT IN (SELECT * FROM unnest($2::text[], $3::text[]))
     LIMIT $4 FOR UPDATE SKIP LOCKED`,
    [keyIds, except.map(({ providerId }) => providerId), except.map(({ pointer }) => pointer), limit],
  );
}

export async function rekeySecret(
  db: Queryable,
  { providerId, pointer }: SecretOfKey,
  { keyId, wrappedKey }: SealedValue,
): Promise<void> {
  await db.query(
    'UPDATE provider_secrets SET key_id = $3, wrapped_key = $4 WHERE provider_id = $1 AND pointer = $2',
    [providerId, pointer, keyId, wrappedKey],
  );
}
