import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { adyenAmount } from '../../../../src/payments/adyen/amounts.ts';
import { readConfiguration } from '../../../../src/payments/adyen/configuration.ts';
import { modification, paymentBody } from '../../../../src/payments/adyen/requests.ts';
import type { ModificationRequest, PaymentRequest } from '../../../../src/payments/contract.ts';
import { secretDigits } from '../secret-digits.ts';

describe('an amount as Adyen counts it', () => {
  it.each([
    // As ISO 4217 has it.
    { currency: 'EUR', value: 1250, counted: 1250 },
    { currency: 'JPY', value: 1250, counted: 1250 },
    { currency: 'KWD', value: 1251, counted: 1251 },
    { currency: 'UGX', value: 1250, counted: 1250 },
    // Two decimals at Adyen, none in ISO 4217.
    { currency: 'CLP', value: 1250, counted: 125_000 },
    { currency: 'ISK', value: 1, counted: 100 },
    // None at Adyen, two in ISO 4217.
    { currency: 'CVE', value: 1200, counted: 12 },
    { currency: 'IDR', value: 15_000_000, counted: 150_000 },
  ])('$value $currency is $counted', ({ currency, value, counted }) => {
    expect(adyenAmount({ value, currency })).toEqual({ value: counted, currency });
  });

  it.each(['CVE', 'IDR'])('is refused where Adyen cannot express it, %s', (currency) => {
    expect(() => adyenAmount({ value: 1250, currency })).toThrow(
      expect.objectContaining({ failure: 'invalid_request' }),
    );
  });

  it('is what stands in a payment, a capture and a refund', () => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const configuration = readConfiguration({
      api_key: 'AQEthmfx',
      merchant_account: 'Merchant',
      encryption_key: publicKey.export({ format: 'jwk' }),
      return_url: 'https://merchant.example/',
    });
    const amount = { value: 990, currency: 'ISK' };
    const wanted = { amount: { value: 99_000, currency: 'ISK' } };
    const payment: PaymentRequest = {
      purpose: 'charge',
      idempotencyKey: 'att_1',
      amount,
      card: { cardNumber: secretDigits('4242424242424242') },
    };
    expect(JSON.parse(paymentBody(payment, 'sealed', configuration))).toMatchObject(wanted);
    const modified: ModificationRequest = {
      modification: 'refund',
      idempotencyKey: 'att_2',
      providerReference: 'NC6HT9CRT65ZGN82',
      amount,
      authorized: amount,
    };
    for (const each of ['capture', 'refund'] as const) {
      const { body } = modification({ ...modified, modification: each }, configuration);
      expect(JSON.parse(body)).toMatchObject(wanted);
    }
  });
});
