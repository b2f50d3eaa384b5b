import type { ProviderDouble } from '../../../simulators/doubles/contract.ts';
import type { Clock } from '../../../src/kernel/clock.ts';
import type { Logger } from '../../../src/kernel/logger.ts';
import type {
  CheckFinding,
  DeclineReason,
  PaymentProvider,
  ProviderCapabilities,
  ProviderFailure,
} from '../../../src/payments/contract.ts';

/** What the suite needs of a double; any implementation of it will do. `close` ends the double. */
export type ConformanceDouble = Omit<ProviderDouble, 'ca'>;

export interface ConnectWishes {
  /** The double's, or one where nothing listens. */
  readonly url: string;
  /** Credentials that the double does not know. */
  readonly wrongCredentials: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly timeoutMs: number;
}

/** A test number that the provider publishes, and what becomes of it. */
export interface PublishedDecline {
  readonly cardNumber: string;
  /** Default 123. */
  readonly securityCode?: string;
  /** MMYY. Default 1239. */
  readonly expiry?: string;
  readonly reason: DeclineReason;
  readonly rawCode: string;
}

/** A request as bytes, made without the adapter. */
export interface RawRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** One adapter and its double. */
export interface ConformanceSubject<D extends ConformanceDouble> {
  readonly name: string;
  startDouble(): Promise<D>;
  connect(double: D, wishes: ConnectWishes): PaymentProvider | Promise<PaymentProvider>;
  /** What it says of itself once it has met the double; what it cannot do, it must refuse. */
  readonly capabilities: ProviderCapabilities;
  /** Credentials of every kind that it was connected with, also the wrong ones: no error and no log line holds one. */
  readonly secrets: readonly string[];
  /** A published number that is accepted. Default 4242424242424242. */
  readonly approved?: string;
  readonly declines: readonly PublishedDecline[];
  /** What a 500 to the request that moves money says. Default `unknown_outcome`. */
  readonly serverError?: ProviderFailure;
  /** Whether too much, or a payment that is over, is refused in the answer. Default true. */
  readonly refusesAtOnce?: boolean;
  /** The same key with another amount: default `invalid_request`; `replay` when the first answer is given again. */
  readonly reusedKey?: ProviderFailure | 'replay';
  /**
   * Sent without the adapter, so that the double is shown to be strict: the one passes, the others are refused. Or the
   * test file that shows it, from the root of the package.
   */
  readonly rawRequests:
    | `test/${string}.test.ts`
    | ((double: D) => {
        readonly valid: RawRequest;
        readonly broken: readonly (RawRequest & { readonly what: string })[];
        /** What a client shows, when the double wants to see a certificate. PEM. */
        readonly tls: { readonly ca: string; readonly cert?: string; readonly key?: string };
      });
  /** What `check` finds beyond an unreachable provider and wrong credentials. */
  readonly findings?: readonly {
    readonly what: string;
    /** Makes it so at the double; `reset` undoes it. */
    readonly arrange: (double: D) => void | Promise<void>;
    readonly code: CheckFinding['code'];
  }[];
}
