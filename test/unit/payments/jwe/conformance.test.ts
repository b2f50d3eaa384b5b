import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { beforeAll } from 'vitest';
import type { JweDouble } from '../../../../simulators/doubles/jwe/double.ts';
import { jweKind } from '../../../../src/payments/jwe/kind.ts';
import { describeConformance } from '../../../support/provider-conformance.ts';
import { makeTlsMaterial, type TlsMaterial } from '../../../support/tls-peers.ts';
import {
  configurationOf,
  DECLINE_CODES,
  FORMS,
  makeSigner,
  secretsIn,
  SIGNER_ID,
  startDouble,
  type Algorithm,
} from './bench.ts';

let tls: TlsMaterial;
beforeAll(async () => {
  tls = await makeTlsMaterial();
});

const CAPABILITIES = {
  purposes: ['charge', 'authorize', 'tokenize', 'charge_and_save'],
  modifications: ['capture', 'void', 'refund'],
  partialAmounts: true,
  storedCards: true,
  pin: false,
  recovery: 'lookup',
  absenceProvenAfterMs: 120_000,
} as const;

const answerKey = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
const answerPem = answerKey.export({ type: 'pkcs8', format: 'pem' }).toString();

/** Two that have nothing in common: form, algorithm, how answers come, and whether lost ones can be asked for. */
const VARIANTS = [
  { preset: 'jose', algorithm: 'ed25519', protection: 'none', recovery: 'lookup' },
  { preset: 'enc_data', algorithm: 'rsa-pss-sha512', protection: 'jwe', recovery: 'replay' },
] as const satisfies readonly { algorithm: Algorithm; [more: string]: string }[];

for (const { preset, algorithm, protection, recovery } of VARIANTS) {
  const signer = makeSigner(algorithm);
  const stranger = makeSigner(algorithm);
  const form = FORMS[preset] ?? { enc: 'A256GCM', iat: 'seconds' };

  describeConformance<JweDouble>({
    name: `jwe, ${preset} with ${algorithm}, answers ${protection}, ${recovery}`,
    capabilities: { ...CAPABILITIES, recovery },
    rawRequests: 'test/unit/payments/jwe/provider.test.ts',
    secrets: [...secretsIn(signer.text), ...secretsIn(stranger.text), ...secretsIn(answerPem)],
    declines: [
      { cardNumber: '4000000000000002', rawCode: 'do_not_honor' },
      { cardNumber: '4000000000009995', rawCode: 'no_funds' },
      { cardNumber: '4000000000009987', rawCode: 'card_lost' },
      { cardNumber: '4000000000000069', rawCode: 'card_expired' },
      { cardNumber: '4000000000000127', rawCode: 'cvv_mismatch' },
      { cardNumber: '4000000000000119', rawCode: 'system_error' },
      { cardNumber: '4242424242424242', expiry: '0124', rawCode: 'card_expired' },
    ].map((decline) => ({
      ...decline,
      reason: DECLINE_CODES[decline.rawCode as keyof typeof DECLINE_CODES],
    })),
    startDouble: () =>
      startDouble(tls, {
        form,
        signatureKeys: new Map([[SIGNER_ID, signer.known]]),
        ...(protection === 'jwe' && {
          answers: { kind: 'jwe', publicKey: createPublicKey(answerKey) },
        }),
      }),
    connect(double, { url, wrongCredentials, ...dependencies }) {
      const { paths, ...usual } = configurationOf({ ...double, url }, tls, {
        preset,
        signature: { algorithm, key: (wrongCredentials ? stranger : signer).text, key_id: SIGNER_ID },
        answers: {
          decline_codes: DECLINE_CODES,
          protection,
          ...(protection === 'jwe' && { decryption_key: answerPem }),
        },
      });
      const { lookup, ...others } = paths as Record<string, string>;
      const configuration = { ...usual, paths: recovery === 'lookup' ? { ...others, lookup } : others };
      return jweKind.connect(configuration, 'test', dependencies);
    },
  });
}
