import { readEnvironment } from '../config/environment.ts';
import { loadProviderSettings } from '../config/load-config.ts';
import type { Database } from '../db/database.ts';
import { isAddressAllowed } from '../kernel/address-guard.ts';
import { systemClock } from '../kernel/clock.ts';
import { createLogger } from '../kernel/logger.ts';
import { openProviders, type OpenedProviders } from '../workflows/providers/open-providers.ts';
import { withKeys } from './keys-registry.ts';

/**
 * Runs `work` on the payment providers of every account, with the keys that their credentials are sealed with, and on
 * the provider of the settings. Keys of development are made when they are missing.
 */
export async function withProviders<T>(
  work: (opened: OpenedProviders & { readonly database: Database }) => Promise<T>,
): Promise<T> {
  const { payments, provider: installed } = loadProviderSettings(readEnvironment());
  const policy = { allowPrivate: payments.allowPrivate, allowPlainLoopback: false };
  return await withKeys('open', async ({ registry, keyRing: ring, database, settings }) => {
    if (settings.provider === 'development') {
      await registry.generate();
      await ring.refresh();
    }
    const opened = await openProviders({
      database,
      ring,
      // What a check finds is printed; the log is for what nobody asked about.
      dependencies: {
        clock: systemClock,
        logger: createLogger('error', process.stderr),
        timeoutMs: payments.timeoutMs,
        allowAddress: (address) => isAddressAllowed(address, policy),
      },
      installed,
    });
    try {
      return await work({ ...opened, database });
    } finally {
      await opened.directory.close();
    }
  });
}
