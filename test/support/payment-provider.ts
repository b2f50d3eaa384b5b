import type { PaymentProvider, ProviderCapabilities } from '../../src/payments/contract.ts';

/** A provider that can do everything. */
export const ALL_CAPABILITIES: ProviderCapabilities = {
  purposes: ['charge', 'authorize', 'tokenize', 'charge_and_save'],
  modifications: ['capture', 'void', 'refund'],
  partialAmounts: true,
  storedCards: true,
  pin: true,
  recovery: 'lookup',
  absenceProvenAfterMs: 60_000,
};

/** What a provider double needs not say: nothing is wrong with it, it modifies nothing and ends at once. */
export const QUIET_PROVIDER: Pick<PaymentProvider, 'modify' | 'check' | 'close'> = {
  modify: () => Promise.reject(new Error('nothing is modified here')),
  check: () => Promise.resolve([]),
  close: () => Promise.resolve(),
};
