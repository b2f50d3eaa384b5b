import type { KeyProvider } from '../contract.ts';

/**
 * Closes all of them: one that cannot be closed keeps no other's keys in memory nor its session open. Rejects then with
 * what the first of those says.
 */
export async function closeKeyProviders(providers: readonly KeyProvider[]): Promise<void> {
  const closed = await Promise.allSettled(providers.map(async (provider) => await provider.close()));
  for (const each of closed) if (each.status === 'rejected') throw each.reason;
}
