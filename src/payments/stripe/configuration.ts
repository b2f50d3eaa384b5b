import { Secret } from '../../secrets/secret.ts';
import type { Mode, ProviderConfiguration } from '../kind.ts';
import { refuseUnusableTls } from '../tls-material.ts';

const API = 'https://api.stripe.com';

const PEM_LENGTH = 16_384;

/** `sk_`: all of the account; `rk_`: restricted to what it needs. Both tell the mode. */
const KEY = '^(?:sk|rk)_(?:test|live)_[A-Za-z0-9]{8,255}$';

interface Written {
  readonly secret_key: string;
  readonly base_url?: string;
  readonly ca?: string;
}

export const CONFIGURATION_SCHEMA = {
  type: 'object',
  additionalProperties: false,
  required: ['secret_key'],
  properties: {
    secret_key: {
      type: 'string',
      pattern: KEY,
      writeOnly: true,
      description:
        'A secret or restricted API key. A restricted one writes PaymentIntents, SetupIntents, PaymentMethods, Customers, Tokens and Refunds.',
    },
    base_url: {
      type: 'string',
      format: 'uri',
      pattern: '^https://',
      maxLength: 2048,
      description: 'Another address of the API.',
    },
    ca: {
      type: 'string',
      minLength: 1,
      maxLength: PEM_LENGTH,
      description: 'PEM: who signs the certificate at base_url.',
    },
  },
} as const;

export interface StripeConfiguration {
  readonly url: URL;
  readonly ca?: string;
  /** The value of the header. */
  readonly authorization: Secret;
}

/** The mode that the key tells. */
export function modeOf(configuration: ProviderConfiguration): Mode | undefined {
  const { secret_key: key } = configuration as Partial<Written>;
  const [, mode] = /^(?:sk|rk)_(test|live)_/.exec(key ?? '') ?? [];
  return mode as Mode | undefined;
}

/** `configuration` has passed the schema. Throws `provider_configuration`. */
export function readConfiguration(configuration: ProviderConfiguration): StripeConfiguration {
  const { secret_key, base_url = API, ca } = configuration as unknown as Written;
  if (ca !== undefined) refuseUnusableTls({ ca });
  return {
    url: new URL(base_url),
    ...(ca !== undefined && { ca }),
    authorization: new Secret(`Bearer ${secret_key}`),
  };
}
