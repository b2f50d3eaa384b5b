import { join } from 'node:path';
import { appendAudit } from '../audit/store.ts';
import type { KeysConfig } from '../config/config.ts';
import { readEnvironment } from '../config/environment.ts';
import { loadKeySettings } from '../config/load-config.ts';
import type { Database } from '../db/database.ts';
import { systemClock } from '../kernel/clock.ts';
import { HushtoneError } from '../kernel/errors.ts';
import { createLogger } from '../kernel/logger.ts';
import type { KeyRing } from '../vault/contract.ts';
import { KeyRegistry } from '../vault/keys/key-registry-store.ts';
import { createKeyRing } from '../vault/keys/key-ring.ts';
import { createKeyStore } from '../vault/keys/key-store.ts';
import { openKeyProviders } from '../vault/keys/open-providers.ts';
import { operator } from './operator.ts';
import { allRekeyables } from './rekeyables.ts';
import { withDatabase } from './with-database.ts';

export interface KeyWork {
  readonly registry: KeyRegistry;
  readonly keyRing: KeyRing;
  readonly database: Database;
  readonly settings: KeysConfig;
}

/**
 * Runs `work` on the keys of the settings. `providers`: `none` for what looks at states only; `create` makes the key
 * file when there is none.
 */
export async function withKeys<T>(
  providers: 'none' | 'open' | 'create',
  work: (keys: KeyWork) => Promise<T>,
): Promise<T> {
  const { keys: settings, environment, numbers, dataDir } = loadKeySettings(readEnvironment());
  if (environment === 'production' && [settings.provider, ...settings.previous].includes('development')) {
    throw new HushtoneError(
      'key_provider_refused',
      'invalid',
      'keys of development are not for production: KEY_PROVIDER',
    );
  }
  const clock = systemClock;
  const logger = createLogger('warn', process.stderr);
  return await withDatabase(async (database) => {
    const opened =
      providers === 'none'
        ? []
        : await openKeyProviders(settings, {
            developmentFolder: join(dataDir, 'keys'),
            create: providers === 'create',
            clock,
            logger,
          });
    const store = createKeyStore({ database, clock, logger });
    const keyRing = await createKeyRing({ providers: opened, store, checkAtStart: false, logger });
    try {
      const registry = new KeyRegistry({
        database,
        providers: opened,
        rekeyables: allRekeyables({
          database,
          keyRing,
          ...(numbers.key !== undefined && { earlierKey: numbers.key }),
          logger,
        }),
        append: appendAudit,
        actor: { kind: 'operator', subject: operator() },
      });
      return await work({ registry, keyRing, database, settings });
    } finally {
      await keyRing.close();
    }
  });
}
