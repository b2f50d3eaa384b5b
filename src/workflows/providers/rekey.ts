import type { Database } from '../../db/database.ts';
import type { KeyRing } from '../../vault/contract.ts';
import type { Rekeyable } from '../../vault/rekeyable.ts';
import { countSecretsOfKey, lockSecretsOfKeys, rekeySecret } from './secret-key-store.ts';

const PURPOSE = 'provider_credentials';

/** The sealed credentials of all accounts, for the rotation of the keys that they are sealed with. */
export function createCredentialsRekeyable(options: {
  readonly database: Database;
  readonly ring: KeyRing;
}): Rekeyable {
  const { database, ring } = options;
  return {
    purpose: PURPOSE,
    records: 'provider credentials',
    remaining: async (keyId) =>
      await database.systemTransaction(async (db) => await countSecretsOfKey(db, keyId)),
    async moveBatch(limit) {
      await ring.refresh();
      // What no key of the ring opens stays where it is, and keeps nothing else from being moved.
      const old = ring
        .list()
        .filter(({ purpose, state }) => purpose === PURPOSE && state === 'decrypt_only')
        .map(({ id }) => id);
      return await database.systemTransaction(async (db) => {
        const secrets = await lockSecretsOfKeys(db, old, limit);
        for (const secret of secrets) await rekeySecret(db, secret, await ring.rewrap(PURPOSE, secret));
        return secrets.length;
      });
    },
  };
}
