import type { ProviderFailure } from '../../payments/contract.ts';

/**
 * Why nothing was taken, for certain: as a provider says it; `never_arrived`, it has never seen the request and will
 * not any more; `provider_not_configured`, there was none to ask; `internal`, a fault of ours before it was sent.
 */
export type PaymentFailure =
  Exclude<ProviderFailure, 'unknown_outcome'> | 'never_arrived' | 'provider_not_configured' | 'internal';
