import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../../src/kernel/clock.ts';
import { silentLogger } from '../../../src/kernel/logger.ts';
import type { CardDetails } from '../../../src/payments/contract.ts';
import type { SandboxProviderOptions } from '../../../src/payments/sandbox/provider.ts';
import { createDevelopmentPki, type DevelopmentPki } from '../../../src/pki/development.ts';
import { SecretBuffer } from '../../../src/secrets/secret-buffer.ts';
import { Secret } from '../../../src/secrets/secret.ts';

export const PIN_KEY = '00112233445566778899AABBCCDDEEFF';

export interface Certificates {
  readonly files: DevelopmentPki;
  /** What the provider's server shows, and whose clients it lets in. PEM. */
  readonly server: { readonly cert: string; readonly key: string; readonly clientCa: string };
  readonly client: { readonly ca: string; readonly clientCert: string; readonly clientKey: Secret };
  remove(): Promise<void>;
}

/** A CA of its own with certificates for both sides, in a temporary directory. */
export async function makeCertificates(): Promise<Certificates> {
  const directory = await mkdtemp(join(tmpdir(), 'hushtone-payments-'));
  const files = await createDevelopmentPki(join(directory, 'pki'));
  const read = (path: string): Promise<string> => readFile(path, 'utf8');
  const ca = await read(files.ca.certificate);
  return {
    files,
    server: {
      cert: await read(files.provider.certificate),
      key: await read(files.provider.key),
      clientCa: ca,
    },
    client: {
      ca,
      clientCert: await read(files.client.certificate),
      clientKey: new Secret(await read(files.client.key)),
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}

/** Options of the adapter, with a time-out that no healthy exchange needs. */
export function adapterOptions(
  url: string,
  client: Certificates['client'],
  changes: Partial<SandboxProviderOptions> = {},
): SandboxProviderOptions {
  return { url, ...client, timeoutMs: 30_000, logger: silentLogger, clock: systemClock, ...changes };
}

/** Card details from published test digits. */
export function cardDetails(values: Partial<Record<keyof CardDetails, string>> = {}): CardDetails {
  const digits = { cardNumber: '4242424242424242', expiry: '1239', securityCode: '123', ...values };
  const secrets = Object.entries(digits).map(([field, text]) => {
    const secret = new SecretBuffer(text.length);
    secret.appendBytes(Buffer.from(text, 'ascii'));
    return [field, secret] as const;
  });
  return Object.fromEntries(secrets) as unknown as CardDetails;
}
