import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import type { PaymentProvider } from './contract.ts';

/** Test credentials move no money; a provider of one mode is never used for a payment of the other. */
export type Mode = 'test' | 'live';

/** What every provider is given when it is connected. */
export interface ProviderDependencies {
  readonly clock: Clock;
  readonly logger: Logger;
  /** From a request to the last byte of its answer. */
  readonly timeoutMs: number;
  /** Whether an IP address may be connected to. By default any; an account's own configuration is not trusted so far. */
  readonly allowAddress?: (address: string) => boolean;
}

/** A configuration as an account writes it: JSON, checked by the kind's schema. It holds secrets as plain text. */
export type ProviderConfiguration = Readonly<Record<string, unknown>>;

/**
 * One kind of provider: how it is configured and connected. Every folder beside this file exports one, and
 * `registry.ts` lists them.
 */
export interface ProviderKind {
  /** `stripe`, `adyen`, …: what an account names it by. */
  readonly kind: string;
  /**
   * JSON Schema (2020-12) of the configuration, an object without further members. A secret member has
   * `writeOnly: true`: it is stored sealed and never told again.
   */
  readonly configurationSchema: Readonly<Record<string, unknown>>;
  /** The mode that the credentials themselves tell; undefined when they do not. */
  modeOf(configuration: ProviderConfiguration): Mode | undefined;
  /**
   * Builds the provider for a configuration that has passed the schema. `mode` is the account's word. Does not wait for
   * the network. Throws `provider_configuration` (HushtoneError, `invalid`) with a sentence for the operator.
   */
  connect(
    configuration: ProviderConfiguration,
    mode: Mode,
    dependencies: ProviderDependencies,
  ): PaymentProvider;
}
