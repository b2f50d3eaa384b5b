import { join } from 'node:path';
import { appendAudit } from './audit/store.ts';
import type { Config } from './config/config.ts';
import type { Database } from './db/database.ts';
import { systemClock } from './kernel/clock.ts';
import type { Logger } from './kernel/logger.ts';
import type { KeyProvider, KeyRing } from './vault/contract.ts';
import { closeKeyProviders } from './vault/keys/close-providers.ts';
import { KeyRegistry } from './vault/keys/key-registry-store.ts';
import { createKeyRing } from './vault/keys/key-ring.ts';
import { createKeyStore } from './vault/keys/key-store.ts';
import { openKeyProviders } from './vault/keys/open-providers.ts';

/**
 * The key ring of a gateway. Keys of development are made when they are missing; any others must have been made by
 * `hushtone keys generate`. Rejects with what a key provider says, `key_missing` or `key_mismatch`.
 */
export async function startKeyRing(
  config: Pick<Config, 'keys' | 'database'>,
  database: Database,
  databaseUrl: string,
  logger: Logger,
): Promise<KeyRing> {
  const clock = systemClock;
  const developmentFolder = join(config.database.dataDir, 'keys');
  const providers = await openKeyProviders(config.keys, { developmentFolder, clock, logger });
  if (config.keys.provider === 'development') {
    try {
      await makeMissingKeys(database, providers);
    } catch (error) {
      await closeKeyProviders(providers);
      throw error;
    }
  }
  // From here on the ring has the providers: it closes them, also when it does not come about.
  const store = createKeyStore({ database, databaseUrl, clock, logger });
  const ring = await createKeyRing({ providers, store, logger });
  if (ring.list().length === 0) logger.warn('the vault has no keys: hushtone keys generate');
  return ring;
}

async function makeMissingKeys(database: Database, providers: readonly KeyProvider[]): Promise<void> {
  const registry = new KeyRegistry({
    database,
    providers,
    rekeyables: [],
    append: appendAudit,
    actor: { kind: 'system' },
  });
  await registry.generate();
}
