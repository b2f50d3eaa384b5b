import { Attempts } from '../../src/payments/attempts.ts';
import type { PaymentProvider } from '../../src/payments/contract.ts';
import type { ProviderDependencies, ProviderKind } from '../../src/payments/kind.ts';
import { LedgerProvider } from './ledger-provider.ts';

/** A kind of provider whose configuration names a merchant; each has a ledger, whoever connects to it. */
export class Merchants implements ProviderKind {
  readonly kind = 'ledger';
  readonly configurationSchema = {
    type: 'object',
    required: ['merchant', 'secret_key'],
    additionalProperties: false,
    properties: {
      merchant: { type: 'string', minLength: 1 },
      secret_key: { type: 'string', minLength: 1, writeOnly: true },
    },
  };
  readonly #ledgers = new Map<string, LedgerProvider>();

  modeOf(): undefined {
    return undefined;
  }

  of(merchant: string): LedgerProvider {
    const ledger = this.#ledgers.get(merchant) ?? new LedgerProvider(merchant);
    this.#ledgers.set(merchant, ledger);
    return ledger;
  }

  connect(
    { merchant }: Readonly<Record<string, unknown>>,
    _mode: unknown,
    { clock, logger }: ProviderDependencies,
  ): PaymentProvider {
    const ledger = this.of(String(merchant));
    const attempts = new Attempts({ provider: this.kind, clock, logger });
    return {
      name: this.kind,
      get capabilities() {
        return ledger.capabilities;
      },
      pay: (request) => attempts.send(request.purpose, () => ledger.pay(request)),
      modify: (request) => attempts.send(request.modification, () => ledger.modify(request)),
      lookup: (query) => attempts.ask(() => ledger.lookup(query)),
      check: () => ledger.check(),
      close: () => attempts.close(),
    };
  }
}
