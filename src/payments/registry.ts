import type { ProviderKind } from './kind.ts';

/** Every kind of provider that an account can configure, by its name. */
export const PROVIDER_KINDS: readonly ProviderKind[] = [];
