import { createPublicKey, generateKeyPairSync, randomBytes, createSecretKey } from 'node:crypto';
import {
  startJweDouble,
  type JweDouble,
  type JweDoubleOptions,
  type JweForm,
} from '../../../../simulators/doubles/jwe/double.ts';
import type { KnownKey } from '../../../../simulators/doubles/jwe/signature.ts';
import type { ProviderConfiguration } from '../../../../src/payments/kind.ts';
import type { TlsMaterial } from '../../../support/tls-peers.ts';

export const KEY_ID = 'enc-2026-1';
export const SIGNER_ID = 'gateway-1';
export const OTHER_SIGNER_ID = 'nobody';

/** The double's view of each preset. */
export const FORMS: Readonly<Record<string, JweForm>> = {
  jose: { enc: 'A256GCM', iat: 'seconds' },
  encrypted_request: { field: 'encryptedRequest', enc: 'A256GCM', iat: 'seconds' },
  enc_data: { field: 'encData', enc: 'A128GCM', iat: 'milliseconds' },
  encrypted: { field: 'encrypted', enc: 'A256GCM', iat: 'seconds' },
};

export type Algorithm = KnownKey['algorithm'];
export const ALGORITHMS: readonly Algorithm[] = [
  'ed25519',
  'ecdsa-p256-sha256',
  'rsa-pss-sha512',
  'hmac-sha256',
];

export interface Signer {
  readonly algorithm: Algorithm;
  /** As a configuration has it. */
  readonly text: string;
  readonly known: KnownKey;
}

const pem = (key: { export(options: { type: 'pkcs8'; format: 'pem' }): string | Buffer }): string =>
  key.export({ type: 'pkcs8', format: 'pem' }).toString();

/** A new key for signing. */
export function makeSigner(algorithm: Algorithm): Signer {
  if (algorithm === 'hmac-sha256') {
    const secret = randomBytes(48);
    return { algorithm, text: secret.toString('base64'), known: { algorithm, key: createSecretKey(secret) } };
  }
  const { privateKey } =
    algorithm === 'ed25519'
      ? generateKeyPairSync('ed25519')
      : algorithm === 'rsa-pss-sha512'
        ? generateKeyPairSync('rsa', { modulusLength: 2048 })
        : generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  return { algorithm, text: pem(privateKey), known: { algorithm, key: createPublicKey(privateKey) } };
}

export async function startDouble(
  tls: TlsMaterial,
  options: Omit<JweDoubleOptions, 'tls' | 'encryptionKeyId'>,
): Promise<JweDouble> {
  return await startJweDouble({
    tls: { ca: tls.ca, ...tls.server, clientCa: tls.ca },
    encryptionKeyId: KEY_ID,
    ...options,
  });
}

/** What an account writes for the double. */
export function configurationOf(
  double: Pick<JweDouble, 'ca' | 'encryptionKey' | 'url'>,
  tls: TlsMaterial,
  more: ProviderConfiguration,
): ProviderConfiguration {
  return {
    base_url: `${double.url}/v1`,
    ca: double.ca,
    client_certificate: tls.client.cert,
    client_key: tls.client.key.reveal(),
    preset: 'jose',
    encryption_key: double.encryptionKey,
    encryption_key_id: KEY_ID,
    paths: {
      charge: '/charge',
      authorize: '/authorize',
      tokenize: '/tokenize',
      charge_and_save: '/charge_and_save',
      capture: '/payments/{provider_reference}/capture',
      void: '/payments/{provider_reference}/void',
      refund: '/payments/{provider_reference}/refund',
      lookup: '/payments/by-key/{idempotency_key}',
    },
    answers: { decline_codes: DECLINE_CODES },
    ...more,
  };
}

export const DECLINE_CODES = {
  do_not_honor: 'generic_decline',
  no_funds: 'insufficient_funds',
  card_lost: 'lost_or_stolen',
  card_stolen: 'lost_or_stolen',
  card_expired: 'expired_card',
  cvv_mismatch: 'incorrect_security_code',
  system_error: 'processing_error',
} as const;

/** Lines of a PEM, or the secret itself: what must be in no error and no log line. */
export function secretsIn(text: string): string[] {
  return text.split('\n').filter((line) => line.length >= 32 && !line.startsWith('-----'));
}
