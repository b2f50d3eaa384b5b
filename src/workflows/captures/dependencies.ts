import type { Calls } from '../../telephony/contract.ts';
import type { PaymentDependencies } from '../payments/dependencies.ts';
import type { CaptureDefaults } from '../take-payment/order.ts';

/** What captures are run with. */
export interface CaptureDependencies extends PaymentDependencies {
  readonly calls: Calls;
  readonly defaults: CaptureDefaults;
}
