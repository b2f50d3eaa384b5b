import type {
  CheckFinding,
  LookupQuery,
  ModificationRequest,
  PaymentOutcome,
  PaymentProvider,
  PaymentRequest,
  ProviderCapabilities,
} from '../../payments/contract.ts';
import type { PinnedProvider } from './contract.ts';

/**
 * One configured provider for as long as the process runs, whatever becomes of its configuration: each call goes out
 * with what is configured at that moment, so that nobody is left holding a connection that was replaced.
 */
export class LiveProvider implements PaymentProvider {
  #current: PaymentProvider;
  #configurationVersion: number;

  constructor(provider: PaymentProvider, configurationVersion: number) {
    this.#current = provider;
    this.#configurationVersion = configurationVersion;
  }

  get configurationVersion(): number {
    return this.#configurationVersion;
  }

  /** What is configured at this moment, for whoever must not be moved on to another configuration unawares. */
  pinned(): PinnedProvider {
    return { provider: this.#current, configurationVersion: this.#configurationVersion };
  }

  get name(): string {
    return this.#current.name;
  }

  get capabilities(): ProviderCapabilities {
    return this.#current.capabilities;
  }

  /** Resolves when what was under way with the one before has come to its end. */
  replace(provider: PaymentProvider, configurationVersion: number): Promise<void> {
    const replaced = this.#current;
    this.#current = provider;
    this.#configurationVersion = configurationVersion;
    return replaced.close();
  }

  pay(request: PaymentRequest): Promise<PaymentOutcome> {
    return this.#current.pay(request);
  }

  modify(request: ModificationRequest): Promise<PaymentOutcome> {
    return this.#current.modify(request);
  }

  lookup(query: LookupQuery): Promise<PaymentOutcome | undefined> {
    return this.#current.lookup(query);
  }

  check(): Promise<readonly CheckFinding[]> {
    return this.#current.check();
  }

  close(): Promise<void> {
    return this.#current.close();
  }
}
