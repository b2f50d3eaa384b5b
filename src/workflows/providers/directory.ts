import type { Database } from '../../db/database.ts';
import { HushtoneError } from '../../kernel/errors.ts';
import type { PaymentProvider, ProviderCapabilities } from '../../payments/contract.ts';
import type { Mode, ProviderConfiguration, ProviderDependencies, ProviderKind } from '../../payments/kind.ts';
import type { KeyRing } from '../../vault/contract.ts';
import { joinConfiguration } from './configuration.ts';
import type { ProviderDirectory, RoutedProvider, RoutingQuestion } from './contract.ts';
import { openSecrets } from './credentials.ts';
import { LiveProvider } from './live-provider.ts';
import { findProvider, listProviders, type ProviderRecord } from './provider-store.ts';
import { choose } from './routing.ts';
import { listRules } from './routing-store.ts';
import { checkConfiguration } from './validation.ts';

/** The id of the provider that the installation brings, for every account in test mode. */
export const DEFAULT_PROVIDER = 'default';

export interface DirectoryOptions {
  readonly database: Database;
  readonly ring: KeyRing;
  readonly kinds: readonly ProviderKind[];
  readonly dependencies: ProviderDependencies;
  /** What the settings configure: `default`. Closed with the others. */
  readonly installed?: RoutedProvider;
}

/**
 * The providers of every account. The database is asked each time, so that what another process changed holds at once;
 * a connection lives as long as its configuration.
 */
export class Directory implements ProviderDirectory {
  readonly #options: DirectoryOptions;
  readonly #live = new Map<string, LiveProvider>();
  readonly #connecting = new Map<string, Promise<LiveProvider>>();
  readonly #closing = new Set<Promise<void>>();

  constructor(options: DirectoryOptions) {
    this.#options = options;
  }

  get installed(): RoutedProvider | undefined {
    return this.#options.installed;
  }

  async route(accountId: string, question: RoutingQuestion): Promise<readonly RoutedProvider[]> {
    const { database, installed } = this.#options;
    const { rules, records } = await database.transaction(accountId, async (db) => ({
      rules: await listRules(db, accountId),
      records: await listProviders(db, accountId),
    }));
    const usable = new Map(
      records
        .filter(({ state, mode }) => state === 'active' && mode === question.mode)
        .map((record) => [record.id, record]),
    );
    const routed: RoutedProvider[] = [];
    for (const id of choose(rules, question, [...usable.keys(), DEFAULT_PROVIDER])) {
      const record = usable.get(id);
      const provider =
        record === undefined
          ? id === DEFAULT_PROVIDER && installed?.mode === question.mode
            ? installed
            : undefined
          : await this.#connectedOrLogged(record);
      if (provider !== undefined && serves(provider.provider.capabilities, question)) routed.push(provider);
    }
    return routed;
  }

  async find(accountId: string, providerId: string): Promise<RoutedProvider | undefined> {
    const { database, installed } = this.#options;
    if (providerId === DEFAULT_PROVIDER) return installed;
    const record = await database.transaction(
      accountId,
      async (db) => await findProvider(db, accountId, providerId),
    );
    return record && (await this.connected(record));
  }

  /** Rejects with `provider_unusable`. */
  async connected(record: ProviderRecord): Promise<RoutedProvider> {
    const { id, kind, mode } = record;
    try {
      const live = await this.#liveOf(record);
      return {
        id,
        kind,
        mode,
        provider: live,
        pinned: () => live.pinned(),
        ...(record.state === 'disabled' && { retired: true as const }),
      };
    } catch (cause) {
      const why = cause instanceof HushtoneError && cause.kind !== 'internal' ? `: ${cause.message}` : '.';
      throw new HushtoneError(
        'provider_unusable',
        'unavailable',
        `The provider cannot be connected with its stored configuration${why}`,
        { cause },
      );
    }
  }

  /**
   * Throws what `connect` of the kind throws for this configuration (`provider_configuration`). Nothing is sent.
   */
  tryOut(kind: ProviderKind, mode: Mode, configuration: ProviderConfiguration): void {
    const provider = kind.connect(configuration, mode, this.#options.dependencies);
    this.#letClose(provider.name, provider.close());
  }

  /** Waits for what is under way, then drops every connection. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#connecting.values());
    const { installed } = this.#options;
    await Promise.allSettled([
      ...[...this.#live.values()].map(async (live) => await live.close()),
      ...this.#closing,
      installed?.provider.close(),
    ]);
    this.#live.clear();
  }

  async #connectedOrLogged(record: ProviderRecord): Promise<RoutedProvider | undefined> {
    try {
      return await this.connected(record);
    } catch (error) {
      const { accountId, id: provider } = record;
      this.#options.dependencies.logger.error('a provider cannot be connected', {
        accountId,
        provider,
        error,
      });
      return undefined;
    }
  }

  async #liveOf(record: ProviderRecord): Promise<LiveProvider> {
    // One at a time for each provider: two that come together share what the first has made.
    for (;;) {
      const live = this.#live.get(record.id);
      if (live !== undefined && live.configurationVersion >= record.configurationVersion) return live;
      const connecting = this.#connecting.get(record.id);
      if (connecting === undefined) break;
      await connecting.catch(() => undefined);
    }
    const work = this.#connect(record).finally(() => this.#connecting.delete(record.id));
    this.#connecting.set(record.id, work);
    return await work;
  }

  async #connect(record: ProviderRecord): Promise<LiveProvider> {
    const provider = await this.#open(record);
    const live = this.#live.get(record.id);
    if (live === undefined) {
      const first = new LiveProvider(provider, record.configurationVersion);
      this.#live.set(record.id, first);
      return first;
    }
    this.#letClose(record.id, live.replace(provider, record.configurationVersion));
    return live;
  }

  /** Behind whoever asked: what is under way with a provider may take its time. */
  #letClose(provider: string, work: Promise<void>): void {
    const { logger } = this.#options.dependencies;
    const closing = work
      .catch((error: unknown) => logger.warn('a provider did not close', { provider, error }))
      .finally(() => void this.#closing.delete(closing));
    this.#closing.add(closing);
  }

  async #open(record: ProviderRecord): Promise<PaymentProvider> {
    const { kinds, ring, dependencies } = this.#options;
    const kind = kinds.find(({ kind: name }) => name === record.kind);
    if (kind === undefined) {
      throw new HushtoneError(
        'provider_kind_unknown',
        'invalid',
        'This gateway has no such kind of provider.',
      );
    }
    const configuration = joinConfiguration(record.configuration, await openSecrets(ring, record));
    checkConfiguration(kind, record.mode, configuration);
    return kind.connect(configuration, record.mode, dependencies);
  }
}

function serves(capabilities: ProviderCapabilities, { purpose, pin = false }: RoutingQuestion): boolean {
  return capabilities.purposes.includes(purpose) && (!pin || capabilities.pin);
}
