import type { PaymentProvider } from '../../payments/contract.ts';
import type { ProviderDirectory, RoutedProvider } from './contract.ts';

/** One provider for every account, in test mode, under the id `default`; none at all when it is undefined. */
export function singleProvider(provider: PaymentProvider | undefined): ProviderDirectory {
  const routed: RoutedProvider | undefined = provider && {
    id: 'default',
    kind: provider.name,
    mode: 'test',
    provider,
  };
  return {
    route: async (_accountId, { mode, purpose, pin = false }) => {
      if (routed?.mode !== mode) return [];
      const { purposes, pin: takesPin } = routed.provider.capabilities;
      return await Promise.resolve(purposes.includes(purpose) && (takesPin || !pin) ? [routed] : []);
    },
    find: async (_accountId, providerId) =>
      await Promise.resolve(providerId === routed?.id ? routed : undefined),
  };
}
