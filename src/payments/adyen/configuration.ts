import type { KeyObject } from 'node:crypto';
import { HushtoneError } from '../../kernel/errors.ts';
import { Secret } from '../../secrets/secret.ts';
import type { Mode, ProviderConfiguration } from '../kind.ts';
import { parseEncryptionKey } from './encryption-key.ts';

/** Of the shapes that `requests.ts` sends. */
const API_VERSION = 'v72';

const TEST_HOST = 'checkout-test.adyen.com';
const LIVE_DOMAIN = '-checkout-live.adyenpayments.com';

const PEM_LENGTH = 16_384;

/** How a card is kept, and charged again later (`recurringProcessingModel`). */
export type RecurringModel = 'CardOnFile' | 'Subscription' | 'UnscheduledCardOnFile';

interface Written {
  readonly api_key: string;
  readonly merchant_account: string;
  readonly encryption_key: string | Readonly<Record<string, unknown>>;
  readonly return_url: string;
  readonly live_prefix?: string;
  readonly recurring_model?: RecurringModel;
  readonly verification_currency?: string;
  readonly base_url?: string;
  readonly ca?: string;
}

export const CONFIGURATION_SCHEMA = {
  type: 'object',
  additionalProperties: false,
  required: ['api_key', 'merchant_account', 'encryption_key', 'return_url'],
  properties: {
    api_key: {
      type: 'string',
      minLength: 1,
      maxLength: 1024,
      pattern: '^[\\x21-\\x7e]+$',
      writeOnly: true,
      description: 'Of an API credential with the role Checkout webservice.',
    },
    merchant_account: { type: 'string', minLength: 1, maxLength: 100 },
    encryption_key: {
      description:
        'The public key of the merchant account: exponent|modulus in hexadecimal digits, PEM (key or certificate) or a JWK.',
      oneOf: [
        { type: 'string', minLength: 1, maxLength: PEM_LENGTH },
        {
          type: 'object',
          required: ['kty', 'n', 'e'],
          properties: { kty: { const: 'RSA' }, n: { type: 'string' }, e: { type: 'string' } },
        },
      ],
    },
    return_url: {
      type: 'string',
      format: 'uri',
      pattern: '^https://',
      maxLength: 2048,
      description: 'Adyen wants one with every payment; nobody is sent there from a telephone call.',
    },
    live_prefix: {
      type: 'string',
      pattern: '^[A-Za-z0-9-]{1,63}$',
      description: 'Of the live endpoints, from the Customer Area. Without it the test endpoint is used.',
    },
    recurring_model: {
      enum: ['CardOnFile', 'Subscription', 'UnscheduledCardOnFile'],
      description: 'What cards are kept for. Default CardOnFile.',
    },
    verification_currency: {
      type: 'string',
      pattern: '^[A-Z]{3}$',
      description: 'ISO 4217, of the authorisation of nothing that verifies a card to be kept. Default EUR.',
    },
    base_url: {
      type: 'string',
      format: 'uri',
      pattern: '^https://',
      maxLength: 2048,
      description: 'Another address of the API, version included.',
    },
    ca: {
      type: 'string',
      minLength: 1,
      maxLength: PEM_LENGTH,
      description: 'PEM: who signs the certificate at base_url.',
    },
  },
} as const;

export interface AdyenConfiguration {
  readonly url: URL;
  readonly ca?: string;
  readonly apiKey: Secret;
  readonly merchantAccount: string;
  readonly encryptionKey: KeyObject;
  readonly returnUrl: string;
  readonly recurringModel: RecurringModel;
  readonly verificationCurrency: string;
}

/**
 * The mode that the address tells. Keys do not: test and live keys begin alike. Undefined at an address that is not
 * Adyen's own.
 */
export function modeOf(configuration: ProviderConfiguration): Mode | undefined {
  const url = addressOf(configuration as unknown as Written);
  if (url.hostname === TEST_HOST) return 'test';
  return url.hostname.endsWith(LIVE_DOMAIN) ? 'live' : undefined;
}

/** `configuration` has passed the schema. Throws `provider_configuration`. */
export function readConfiguration(configuration: ProviderConfiguration): AdyenConfiguration {
  const written = configuration as unknown as Written;
  const { api_key, merchant_account, encryption_key, return_url, ca } = written;
  if (written.base_url !== undefined && written.live_prefix !== undefined) {
    throw new HushtoneError(
      'provider_configuration',
      'invalid',
      'live_prefix and base_url both name the address: leave one of them out',
    );
  }
  return {
    url: addressOf(written),
    ...(ca !== undefined && { ca }),
    apiKey: new Secret(api_key),
    merchantAccount: merchant_account,
    encryptionKey: parseEncryptionKey(encryption_key),
    returnUrl: return_url,
    recurringModel: written.recurring_model ?? 'CardOnFile',
    verificationCurrency: written.verification_currency ?? 'EUR',
  };
}

function addressOf({ base_url, live_prefix }: Written): URL {
  if (base_url !== undefined) return new URL(base_url);
  return new URL(
    live_prefix === undefined
      ? `https://${TEST_HOST}/${API_VERSION}`
      : `https://${live_prefix}${LIVE_DOMAIN}/checkout/${API_VERSION}`,
  );
}
