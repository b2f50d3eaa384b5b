import type {
  CheckFinding,
  LookupQuery,
  ModificationRequest,
  PaymentOutcome,
  PaymentProvider,
  PaymentRequest,
  ProviderCapabilities,
} from '../../payments/contract.ts';

/**
 * One configured provider for as long as the process runs, whatever becomes of its configuration: each call goes out
 * with what is configured at that moment, so that nobody is left holding a connection that was replaced.
 */
export class LiveProvider implements PaymentProvider {
  #current: PaymentProvider;
  #version: number;

  constructor(provider: PaymentProvider, version: number) {
    this.#current = provider;
    this.#version = version;
  }

  get version(): number {
    return this.#version;
  }

  get name(): string {
    return this.#current.name;
  }

  get capabilities(): ProviderCapabilities {
    return this.#current.capabilities;
  }

  /** Resolves when what was under way with the one before has come to its end. */
  replace(provider: PaymentProvider, version: number): Promise<void> {
    const replaced = this.#current;
    this.#current = provider;
    this.#version = version;
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
