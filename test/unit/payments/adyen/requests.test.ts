import type { PaymentRequest as AdyenPaymentRequest } from '@adyen/api-library/lib/src/typings/checkout/paymentRequest.js';
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { openCompactJwe } from '../../../../simulators/doubles/compact-jwe.ts';
import { sealCard, sealSecurityCode } from '../../../../src/payments/adyen/envelope.ts';
import { readConfiguration } from '../../../../src/payments/adyen/configuration.ts';
import { modification, paymentBody } from '../../../../src/payments/adyen/requests.ts';
import type { Wire } from '../../../../src/payments/adyen/wire.ts';
import type { PaymentRequest } from '../../../../src/payments/contract.ts';
import { secretDigits } from '../secret-digits.ts';

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const WRITTEN = {
  api_key: 'AQEthmfx',
  merchant_account: 'Merchant',
  encryption_key: publicKey.export({ format: 'jwk' }) as Record<string, unknown>,
  return_url: 'https://merchant.example/',
};
const CONFIGURATION = readConfiguration(WRITTEN);
const AT = new Date('2026-03-04T05:06:07.890Z');

const card = { cardNumber: secretDigits('4242424242424242'), expiry: secretDigits('0131') };
const CHARGE = {
  purpose: 'charge',
  idempotencyKey: 'att_1',
  amount: { value: 1250, currency: 'EUR' },
  card,
} as const satisfies PaymentRequest;

const bodyOf = (changes: object, configuration = CONFIGURATION): Record<string, unknown> =>
  JSON.parse(paymentBody({ ...CHARGE, ...changes }, 'sealed', configuration)) as Record<string, unknown>;

describe('the envelope', () => {
  it('has what Adyen publishes, digit by digit', async () => {
    const jwe = await sealCard({ ...card, securityCode: secretDigits('0123') }, publicKey, AT);
    const { header, plaintext } = openCompactJwe(jwe, privateKey);
    expect(header).toEqual({ alg: 'RSA-OAEP-256', enc: 'A256GCM', version: '1' });
    expect(JSON.parse(plaintext)).toEqual({
      number: '4242424242424242',
      expiryMonth: '01',
      expiryYear: '2031',
      cvc: '0123',
      generationtime: '2026-03-04T05:06:07.890Z',
    });
  });

  it('leaves a code out that was not keyed, and holds the code alone for a card that is kept', async () => {
    const whole = openCompactJwe(await sealCard(card, publicKey, AT), privateKey);
    expect(JSON.parse(whole.plaintext)).not.toHaveProperty('cvc');
    const code = await sealSecurityCode(secretDigits('123'), publicKey, AT);
    expect(JSON.parse(openCompactJwe(code, privateKey).plaintext)).toEqual({
      cvc: '123',
      generationtime: AT.toISOString(),
    });
  });

  it.each([
    ['no expiry', { cardNumber: card.cardNumber }],
    ['half an expiry', { ...card, expiry: secretDigits('01') }],
    ['an expiry that is too long', { ...card, expiry: secretDigits('012031') }],
    ['letters', { ...card, cardNumber: secretDigits('4242"4242') }],
    ['a code that is too long', { ...card, securityCode: secretDigits('12345') }],
  ])('is not made with %s', async (_what, broken) => {
    await expect(sealCard(broken, publicKey, AT)).rejects.toMatchObject({ failure: 'invalid_request' });
  });
});

describe('a payment', () => {
  it('is a telephone order that is captured at once', () => {
    expect(bodyOf({})).toEqual({
      merchantAccount: 'Merchant',
      amount: { value: 1250, currency: 'EUR' },
      reference: 'att_1',
      returnUrl: 'https://merchant.example/',
      paymentMethod: { type: 'scheme', encryptedCard: 'sealed' },
      shopperInteraction: 'Moto',
      captureDelayHours: 0,
    });
  });

  it('is captured by hand when it is authorized only', () => {
    const body = bodyOf({ purpose: 'authorize', reference: 'order-1' });
    expect(body).toMatchObject({ reference: 'order-1', additionalData: { manualCapture: 'true' } });
    expect(body).not.toHaveProperty('captureDelayHours');
  });

  it('keeps a card under the customer reference', () => {
    expect(bodyOf({ purpose: 'charge_and_save', customerReference: 'cus' })).toMatchObject({
      storePaymentMethod: true,
      shopperReference: 'cus',
      recurringProcessingModel: 'CardOnFile',
      captureDelayHours: 0,
    });
  });

  it('verifies a card that is only to be kept with an authorisation of nothing', () => {
    const { amount: _amount, ...tokenize } = { ...CHARGE, purpose: 'tokenize', customerReference: 'cus' };
    const body = JSON.parse(
      paymentBody(tokenize as PaymentRequest, 'sealed', {
        ...CONFIGURATION,
        verificationCurrency: 'USD',
      }),
    ) as unknown;
    expect(body).toMatchObject({ amount: { value: 0, currency: 'USD' }, storePaymentMethod: true });
    expect(body).not.toHaveProperty('captureDelayHours');
  });

  it.each([undefined, 'ab', 'x'.repeat(257)])(
    'keeps no card under the customer reference %s',
    (reference) => {
      expect(() => bodyOf({ purpose: 'charge_and_save', customerReference: reference })).toThrow(
        expect.objectContaining({ failure: 'invalid_request' }),
      );
    },
  );

  it('charges a card that is kept, with the code that was keyed', () => {
    const { card: _card, ...stored } = CHARGE;
    const body = JSON.parse(
      paymentBody(
        { ...stored, customerReference: 'cus', stored: { providerToken: 'M5N7TQ4TG5PFWR50' } },
        'sealed',
        CONFIGURATION,
      ),
    ) as unknown;
    expect(body).toMatchObject({
      paymentMethod: {
        type: 'scheme',
        storedPaymentMethodId: 'M5N7TQ4TG5PFWR50',
        encryptedSecurityCode: 'sealed',
      },
      shopperInteraction: 'Moto',
      shopperReference: 'cus',
      recurringProcessingModel: 'CardOnFile',
    });
  });

  it.each([
    ['CardOnFile', 'UnscheduledCardOnFile'],
    ['UnscheduledCardOnFile', 'UnscheduledCardOnFile'],
    ['Subscription', 'Subscription'],
  ] as const)(
    'without the cardholder is no telephone order: %s is charged as %s',
    (recurringModel, model) => {
      const body = bodyOf({ initiatedBy: 'merchant' }, { ...CONFIGURATION, recurringModel });
      expect(body).toMatchObject({ shopperInteraction: 'ContAuth', recurringProcessingModel: model });
    },
  );

  it('has a reference that Adyen takes', () => {
    for (const reference of ['', 'x'.repeat(81)]) {
      expect(() => bodyOf({ reference })).toThrow(expect.objectContaining({ failure: 'invalid_request' }));
    }
  });
});

describe('the shapes', () => {
  it('are held by the published types when the tests are compiled', () => {
    type Published = Wire<AdyenPaymentRequest>;
    const interactions: NonNullable<Published['shopperInteraction']>[] = ['Moto', 'ContAuth'];
    // @ts-expect-error: this is none
    const unknown: Published['shopperInteraction'] = 'Telephone';
    // @ts-expect-error: a number of hours
    const delay: Published['captureDelayHours'] = '0';
    // @ts-expect-error: the value is missing
    const amount: Published['amount'] = { currency: 'EUR' };
    expect([...interactions, unknown, delay, amount]).toHaveLength(5);
  });
});

describe('a modification', () => {
  const request = {
    idempotencyKey: 'att_2',
    providerReference: 'NC6HT9CRT65ZGN82',
    authorized: { value: 1250, currency: 'EUR' },
  };

  it.each([
    ['capture', 'captures', { value: 400, currency: 'EUR' }],
    ['refund', 'refunds', { value: 400, currency: 'EUR' }],
    ['void', 'cancels', undefined],
  ] as const)('%s goes to %s', (kind, path, amount) => {
    const made = modification({ ...request, modification: kind, ...(amount && { amount }) }, CONFIGURATION);
    expect(made.path).toBe(path);
    expect(JSON.parse(made.body)).toEqual({
      merchantAccount: 'Merchant',
      reference: 'att_2',
      ...(amount && { amount }),
    });
  });
});
