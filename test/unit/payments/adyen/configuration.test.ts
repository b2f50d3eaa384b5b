import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { describe, expect, it } from 'vitest';
import { parseEncryptionKey } from '../../../../src/payments/adyen/encryption-key.ts';
import { adyenKind } from '../../../../src/payments/adyen/kind.ts';
import { systemClock } from '../../../../src/kernel/clock.ts';
import { silentLogger } from '../../../../src/kernel/logger.ts';

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const PEM = publicKey.export({ type: 'spki', format: 'pem' }).toString();
const JWK = publicKey.export({ format: 'jwk' }) as Record<string, unknown>;
const hex = (member: 'e' | 'n'): string =>
  Buffer.from(String(JWK[member]), 'base64url').toString('hex').toUpperCase();

const CONFIGURATION = {
  api_key: 'AQEthmfx',
  merchant_account: 'Merchant',
  encryption_key: PEM,
  return_url: 'https://merchant.example/',
};
const DEPENDENCIES = { clock: systemClock, logger: silentLogger, timeoutMs: 1000 };

const refused = expect.objectContaining({ code: 'provider_configuration', kind: 'invalid' }) as Error;

describe('the encryption key', () => {
  const modulus = (key: KeyObject): unknown => key.export({ format: 'jwk' }).n;

  it.each([
    ['as the Customer Area shows it', `${hex('e')}|${hex('n')}`],
    ['with an odd number of digits', `${hex('e').replace(/^0/, '')}|${hex('n').toLowerCase()}\n`],
    ['PEM', PEM],
    ['a JWK', JWK],
  ])('is read %s', (_how, source) => {
    const key = parseEncryptionKey(source);
    expect(key.type).toBe('public');
    expect(modulus(key)).toBe(JWK['n']);
  });

  it.each([
    ['no key', 'some text'],
    ['half a key', '10001|'],
    ['a private key', privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()],
    ['a private JWK', privateKey.export({ format: 'jwk' }) as Record<string, unknown>],
    [
      'a short key',
      generateKeyPairSync('rsa', { modulusLength: 1024 })
        .publicKey.export({ type: 'spki', format: 'pem' })
        .toString(),
    ],
    [
      'a key of another kind',
      generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    ],
  ])('is refused: %s', (_what, source) => {
    expect(() => parseEncryptionKey(source)).toThrow(refused);
  });
});

describe('a configuration', () => {
  const ajv = new Ajv2020({ strict: true, strictRequired: false, strictTypes: false });
  (formats as unknown as (target: Ajv2020) => void)(ajv);
  const validate = ajv.compile(adyenKind.configurationSchema);

  it('passes its schema', () => {
    expect(validate(CONFIGURATION)).toBe(true);
    expect(
      validate({ ...CONFIGURATION, live_prefix: '1797a841fbb37ca7-Merchant', encryption_key: JWK }),
    ).toBe(true);
  });

  it.each([
    { api_key: undefined },
    { api_key: 'two\nlines' },
    { merchant_account: '' },
    { return_url: 'http://merchant.example/' },
    { live_prefix: 'evil.example/' },
    { verification_currency: 'eur' },
    { recurring_model: 'Never' },
    { holder_name: 'x' },
  ])('does not pass its schema: %o', (changes) => {
    expect(validate(JSON.parse(JSON.stringify({ ...CONFIGURATION, ...changes })))).toBe(false);
  });

  it('tells its mode by the address', () => {
    expect(adyenKind.modeOf(CONFIGURATION)).toBe('test');
    expect(adyenKind.modeOf({ ...CONFIGURATION, live_prefix: '1797a841fbb37ca7-Merchant' })).toBe('live');
    const at = (base_url: string): unknown => adyenKind.modeOf({ ...CONFIGURATION, base_url });
    expect(at('https://checkout-test.adyen.com/v72')).toBe('test');
    expect(at('https://abc-Co-checkout-live.adyenpayments.com/checkout/v72')).toBe('live');
    expect(at('https://127.0.0.1:4000/v72')).toBeUndefined();
    expect(at('https://checkout-test.adyen.com.evil.example/v72')).toBeUndefined();
  });

  it('is connected in its own mode only', async () => {
    const live = { ...CONFIGURATION, live_prefix: '1797a841fbb37ca7-Merchant' };
    expect(() => adyenKind.connect(CONFIGURATION, 'live', DEPENDENCIES)).toThrow(refused);
    expect(() => adyenKind.connect(live, 'test', DEPENDENCIES)).toThrow(refused);
    for (const [configuration, mode] of [
      [CONFIGURATION, 'test'],
      [live, 'live'],
    ] as const) {
      const provider = adyenKind.connect(configuration, mode, DEPENDENCIES);
      expect(provider.name).toBe('adyen');
      await provider.close();
    }
  });

  it('has one address', () => {
    const both = { ...CONFIGURATION, live_prefix: 'a', base_url: 'https://127.0.0.1/v72' };
    expect(() => adyenKind.connect(both, 'live', DEPENDENCIES)).toThrow(refused);
  });

  it('marks its secret, and nothing else', () => {
    const { properties } = adyenKind.configurationSchema as {
      properties: Record<string, { writeOnly?: boolean }>;
    };
    const secrets = Object.entries(properties).filter(([, { writeOnly }]) => writeOnly === true);
    expect(secrets.map(([name]) => name)).toEqual(['api_key']);
  });
});
