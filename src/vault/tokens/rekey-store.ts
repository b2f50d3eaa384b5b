import type { Database, Queryable } from '../../db/database.ts';
import { violatedConstraint } from '../../db/errors.ts';
import { HushtoneError } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { KeyPurpose, KeyRing, SealedValue } from '../contract.ts';
import type { Rekeyable } from '../rekeyable.ts';
import { cardNumberContext } from './card-seal.ts';
import { fingerprintMessage } from './fingerprint.ts';

/** So many that do not open are no accident: someone has to look before anything else is moved. */
const MOST_UNREADABLE = 1000;

/** What the trigger of the table says to a key that protects no more. */
const NOT_ACTIVE = 'card_tokens_active_key';

export interface CardTokenRekeyOptions {
  readonly database: Database;
  readonly keyRing: KeyRing;
  readonly logger: Logger;
}

interface StoredNumber extends SealedValue {
  readonly id: string;
  readonly accountId: string;
  readonly mode: 'test' | 'live';
  readonly version: number;
}

type Column = 'key_id' | 'fingerprint_key_id';

/** What a row is under the active key: the columns that an update writes. */
interface Moved {
  readonly id: string;
  readonly keyId: string;
  readonly bytes: Buffer;
}

/** The card numbers and the fingerprints of card tokens, as the key ring moves them from key to key. */
export function cardTokenRekeyables(options: CardTokenRekeyOptions): readonly [Rekeyable, Rekeyable] {
  const { keyRing } = options;
  return [
    new CardTokenRekeyable(options, {
      purpose: 'card_data',
      records: 'card tokens',
      column: 'key_id',
      update: 'key_id = moved.key_id, wrapped_key = moved.bytes',
      move: async (stored) => {
        const { keyId, wrappedKey } = await keyRing.rewrap('card_data', stored);
        return { id: stored.id, keyId, bytes: wrappedKey };
      },
    }),
    new CardTokenRekeyable(options, {
      purpose: 'fingerprints',
      records: 'card fingerprints',
      column: 'fingerprint_key_id',
      update: 'fingerprint_key_id = moved.key_id, fingerprint = moved.bytes',
      // There is no way from a MAC to that of another key but through the number.
      move: async (stored) => {
        const context = cardNumberContext(stored.accountId, stored.id, stored.version);
        using cardNumber = await keyRing.open('card_data', context, stored);
        using message = fingerprintMessage(stored, cardNumber);
        const { keyId, mac } = await keyRing.mac('fingerprints', message);
        return { id: stored.id, keyId, bytes: mac };
      },
    }),
  ];
}

interface Kind {
  readonly purpose: KeyPurpose;
  readonly records: string;
  readonly column: Column;
  /** The assignments of the update, from `moved`. */
  readonly update: string;
  readonly move: (stored: StoredNumber) => Promise<Moved>;
}

/** How far it is stands in the rows alone: whoever comes next goes on from there. */
class CardTokenRekeyable implements Rekeyable {
  readonly #options: CardTokenRekeyOptions;
  readonly #kind: Kind;
  /** Rows that do not open. They keep their key, and their key is kept. */
  readonly #unreadable = new Set<string>();

  constructor(options: CardTokenRekeyOptions, kind: Kind) {
    this.#options = options;
    this.#kind = kind;
  }

  get purpose(): KeyPurpose {
    return this.#kind.purpose;
  }

  get records(): string {
    return this.#kind.records;
  }

  async remaining(keyId: string): Promise<number> {
    const [row] = await this.#options.database.systemTransaction(
      async (db) =>
        await db.query<{ count: number }>(
          `SELECT count(*) AS count FROM card_tokens WHERE ${this.#kind.column} = $1`,
          [keyId],
        ),
    );
    return row?.count ?? 0;
  }

  /** Rejects with `no_active_key`, or `card_tokens_unreadable` when very many do not open. */
  async moveBatch(limit: number): Promise<number> {
    for (let again = true; ; again = false) {
      // Another process rotates, this one moves: its view of the states must not be older than the batch.
      await this.#options.keyRing.refresh();
      try {
        for (;;) {
          const batch = await this.#moveOnce(limit);
          if (batch.found === 0 || batch.moved > 0) return batch.moved;
          // None of them opens: the next ones may.
        }
      } catch (error) {
        if (!again || violatedConstraint(error) !== NOT_ACTIVE) throw error;
      }
    }
  }

  async #moveOnce(limit: number): Promise<{ readonly found: number; readonly moved: number }> {
    const earlier = this.#options.keyRing
      .list()
      .filter(({ purpose, state }) => purpose === this.purpose && state === 'decrypt_only')
      .map(({ id }) => id);
    if (earlier.length === 0) return { found: 0, moved: 0 };
    return await this.#options.database.systemTransaction(async (db) => {
      const rows = await this.#lock(db, earlier, limit);
      const moved: Moved[] = [];
      for (const row of rows) {
        try {
          moved.push(await this.#kind.move(row));
        } catch (error) {
          this.#setAside(row, error);
        }
      }
      if (moved.length > 0) await this.#write(db, moved);
      return { found: rows.length, moved: moved.length };
    });
  }

  /** Readers are not held up; rows that someone else writes come with a later batch. */
  async #lock(db: Queryable, earlier: readonly string[], limit: number): Promise<StoredNumber[]> {
    return await db.query(
      `SELECT id, account_id AS "accountId", mode, version, key_id AS "keyId", wrapped_key AS "wrappedKey", ciphertext
       FROM card_tokens WHERE ${this.#kind.column} = ANY ($1) AND id <> ALL ($2)
       LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED`,
      [earlier, [...this.#unreadable], limit],
    );
  }

  async #write(db: Queryable, moved: readonly Moved[]): Promise<void> {
    await db.query(
      `UPDATE card_tokens SET ${this.#kind.update}
       FROM unnest($1::text[], $2::text[], $3::bytea[]) AS moved (id, key_id, bytes)
       WHERE card_tokens.id = moved.id`,
      [moved.map(({ id }) => id), moved.map(({ keyId }) => keyId), moved.map(({ bytes }) => bytes)],
    );
  }

  /** Throws what is no fault of the row. */
  #setAside(row: StoredNumber, error: unknown): void {
    const code = error instanceof HushtoneError ? error.code : undefined;
    if (code !== 'sealed_value_invalid' && code !== 'key_unusable') throw error;
    this.#unreadable.add(row.id);
    this.#options.logger.error('a card token does not open and stays under its key', {
      accountId: row.accountId,
      code,
      error,
    });
    if (this.#unreadable.size < MOST_UNREADABLE) return;
    throw new HushtoneError(
      'card_tokens_unreadable',
      'internal',
      `${MOST_UNREADABLE} card tokens do not open: nothing more is moved`,
    );
  }
}
