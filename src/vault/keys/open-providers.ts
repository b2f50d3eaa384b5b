import { HushtoneError } from '../../kernel/errors.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { KeyProvider } from '../contract.ts';
import { closeKeyProviders } from './close-providers.ts';
import { openDevelopmentKeys } from './development/provider.ts';
import { openEnvironmentKeys, type EnvironmentKey } from './env/provider.ts';
import { openFileKeys } from './file/provider.ts';
import type { UnlockingFiles } from './file/unlock.ts';
import { openPkcs11Keys } from './pkcs11/provider.ts';

export interface KeyProviderSettings {
  readonly provider: KeyProvider['name'];
  readonly previous: readonly KeyProvider['name'][];
  readonly file?: UnlockingFiles & { readonly path: string };
  readonly environment?: readonly EnvironmentKey[];
  readonly pkcs11?: { readonly module: string; readonly tokenLabel: string; readonly pinFile: string };
}

export interface OpeningOptions {
  /** Where the keys of development are. */
  readonly developmentFolder: string;
  /** Make the key file when there is none. */
  readonly create?: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

async function open(
  name: KeyProvider['name'],
  settings: KeyProviderSettings,
  { developmentFolder, create, clock, logger }: OpeningOptions,
): Promise<KeyProvider> {
  const { file, environment, pkcs11 } = settings;
  if (name === 'development') return await openDevelopmentKeys(developmentFolder);
  if (name === 'env' && environment !== undefined) return openEnvironmentKeys(environment);
  if (name === 'pkcs11' && pkcs11 !== undefined) return await openPkcs11Keys({ ...pkcs11, logger });
  if (name === 'file' && file !== undefined) {
    const { path, ...unlocking } = file;
    return await openFileKeys({ path, unlocking, clock, ...(create !== undefined && { create }) });
  }
  throw new HushtoneError('key_provider_not_set_up', 'unavailable', `the key provider ${name} is not set up`);
}

/** The providers of the settings, the one that makes new keys first. Rejects with what the first that fails says. */
export async function openKeyProviders(
  settings: KeyProviderSettings,
  options: OpeningOptions,
): Promise<KeyProvider[]> {
  const opened: KeyProvider[] = [];
  try {
    for (const name of [settings.provider, ...settings.previous]) {
      opened.push(await open(name, settings, options));
    }
    return opened;
  } catch (error) {
    await closeKeyProviders(opened);
    throw error;
  }
}
