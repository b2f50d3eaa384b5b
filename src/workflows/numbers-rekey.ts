import type { Database, Queryable } from '../db/database.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Secret } from '../secrets/secret.ts';
import type { KeyRing } from '../vault/contract.ts';
import type { Rekeyable } from '../vault/rekeyable.ts';
import { createEarlierNumbers } from './earlier-numbers.ts';
import { SealedNumbers } from './sealed-numbers.ts';
import type { StoredNumber } from './stored-number.ts';
import { countNumbersOfKey, lockNumbers, saveNumber, type NumberRow } from './stores/number-store.ts';

export interface NumbersRekeyOptions {
  readonly database: Database;
  readonly keyRing: KeyRing;
  /** NUMBERS_KEY: with it what was stored before the key ring is moved too. */
  readonly earlierKey?: Secret;
  readonly logger: Logger;
}

/** Callers' numbers of all accounts: sealed anew, with an index under the same key. */
export function createNumbersRekeyable(options: NumbersRekeyOptions): Rekeyable {
  const { database, keyRing, earlierKey, logger } = options;
  const earlier = earlierKey && createEarlierNumbers(earlierKey);
  const numbers = new SealedNumbers({ keyRing, ...(earlier && { earlier }), logger });
  /** Numbers that do not open. They stay as they are, and keep nothing else from being moved. */
  const unreadable = new Set<string>();

  const moved = async ({ id, accountId, sealed }: NumberRow): Promise<StoredNumber | undefined> => {
    const owner = { accountId, callId: id };
    const number = await numbers.open(sealed, owner);
    return number === undefined ? undefined : await numbers.seal(number, owner);
  };

  const moveSome = async (db: Queryable, keys: readonly string[], limit: number) => {
    const rows = await lockNumbers(db, keys, {
      withoutKey: earlier !== undefined,
      except: [...unreadable],
      limit,
    });
    let count = 0;
    for (const row of rows) {
      const number = await moved(row);
      if (number === undefined) unreadable.add(row.id);
      else {
        await saveNumber(db, row.id, number);
        count += 1;
      }
    }
    return { found: rows.length, count };
  };

  return {
    purpose: 'phone_numbers',
    records: "callers' numbers",
    remaining: async (keyId) =>
      await database.systemTransaction(async (db) => await countNumbersOfKey(db, keyId)),
    async moveBatch(limit) {
      await keyRing.refresh();
      const keys = keyRing
        .list()
        .filter(({ purpose, state }) => purpose === 'phone_numbers' && state === 'decrypt_only')
        .map(({ id }) => id);
      if (keys.length === 0 && earlier === undefined) return 0;
      for (;;) {
        const { found, count } = await database.systemTransaction(
          async (db) => await moveSome(db, keys, limit),
        );
        if (found === 0 || count > 0) return count;
        // None of them opens: the next ones may.
      }
    },
  };
}
