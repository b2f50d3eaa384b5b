import type { Database } from '../../db/database.ts';
import type { ProviderDependencies, ProviderKind } from '../../payments/kind.ts';
import { PROVIDER_KINDS } from '../../payments/registry.ts';
import { connectSandboxProvider } from '../../payments/sandbox/provider.ts';
import type { Secret } from '../../secrets/secret.ts';
import type { KeyRing } from '../../vault/contract.ts';
import { Providers } from './desk.ts';
import { DEFAULT_PROVIDER, Directory } from './directory.ts';

/** How the provider that the installation brings is reached. */
export interface InstalledSettings {
  readonly url: string;
  /** PEM: who may have signed the provider's certificate. */
  readonly ca: string;
  readonly identity: { readonly certificate: string; readonly key: Secret };
  /** Hexadecimal digits. */
  readonly pinKey?: Secret;
}

export interface OpenProvidersOptions {
  readonly database: Database;
  readonly ring: KeyRing;
  readonly dependencies: ProviderDependencies;
  readonly installed?: InstalledSettings | undefined;
  /** By default all that there are. */
  readonly kinds?: readonly ProviderKind[];
}

export interface OpenedProviders {
  /** Whoever opened it closes it, and every connection with it. */
  readonly directory: Directory;
  readonly desk: Providers;
}

/**
 * The providers of every account and that of the installation, which is asked what it can do. One that is down does not
 * stop anything. Rejects with `provider_configuration` or `pin_key_invalid` for what the settings say of it.
 */
export async function openProviders({
  installed,
  kinds = PROVIDER_KINDS,
  ...options
}: OpenProvidersOptions): Promise<OpenedProviders> {
  const { database, ring, dependencies } = options;
  const provider = installed && (await connectInstalled(installed, dependencies));
  const directory = new Directory({
    ...options,
    kinds,
    ...(provider && {
      installed: { id: DEFAULT_PROVIDER, kind: provider.name, mode: 'test' as const, provider },
    }),
  });
  return {
    directory,
    desk: new Providers({ database, ring, kinds, directory, clock: dependencies.clock }),
  };
}

/** Its address is the operator's own word: it may be anywhere. */
function connectInstalled(
  { url, ca, identity, pinKey }: InstalledSettings,
  { clock, logger, timeoutMs }: ProviderDependencies,
): ReturnType<typeof connectSandboxProvider> {
  return connectSandboxProvider({
    url,
    ca,
    clientCert: identity.certificate,
    clientKey: identity.key,
    ...(pinKey && { pinKey }),
    timeoutMs,
    logger,
    clock,
  });
}
