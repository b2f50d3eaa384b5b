import type { Amount, PaymentProvider, Purpose } from '../../payments/contract.ts';
import type { Mode } from '../../payments/kind.ts';

/** A provider that an account may use, connected. */
export interface RoutedProvider {
  /** `prv_…`, or `default` for the one that the installation brings. */
  readonly id: string;
  readonly kind: string;
  readonly mode: Mode;
  readonly provider: PaymentProvider;
}

/** What decides where a payment goes. */
export interface RoutingQuestion {
  readonly mode: Mode;
  readonly purpose: Purpose;
  readonly amount?: Amount;
  readonly brand?: string;
}

/** The providers of every account, as its configuration has them now. */
export interface ProviderDirectory {
  /**
   * Those that may take the payment, the preferred one first; the next one is asked only when the one before was
   * `unavailable` and nothing was sent. Empty: none fits.
   */
  route(accountId: string, question: RoutingQuestion): Promise<readonly RoutedProvider[]>;
  /** For what an earlier attempt went to, also when it is disabled by now; undefined when it is gone. */
  find(accountId: string, providerId: string): Promise<RoutedProvider | undefined>;
}
