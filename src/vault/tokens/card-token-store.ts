import type { Queryable } from '../../db/database.ts';
import type { SealedValue } from '../contract.ts';

export type DeletedReason = 'by_request' | 'expired' | 'declined' | 'capture_ended';

/** What may be shown of a token. */
export interface CardToken {
  readonly id: string;
  readonly accountId: string;
  readonly mode: 'test' | 'live';
  readonly lookAlike: string | null;
  readonly customerReference: string | null;
  readonly brand: string;
  readonly last4: string;
  /** Null once it is deleted. */
  readonly bin: string | null;
  /** 1 to 12. */
  readonly expiryMonth: number | null;
  readonly expiryYear: number | null;
  /** `fp_…`; null once it is deleted. */
  readonly fingerprintId: string | null;
  readonly captureId: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** Null: until it is deleted. */
  readonly expiresAt: Date | null;
  readonly deletedAt: Date | null;
  readonly deletedReason: DeletedReason | null;
}

/** A token and the number that it stands for; `sealed` is undefined once it is deleted. */
export interface SealedCardToken extends CardToken {
  readonly version: number;
  readonly sealed: SealedValue | undefined;
}

export interface KeyedFingerprint {
  readonly keyId: string;
  readonly mac: Buffer;
}

export interface NewCardTokenRow extends CardToken {
  readonly bin: string;
  readonly fingerprintId: string;
  readonly sealed: SealedValue;
  /** Under every key that may be in use; the active one first. */
  readonly fingerprints: readonly [KeyedFingerprint, ...KeyedFingerprint[]];
}

const COLUMNS = `id, account_id AS "accountId", mode, look_alike AS "lookAlike",
  customer_reference AS "customerReference", brand, last4, bin, expiry_month AS "expiryMonth",
  expiry_year AS "expiryYear", fingerprint_id AS "fingerprintId", capture_id AS "captureId",
  created_at AS "createdAt", updated_at AS "updatedAt", expires_at AS "expiresAt", deleted_at AS "deletedAt",
  deleted_reason AS "deletedReason"`;

/** Nobody else adds a token for this card before the transaction is over: all of them get the same fingerprint. */
export async function lockCard(db: Queryable, fingerprint: KeyedFingerprint): Promise<void> {
  await db.query("SELECT pg_advisory_xact_lock(hashtextextended('card_tokens ' || encode($1, 'hex'), 0))", [
    fingerprint.mac,
  ]);
}

/**
 * Adds a token; the fingerprint's id becomes that of the account's other tokens for the card, if it has any. Returns
 * false when nothing was added: one of the keys protects no more, the look-alike is taken, or it is there already.
 */
export async function insertCardToken(db: Queryable, row: NewCardTokenRow): Promise<boolean> {
  const [fingerprint] = row.fingerprints;
  const rows = await db.query(
    `INSERT INTO card_tokens
       (id, account_id, mode, look_alike, customer_reference, brand, last4, bin, expiry_month, expiry_year, ciphertext,
        wrapped_key, key_id, version, fingerprint, fingerprint_key_id, fingerprint_id, capture_id, created_at,
        updated_at, expires_at)
     SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 1, $14, $15,
       coalesce(
         (SELECT other.fingerprint_id FROM card_tokens other
          JOIN unnest($16::text[], $17::bytea[]) AS mine (key_id, mac)
            ON other.fingerprint_key_id = mine.key_id AND other.fingerprint = mine.mac
          WHERE other.account_id = $2 LIMIT 1),
         $18),
       $19, $20, $20, $21
     WHERE vault_key_protects($13, 'card_data') AND vault_key_protects($15, 'fingerprints')
     ON CONFLICT DO NOTHING
     RETURNING id`,
    [
      row.id,
      row.accountId,
      row.mode,
      row.lookAlike,
      row.customerReference,
      row.brand,
      row.last4,
      row.bin,
      row.expiryMonth,
      row.expiryYear,
      row.sealed.ciphertext,
      row.sealed.wrappedKey,
      row.sealed.keyId,
      fingerprint.mac,
      fingerprint.keyId,
      row.fingerprints.map(({ keyId }) => keyId),
      row.fingerprints.map(({ mac }) => mac),
      row.fingerprintId,
      row.captureId,
      row.createdAt,
      row.expiresAt,
    ],
  );
  return rows.length === 1;
}

export async function findCardToken(db: Queryable, tokenId: string): Promise<CardToken | undefined> {
  const [row] = await db.query<CardToken>(`SELECT ${COLUMNS} FROM card_tokens WHERE id = $1`, [tokenId]);
  return row;
}

/** The same, and nobody else changes it before the transaction ends. */
export async function lockCardToken(db: Queryable, tokenId: string): Promise<CardToken | undefined> {
  const [row] = await db.query<CardToken>(
    `SELECT ${COLUMNS} FROM card_tokens WHERE id = $1 FOR NO KEY UPDATE`,
    [tokenId],
  );
  return row;
}

interface SealedColumns {
  readonly version: number;
  readonly keyId: string | null;
  readonly wrappedKey: Buffer | null;
  readonly ciphertext: Buffer | null;
}

export async function findSealedCardToken(
  db: Queryable,
  tokenId: string,
): Promise<SealedCardToken | undefined> {
  const [row] = await db.query<CardToken & SealedColumns>(
    `SELECT ${COLUMNS}, version, key_id AS "keyId", wrapped_key AS "wrappedKey", ciphertext
     FROM card_tokens WHERE id = $1`,
    [tokenId],
  );
  if (row === undefined) return undefined;
  const { keyId, wrappedKey, ciphertext, ...token } = row;
  const whole = keyId !== null && wrappedKey !== null && ciphertext !== null;
  return { ...token, sealed: whole ? { keyId, wrappedKey, ciphertext } : undefined };
}

/** Every part that is there must hold. */
export interface CardTokenFilter {
  readonly customerReference?: string;
  readonly fingerprintId?: string;
  readonly lookAlike?: string;
  readonly mode?: 'test' | 'live';
}

/** A place in a list, the newest first. */
export interface CardTokenPosition {
  readonly createdAt: Date;
  readonly tokenId: string;
}

/** The account's tokens that are not deleted, the newest first, those after a place in the list only. */
export async function listCardTokens(
  db: Queryable,
  accountId: string,
  filter: CardTokenFilter,
  page: { readonly after?: CardTokenPosition; readonly limit: number },
): Promise<CardToken[]> {
  const values: unknown[] = [accountId];
  const conditions = ['account_id = $1', 'deleted_at IS NULL'];
  const add = (column: string, value: unknown): void => {
    if (value === undefined) return;
    values.push(value);
    conditions.push(`${column} = $${values.length}`);
  };
  add('customer_reference', filter.customerReference);
  add('fingerprint_id', filter.fingerprintId);
  add('look_alike', filter.lookAlike);
  add('mode', filter.mode);
  if (page.after !== undefined) {
    values.push(page.after.createdAt.toISOString(), page.after.tokenId);
    conditions.push(`(created_at, id) < ($${values.length - 1}, $${values.length})`);
  }
  values.push(page.limit);
  return await db.query(
    `SELECT ${COLUMNS} FROM card_tokens WHERE ${conditions.join(' AND ')}
     ORDER BY created_at DESC, id DESC LIMIT $${values.length}`,
    values,
  );
}

/** What an account may change of a token. */
export async function updateCardToken(
  db: Queryable,
  token: Pick<
    CardToken,
    'id' | 'customerReference' | 'expiryMonth' | 'expiryYear' | 'expiresAt' | 'updatedAt'
  >,
): Promise<void> {
  await db.query(
    `UPDATE card_tokens SET customer_reference = $2, expiry_month = $3, expiry_year = $4, expires_at = $5,
       updated_at = $6 WHERE id = $1`,
    [
      token.id,
      token.customerReference,
      token.expiryMonth,
      token.expiryYear,
      token.expiresAt,
      token.updatedAt,
    ],
  );
}

/**
 * Crypto-shredding: the data key goes, and with it everything that the ciphertext could ever be again; so do the
 * ciphertext and what tells the card or its holder. The row stays, with brand and last four digits.
 */
const SHRED = `ciphertext = NULL, wrapped_key = NULL, key_id = NULL, fingerprint = NULL, fingerprint_key_id = NULL,
  fingerprint_id = NULL, bin = NULL, expiry_month = NULL, expiry_year = NULL, customer_reference = NULL`;

/** Returns false when it is shredded already, or is none of the account's. */
export async function shredCardToken(
  db: Queryable,
  tokenId: string,
  reason: DeletedReason,
  at: Date,
): Promise<boolean> {
  const rows = await db.query(
    `UPDATE card_tokens SET ${SHRED}, deleted_at = $2, updated_at = $2, deleted_reason = $3
     WHERE id = $1 AND deleted_at IS NULL RETURNING id`,
    [tokenId, at, reason],
  );
  return rows.length === 1;
}

/** Of all accounts: shreds tokens whose time is over, those that nobody else is at. Returns which. */
export async function shredDueCardTokens(
  db: Queryable,
  at: Date,
  limit: number,
): Promise<{ readonly id: string; readonly accountId: string; readonly expiresAt: Date }[]> {
  return await db.query(
    `UPDATE card_tokens SET ${SHRED}, deleted_at = $1, updated_at = $1, deleted_reason = 'expired'
     WHERE id IN (
       SELECT id FROM card_tokens WHERE expires_at <= $1 AND deleted_at IS NULL
       ORDER BY expires_at LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED
     )
     RETURNING id, account_id AS "accountId", expires_at AS "expiresAt"`,
    [at, limit],
  );
}
