import type { Database, Queryable } from '../../db/database.ts';
import { HushtoneError } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { KeyRing, SealedValue } from '../../vault/contract.ts';
import type { Rekeyable } from '../../vault/rekeyable.ts';
import { countSecretsOfKey, lockSecretsOfKeys, rekeySecret, type SecretOfKey } from './secret-key-store.ts';

const PURPOSE = 'provider_credentials';

/** So many that do not open are no accident: someone has to look before anything else is moved. */
const MOST_UNREADABLE = 1000;

export interface CredentialsRekeyOptions {
  readonly database: Database;
  readonly ring: KeyRing;
  readonly logger: Logger;
}

/** The sealed credentials of all accounts, for the rotation of the keys that they are sealed with. */
export function createCredentialsRekeyable({ database, ring, logger }: CredentialsRekeyOptions): Rekeyable {
  /** Credentials that do not open. They keep their key, their key is kept, and nothing else waits for them. */
  const unreadable = new Map<string, SecretOfKey>();

  /** Throws what is no fault of the credential. */
  const setAside = (secret: SecretOfKey, error: unknown): void => {
    const code = error instanceof HushtoneError ? error.code : undefined;
    if (code !== 'sealed_value_invalid' && code !== 'key_unusable') throw error;
    const { accountId, providerId: provider, pointer } = secret;
    unreadable.set(`${provider}${pointer}`, secret);
    logger.error('a provider credential does not open and stays under its key', {
      accountId,
      provider,
      code,
      error,
    });
    if (unreadable.size < MOST_UNREADABLE) return;
    throw new HushtoneError(
      'provider_credentials_unreadable',
      'internal',
      `${MOST_UNREADABLE} provider credentials do not open: nothing more is moved`,
    );
  };

  const rewrapped = async (secret: SecretOfKey): Promise<SealedValue | undefined> => {
    try {
      return await ring.rewrap(PURPOSE, secret);
    } catch (error) {
      setAside(secret, error);
      return undefined;
    }
  };

  const moveSome = async (db: Queryable, keyIds: readonly string[], limit: number) => {
    const secrets = await lockSecretsOfKeys(db, keyIds, { except: [...unreadable.values()], limit });
    let moved = 0;
    for (const secret of secrets) {
      const sealed = await rewrapped(secret);
      if (sealed === undefined) continue;
      await rekeySecret(db, secret, sealed);
      moved += 1;
    }
    return { found: secrets.length, moved };
  };

  return {
    purpose: PURPOSE,
    records: 'provider credentials',
    remaining: async (keyId) =>
      await database.systemTransaction(async (db) => await countSecretsOfKey(db, keyId)),
    /** Rejects with `no_active_key`, or `provider_credentials_unreadable` when very many do not open. */
    async moveBatch(limit) {
      await ring.refresh();
      // What no key of the ring opens stays where it is, and keeps nothing else from being moved.
      const old = ring
        .list()
        .filter(({ purpose, state }) => purpose === PURPOSE && state === 'decrypt_only')
        .map(({ id }) => id);
      for (;;) {
        const { found, moved } = await database.systemTransaction(
          async (db) => await moveSome(db, old, limit),
        );
        if (found === 0 || moved > 0) return moved;
        // None of them opens: the next ones may.
      }
    },
  };
}
