import { generateKeyPairSync } from 'node:crypto';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { beforeAll, describe, expect, it } from 'vitest';
import { openCompactJwe } from '../../../../simulators/doubles/compact-jwe.ts';
import { systemClock } from '../../../../src/kernel/clock.ts';
import { silentLogger } from '../../../../src/kernel/logger.ts';
import type { PaymentRequest } from '../../../../src/payments/contract.ts';
import { readConfiguration } from '../../../../src/payments/jwe/configuration.ts';
import { jweKind } from '../../../../src/payments/jwe/kind.ts';
import {
  modificationPlaintext,
  paymentPlaintext,
  sealedBody,
} from '../../../../src/payments/jwe/requests.ts';
import type { ProviderConfiguration } from '../../../../src/payments/kind.ts';
import { makeTlsMaterial } from '../../../support/tls-peers.ts';
import { secretDigits } from '../secret-digits.ts';
import { configurationOf, makeSigner } from './bench.ts';

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const encryptionKey = publicKey.export({ type: 'spki', format: 'pem' }).toString();
const signer = makeSigner('ed25519');
const AT = new Date('2026-03-04T05:06:07.890Z');

let usual: ProviderConfiguration;
beforeAll(async () => {
  const tls = await makeTlsMaterial();
  usual = configurationOf({ url: 'https://127.0.0.1:4000', ca: tls.ca, encryptionKey }, tls, {});
});

const CHARGE: PaymentRequest = {
  purpose: 'charge',
  idempotencyKey: 'att_1',
  amount: { value: 1250, currency: 'EUR' },
  card: {
    cardNumber: secretDigits('4242424242424242'),
    expiry: secretDigits('0139'),
    securityCode: secretDigits('123'),
  },
};

async function sent(configuration: ProviderConfiguration, request = CHARGE): Promise<unknown> {
  const read = readConfiguration(configuration);
  const { body } = await sealedBody(paymentPlaintext(request, read), read, AT);
  return JSON.parse(openCompactJwe(body, privateKey).plaintext);
}

describe('the plaintext of a request', () => {
  it('has the usual members', async () => {
    expect(await sent(usual)).toEqual({
      idempotency_key: 'att_1',
      operation: 'charge',
      amount: { value: 1250, currency: 'EUR' },
      initiated_by: 'cardholder',
      card: {
        number: '4242424242424242',
        expiry_month: '01',
        expiry_year: '2039',
        security_code: '123',
      },
    });
  });

  it('has the names and the fixed members that the provider wants', async () => {
    const configuration = {
      ...usual,
      amount_format: 'decimal',
      fixed_members: { 'merchant.id': 'M-1', version: 2, live: false },
      members: {
        idempotency_key: 'requestId',
        operation: '',
        initiated_by: '',
        amount: 'transaction.amount',
        currency: 'transaction.currencyCode',
        card_number: 'transaction.instrument.pan',
        expiry: 'transaction.instrument.mmyy',
        expiry_month: '',
        expiry_year: '',
        expiry_year_short: 'transaction.instrument.yy',
        security_code: 'transaction.instrument.cvv2',
      },
    };
    expect(await sent(configuration)).toEqual({
      requestId: 'att_1',
      merchant: { id: 'M-1' },
      version: 2,
      live: false,
      transaction: {
        amount: '12.50',
        currencyCode: 'EUR',
        instrument: { pan: '4242424242424242', mmyy: '0139', yy: '39', cvv2: '123' },
      },
    });
  });

  it('names a card that the provider keeps, with the code that was keyed', async () => {
    const { card: _card, ...charge } = CHARGE as PaymentRequest & { card: object };
    const stored = { providerToken: 'tok_1', securityCode: secretDigits('987') };
    const request = { ...charge, stored, initiatedBy: 'merchant' } as unknown as PaymentRequest;
    expect(await sent(usual, request)).toMatchObject({
      initiated_by: 'merchant',
      card: { token: 'tok_1', security_code: '987' },
    });
  });

  it('names the payment that is modified', () => {
    const read = readConfiguration(usual);
    const refund = {
      modification: 'refund',
      idempotencyKey: 'att_2',
      providerReference: 'pay-1',
      amount: { value: 400, currency: 'EUR' },
      authorized: { value: 1250, currency: 'EUR' },
    } as const;
    expect(modificationPlaintext(refund, read)).toEqual({
      idempotency_key: 'att_2',
      operation: 'refund',
      amount: { value: 400, currency: 'EUR' },
      provider_reference: 'pay-1',
    });
    for (const providerReference of ['..', '../x', 'a/b', '', '?']) {
      expect(() => modificationPlaintext({ ...refund, providerReference }, read)).toThrow(
        expect.objectContaining({ failure: 'invalid_request' }),
      );
    }
  });
});

describe('a configuration', () => {
  const ajv = new Ajv2020({ strict: true, strictRequired: false, allowUnionTypes: true });
  (formats as unknown as (target: Ajv2020) => void)(ajv);
  const validate = ajv.compile(jweKind.configurationSchema);
  const signature = { algorithm: 'ed25519', key: signer.text, key_id: 'k' };
  const refused = expect.objectContaining({ code: 'provider_configuration', kind: 'invalid' }) as Error;

  it('passes its schema', () => {
    const whole = {
      ...usual,
      headers: { 'x-api-key': 'secret' },
      preset: 'enc_data',
      envelope: { field: 'payload', enc: 'A256GCM', iat: 'none', header: { typ: 'JOSE' } },
      signature: {
        ...signature,
        components: ['@method', '@target-uri', 'content-type', 'content-digest', 'x-api-key'],
        digest: 'sha-512',
        label: 'gw',
        nonce: false,
        name_algorithm: false,
        tag: 'payments',
      },
      answers: { protection: 'jwe', decryption_key: signer.text, decline_codes: { a1: 'call_issuer' } },
    };
    expect(validate(whole) || validate.errors).toBe(true);
  });

  it.each([
    { preset: 'unknown' },
    { base_url: 'http://127.0.0.1' },
    { base_url: 'https://127.0.0.1/?a=b' },
    { client_key: undefined },
    { envelope: { header: { alg: 'none' } } },
    { envelope: { header: { crit: 'exp' } } },
    { members: { card_number: '__proto__' } },
    { members: { card_number: 'a..b' } },
    { members: { number: 'a' } },
    { paths: {} },
    { paths: { charge: 'https://elsewhere.example/' } },
    { paths: { charge: '/{card_number}' } },
    { headers: { 'X-Upper': 'a' } },
    { headers: { 'x-header': 'a\r\nb: c' } },
    { headers: { 'transfer-encoding': 'chunked' } },
    { headers: { 'content-type': 'text/plain' } },
    { headers: { te: 'trailers' } },
    { headers: { 'content-digest': 'sha-256=:x:' } },
    { headers: { signature: 'sig1=:x:' } },
    { idempotency_header: 'content-length' },
    { signature: { ...signature, algorithm: 'none' } },
    { answers: { decline_codes: { a1: 'not_a_reason' } } },
  ])('does not pass its schema: %o', (changes) => {
    expect(validate(JSON.parse(JSON.stringify({ ...usual, ...changes })))).toBe(false);
  });

  it.each<[string, object]>([
    ['no operation that takes a card', { paths: { refund: '/refund' } }],
    ['two members of one name', { members: { reference: 'card.number' } }],
    ['a member below another', { members: { reference: 'card' } }],
    ['a fixed member in the way', { fixed_members: { 'amount.value.of': 1 } }],
    ['no key to open answers', { answers: { protection: 'jwe' } }],
    ['no key to verify answers', { answers: { protection: 'jws' } }],
    ['a key for answers that is none', { answers: { protection: 'jwe', decryption_key: 'x' } }],
    ['a signing key of another kind', { signature: { ...signature, algorithm: 'rsa-pss-sha512' } }],
    ['a body that is not signed', { signature: { ...signature, components: ['@method', '@target-uri'] } }],
    [
      'an address that is not signed',
      { signature: { ...signature, components: ['@method', '@path', 'content-type', 'content-digest'] } },
    ],
    [
      'a signature over a header that is not sent',
      {
        signature: {
          ...signature,
          components: ['@method', '@target-uri', 'content-type', 'content-digest', 'x-request-id'],
        },
      },
    ],
    ['an encryption key that is none', { encryption_key: 'x' }],
    ['a client key that is none', { client_key: 'x' }],
  ])('is refused with %s, without a secret in what it says', (_what, changes) => {
    const connect = (): unknown =>
      jweKind.connect({ ...usual, ...changes }, 'test', {
        clock: systemClock,
        logger: silentLogger,
        timeoutMs: 1000,
      });
    expect(connect).toThrow(refused);
    expect(connect).not.toThrow(/PRIVATE KEY/);
  });

  it('covers the address by its parts as well', () => {
    const components = ['@method', '@authority', '@path', '@query', 'content-type', 'content-digest'];
    expect(
      readConfiguration({ ...usual, signature: { ...signature, components } }).signature?.components,
    ).toEqual(components);
  });

  it.each(['@method', '@target-uri', 'content-type', 'content-digest'])(
    'is refused when its signature does not cover %s, and covers it by default',
    (component) => {
      const all = ['@method', '@target-uri', 'content-type', 'content-digest'];
      const components = all.filter((name) => name !== component);
      expect(() => readConfiguration({ ...usual, signature: { ...signature, components } })).toThrow(refused);
      expect(readConfiguration({ ...usual, signature }).signature?.components).toContain(component);
    },
  );

  it.each(['@authority', '@path', '@query'])('is refused when the address lacks its part %s', (part) => {
    const all = ['@method', '@authority', '@path', '@query', 'content-type', 'content-digest'];
    const components = all.filter((name) => name !== part);
    expect(() => readConfiguration({ ...usual, signature: { ...signature, components } })).toThrow(refused);
  });

  it('covers headers that are sent', () => {
    const components = ['@method', '@target-uri', 'content-type', 'content-digest', 'content-length'];
    const more = [...components, 'x-merchant', 'x-once'];
    const headers = { 'x-merchant': 'm-5' };
    const configuration = { ...usual, headers, idempotency_header: 'x-once' };
    expect(
      readConfiguration({ ...configuration, signature: { ...signature, components: more } }).signature
        ?.components,
    ).toEqual(more);
  });

  it('says what it can do by its paths', () => {
    const paths = { charge: '/charge', refund: '/refund/{provider_reference}' };
    expect(readConfiguration({ ...usual, paths, absence_proven_after_s: 30 }).capabilities).toEqual({
      purposes: ['charge'],
      modifications: ['refund'],
      partialAmounts: true,
      storedCards: false,
      pin: false,
      recovery: 'replay',
      absenceProvenAfterMs: 30_000,
    });
  });

  it('does not tell its mode', () => {
    expect(jweKind.modeOf(usual)).toBeUndefined();
  });
});
