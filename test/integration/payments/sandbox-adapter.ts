import type { PaymentProvider } from '../../../src/payments/contract.ts';
import type { ProviderDependencies } from '../../../src/payments/kind.ts';
import { connectSandboxProvider } from '../../../src/payments/sandbox/provider.ts';
import { Secret } from '../../../src/secrets/secret.ts';

/** What crosses to the process that pays: plain text. */
export interface SandboxAdapterSettings {
  readonly url: string;
  readonly ca: string;
  readonly clientCert: string;
  readonly clientKey: string;
  readonly pinKey: string;
}

/** Connects the sandbox adapter in the process that pays; see `test/support/adapter-residue.ts`. */
export async function connect(
  { clientKey, pinKey, ...settings }: SandboxAdapterSettings,
  dependencies: ProviderDependencies,
): Promise<PaymentProvider> {
  return await connectSandboxProvider({
    ...settings,
    ...dependencies,
    clientKey: new Secret(clientKey),
    pinKey: new Secret(pinKey),
  });
}
