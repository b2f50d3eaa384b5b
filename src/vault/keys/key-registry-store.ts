import type { Database, Queryable } from '../../db/database.ts';
import { HushtoneError } from '../../kernel/errors.ts';
import { KEY_PURPOSES, type KeyProvider, type KeyPurpose, type KeyState } from '../contract.ts';
import type { Rekeyable } from '../rekeyable.ts';
import {
  INSTALLATION_ACCOUNT,
  type AppendKeyRecords,
  type KeyActor,
  type KeyOperation,
  type KeyRecord,
} from './key-record-store.ts';
import { insertKey, listKeys, lockActiveKey, lockKey, saveKeyState, type StoredKey } from './key-store.ts';
import { takeSpareKey } from './spare-key.ts';
import { moveAll, usesOf, wordsOf, type KeyUse, type MoveProgress } from './stored-records.ts';

export interface KeyRegistryOptions {
  readonly database: Database;
  /** The first makes new keys. The registry does not close them. */
  readonly providers: readonly KeyProvider[];
  /** Everything that is stored under keys. */
  readonly rekeyables: readonly Rekeyable[];
  readonly append: AppendKeyRecords;
  readonly actor: KeyActor;
}

/** What is to open the key file: the shares of a set, or a passphrase. */
export type Relocking =
  | {
      readonly operation: 'vault_key.split';
      readonly set: string;
      readonly threshold: number;
      readonly shares: number;
    }
  | { readonly operation: 'vault_key.passphrase'; readonly set?: never };

function refuse(code: string, message: string): HushtoneError {
  return new HushtoneError(code, 'conflict', message);
}

/**
 * Makes keys and changes their states. Each change and its audit record are one transaction. All methods reject with
 * `database_unavailable` too, and with what the key provider says.
 */
export class KeyRegistry {
  readonly #options: KeyRegistryOptions;

  constructor(options: KeyRegistryOptions) {
    this.#options = options;
  }

  /** The newest first. */
  async list(): Promise<StoredKey[]> {
    return await this.#options.database.systemTransaction(listKeys);
  }

  /** An active key for each of these purposes that has none; what was made. */
  async generate(purposes: readonly KeyPurpose[] = KEY_PURPOSES): Promise<StoredKey[]> {
    const { providers } = this.#options;
    const before = await this.list();
    const missing = purposes.filter(
      (purpose) => !before.some((key) => key.purpose === purpose && key.state === 'active'),
    );
    const made: string[] = [];
    for (const purpose of missing) {
      const key = await takeSpareKey(providers, purpose, before);
      await this.#write(async (db) => {
        if (!(await insertKey(db, key))) return []; // another process was faster
        made.push(key.id);
        return [this.#record('vault_key.create', key.id, { after: shown(key, 'active') })];
      });
    }
    return (await this.list()).filter(({ id }) => made.includes(id));
  }

  /**
   * Makes a key in the provider and nothing else: the next rotation of the purpose takes it. For installations whose
   * gateways have copies of the key file, which must all have the key before it is used.
   */
  async prepare(purpose: KeyPurpose): Promise<string> {
    const { id, provider } = await takeSpareKey(this.#options.providers, purpose, await this.list());
    await this.#write(() =>
      Promise.resolve([
        this.#record('vault_key.create', id, { after: { purpose, provider, state: 'prepared' } }),
      ]),
    );
    return id;
  }

  /**
   * What opens the key file is changed by `work`. A file takes no part in a transaction: that it is about to be changed
   * is on record before `work` begins, and how it ended after it. A database that is lost, or a process that is killed, in
   * between leaves the first record alone. Rejects with what `work` says, and with `key_record_missing` when the file
   * was changed and that could not be recorded.
   */
  async relock<T>(change: Relocking, work: () => Promise<T>): Promise<T> {
    const { operation, set, ...after } = change;
    const object = { type: 'vault_key_file', id: set ?? 'passphrase' } as const;
    const about = (what: KeyOperation): KeyRecord => ({
      ...this.#record(what, object.id, { after }),
      object,
    });
    await this.#write(() => Promise.resolve([about('vault_key.relock')]));
    let result: T;
    try {
      result = await work();
    } catch (error) {
      const reason = error instanceof HushtoneError ? error.code : 'internal_error';
      const failed = { ...about(operation), result: 'failed', reason } as const;
      // Where this cannot be written either, the record of the attempt stands alone; what failed first is what matters.
      await this.#write(() => Promise.resolve([failed])).catch(() => undefined);
      throw error;
    }
    try {
      await this.#write(() => Promise.resolve([about(operation)]));
    } catch (cause) {
      throw new HushtoneError(
        'key_record_missing',
        'unavailable',
        'what opens the key file was changed, but the database was lost before that was recorded: the audit trail says only that it was about to be',
        { cause },
      );
    }
    return result;
  }

  /**
   * A new active key; the one before only opens from now on. Rejects with `no_active_key`, and with
   * `rotation_unfinished` while records are left under an earlier key: so running it twice makes one key.
   */
  async rotate(purpose: KeyPurpose): Promise<{ readonly active: StoredKey; readonly previous: StoredKey }> {
    const active = (await this.list()).find((key) => key.purpose === purpose && key.state === 'active');
    return await this.#orRecordRefusal('vault_key.rotate', active?.id ?? purpose, async () => {
      await this.#refuseUnfinished(purpose);
      return await this.#replaceActive(purpose);
    });
  }

  /**
   * Moves what is stored under earlier keys of the purpose to the active one, `batch` records a transaction, and
   * resolves with how many were moved. `progress` hears of every batch. May be killed and run again.
   */
  async moveRecords(purpose: KeyPurpose, batch: number, progress: MoveProgress): Promise<number> {
    const total = await moveAll(this.#options.rekeyables, purpose, batch, progress);
    if (total > 0) {
      const active = (await this.list()).find((key) => key.purpose === purpose && key.state === 'active');
      await this.#write(() =>
        Promise.resolve([
          this.#record('vault_key.rewrap', active?.id ?? purpose, { after: { purpose, moved: total } }),
        ]),
      );
    }
    return total;
  }

  /** What is stored under the key: nothing that has a count of 0. */
  async uses(key: Pick<StoredKey, 'id' | 'purpose'>): Promise<KeyUse[]> {
    return await usesOf(this.#options.rekeyables, key);
  }

  /**
   * From now on the key serves nothing. Rejects with `key_unknown`, `key_state` (it is not `decrypt_only`) or
   * `key_in_use`. Idempotent.
   */
  async retire(id: string): Promise<StoredKey> {
    return await this.#change(id, 'retired', 'vault_key.retire', async (key) => {
      if (key.state === 'active') {
        throw refuse('key_state', `${id} is active: hushtone keys rotate ${key.purpose} first`);
      }
      if (key.state !== 'decrypt_only') throw refuse('key_state', `${id} is ${key.state}`);
      // The lock on the key keeps everyone from storing something new under it meanwhile.
      const uses = await this.uses(key);
      if (uses.length > 0) {
        throw refuse(
          'key_in_use',
          `${wordsOf(uses)} are still under ${id}: hushtone keys rotate ${key.purpose} --resume`,
        );
      }
    });
  }

  /** A retired key opens again. Rejects with `key_unknown` or `key_state`. Idempotent. */
  async reinstate(id: string): Promise<StoredKey> {
    return await this.#change(id, 'decrypt_only', 'vault_key.reinstate', (key) => {
      if (key.state !== 'retired') throw refuse('key_state', `${id} is ${key.state}, not retired`);
      return Promise.resolve();
    });
  }

  /**
   * The bytes of a retired key are destroyed for good. Rejects with `key_unknown`, `key_state` or `key_in_use`. Killed
   * on the way it has done nothing or is finished by another call.
   */
  async destroy(id: string): Promise<StoredKey> {
    return await this.#change(id, 'destroyed', 'vault_key.destroy', async (key) => {
      if (key.state !== 'retired') throw refuse('key_state', `${id} is ${key.state}: retire it first`);
      const uses = await this.uses(key);
      if (uses.length > 0) throw refuse('key_in_use', `${wordsOf(uses)} are still under ${id}`);
      await this.#providerOf(key).destroy(id);
    });
  }

  async #refuseUnfinished(purpose: KeyPurpose): Promise<void> {
    const earlier = (await this.list()).filter(
      (key) => key.purpose === purpose && key.state === 'decrypt_only',
    );
    for (const key of earlier) {
      const uses = await this.uses(key);
      if (uses.length === 0) continue;
      throw refuse(
        'rotation_unfinished',
        `${wordsOf(uses)} are still under ${key.id}: finish that rotation with --resume first`,
      );
    }
  }

  async #replaceActive(
    purpose: KeyPurpose,
  ): Promise<{ readonly active: StoredKey; readonly previous: StoredKey }> {
    const key = await takeSpareKey(this.#options.providers, purpose, await this.list());
    const previousId = await this.#options.database.systemTransaction(async (db) => {
      const previous = await lockActiveKey(db, purpose);
      if (previous === undefined) {
        throw refuse(
          'no_active_key',
          `there is no active key for ${purpose} to rotate: hushtone keys generate`,
        );
      }
      await saveKeyState(db, previous.id, 'decrypt_only');
      if (!(await insertKey(db, key))) {
        throw refuse('key_exists', `${key.id} was put to use by another process: run it again`);
      }
      await this.#options.append(db, [
        this.#record('vault_key.rotate', key.id, {
          before: { active: previous.id },
          after: { active: key.id, ...shown(key, 'active') },
        }),
      ]);
      return previous.id;
    });
    return { active: await this.#get(key.id), previous: await this.#get(previousId) };
  }

  async #get(id: string): Promise<StoredKey> {
    const found = (await this.list()).find((key) => key.id === id);
    if (found === undefined) throw keyUnknown(id);
    return found;
  }

  /** A refusal is an act too. */
  async #orRecordRefusal<T>(operation: KeyOperation, id: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof HushtoneError && error.kind === 'conflict') {
        const record = { ...this.#record(operation, id, {}), result: 'refused', reason: error.code } as const;
        await this.#write(() => Promise.resolve([record]));
      }
      throw error;
    }
  }

  async #change(
    id: string,
    state: KeyState,
    operation: KeyOperation,
    check: (key: StoredKey) => Promise<void>,
  ): Promise<StoredKey> {
    await this.#orRecordRefusal(operation, id, async () => {
      await this.#write(async (db) => {
        const key = await lockKey(db, id);
        if (key === undefined) throw keyUnknown(id);
        if (key.state === state) return [];
        await check(key);
        await saveKeyState(db, id, state);
        return [this.#record(operation, id, { before: shown(key, key.state), after: shown(key, state) })];
      });
    });
    return await this.#get(id);
  }

  #providerOf(key: StoredKey): KeyProvider {
    const provider = this.#options.providers.find(({ name }) => name === key.provider);
    if (provider !== undefined) return provider;
    throw refuse('key_missing', `${key.id} is in the key provider ${key.provider}, which is not set up`);
  }

  #record(operation: KeyOperation, id: string, change: Pick<KeyRecord, 'before' | 'after'>): KeyRecord {
    const { actor } = this.#options;
    return {
      accountId: INSTALLATION_ACCOUNT,
      actor,
      operation,
      object: { type: 'vault_key', id },
      result: 'done',
      ...change,
    };
  }

  /** What `work` changes and the records that it gives for it, in one transaction. */
  async #write(work: (db: Queryable) => Promise<KeyRecord[]>): Promise<void> {
    await this.#options.database.systemTransaction(async (db) => {
      const records = await work(db);
      await this.#options.append(db, records);
    });
  }
}

function shown(key: Pick<StoredKey, 'purpose' | 'provider'>, state: KeyState): Record<string, string> {
  return { purpose: key.purpose, provider: key.provider, state };
}

function keyUnknown(id: string): HushtoneError {
  return new HushtoneError('key_unknown', 'not_found', `there is no key ${id}`);
}
