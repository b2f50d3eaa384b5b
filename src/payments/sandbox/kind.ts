import { HushtoneError } from '../../kernel/errors.ts';
import { Secret } from '../../secrets/secret.ts';
import type { ProviderConfiguration, ProviderKind } from '../kind.ts';
import { refuseUnusableTls } from '../tls-material.ts';
import { SandboxProvider } from './provider.ts';

interface SandboxConfiguration {
  readonly url: string;
  readonly ca: string;
  readonly client_certificate: string;
  readonly client_key: string;
  readonly pin_key?: string;
}

const PEM_LENGTH = 16_384;

/** The provider for tests and demonstrations: it moves no money, so it has no live mode. */
export const sandboxKind: ProviderKind = {
  kind: 'sandbox',
  configurationSchema: {
    type: 'object',
    additionalProperties: false,
    required: ['url', 'ca', 'client_certificate', 'client_key'],
    properties: {
      url: { type: 'string', format: 'uri', pattern: '^https://', maxLength: 2048 },
      ca: { type: 'string', minLength: 1, maxLength: PEM_LENGTH },
      client_certificate: { type: 'string', minLength: 1, maxLength: PEM_LENGTH },
      client_key: { type: 'string', minLength: 1, maxLength: PEM_LENGTH, writeOnly: true },
      pin_key: { type: 'string', pattern: '^(?:[0-9A-Fa-f]{32}|[0-9A-Fa-f]{64})$', writeOnly: true },
    },
  },
  modeOf: () => 'test',
  connect(configuration, mode, { clock, logger, timeoutMs, allowAddress }) {
    if (mode !== 'test') {
      throw new HushtoneError('provider_configuration', 'invalid', 'The sandbox has no live mode.');
    }
    const { url, ca, client_certificate, client_key, pin_key } = asSandbox(configuration);
    const material = { ca, clientCert: client_certificate, clientKey: new Secret(client_key) };
    refuseUnusableTls(material);
    return new SandboxProvider({
      url,
      ...material,
      ...(pin_key !== undefined && { pinKey: new Secret(pin_key) }),
      timeoutMs,
      logger,
      clock,
      ...(allowAddress !== undefined && { allowAddress }),
    });
  },
};

/** It has passed the schema above. */
function asSandbox(configuration: ProviderConfiguration): SandboxConfiguration {
  return configuration as unknown as SandboxConfiguration;
}
