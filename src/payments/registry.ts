import { adyenKind } from './adyen/kind.ts';
import { connectorKind } from './connector/kind.ts';
import { jweKind } from './jwe/kind.ts';
import type { ProviderKind } from './kind.ts';
import { sandboxKind } from './sandbox/kind.ts';
import { stripeKind } from './stripe/kind.ts';
import { templateKind } from './template/kind.ts';

/** Every kind of provider that an account can configure. */
export const PROVIDER_KINDS: readonly ProviderKind[] = [
  adyenKind,
  connectorKind,
  jweKind,
  sandboxKind,
  stripeKind,
  templateKind,
];
