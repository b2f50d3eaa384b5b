import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { HushtoneError } from '../kernel/errors.ts';
import type { Secret } from '../secrets/secret.ts';

/** PEM texts of a provider's configuration. */
export interface ConfiguredTls {
  readonly ca?: string;
  readonly clientCert?: string;
  readonly clientKey?: Secret;
}

/**
 * Throws `provider_configuration` for PEM texts that cannot be used. Without it a wrong one would show only with the
 * first payment: a certificate authority that cannot be read is passed over, and nobody is trusted then.
 */
export function refuseUnusableTls({ ca, clientCert, clientKey }: ConfiguredTls): void {
  if (ca !== undefined) {
    attempt(() => new X509Certificate(ca), 'The certificate authority is no PEM certificate.');
  }
  if (clientCert === undefined || clientKey === undefined) return;
  attempt(
    () => createSecureContext({ cert: clientCert, key: clientKey.reveal() }),
    'The client certificate and its private key are no PEM, or do not belong together.',
  );
}

function attempt(work: () => unknown, message: string): void {
  try {
    work();
  } catch {
    // Why is not told, not even underneath: the words of the library may repeat what it read.
    throw new HushtoneError('provider_configuration', 'invalid', message);
  }
}
