import { describe, expect, test } from 'vitest';
import { initialState } from '../../../src/capture/machine.ts';
import type { ProviderCapabilities } from '../../../src/payments/contract.ts';
import type { CaptureRequest } from '../../../src/workflows/contract.ts';
import { checkOrder, type CaptureDefaults } from '../../../src/workflows/take-payment/order.ts';
import { ALL_CAPABILITIES } from '../../support/payment-provider.ts';

const EVERYTHING: ProviderCapabilities = ALL_CAPABILITIES;
const DEFAULTS: CaptureDefaults = {
  guard: 'until_proven',
  secureTimeoutMs: 2000,
  interDigitTimeoutSeconds: 10,
  timeoutSeconds: 300,
};
const AMOUNT = { value: 4200, currency: 'EUR' };
const CHARGE: CaptureRequest = { purpose: 'charge', amount: AMOUNT };

const check = (request: CaptureRequest, capabilities = EVERYTHING) =>
  checkOrder(request, capabilities, DEFAULTS);
const refusal = (code: string) => expect.objectContaining({ code, kind: 'invalid' }) as Error;

test('a plain charge asks for card number, expiry and security code, with the defaults', () => {
  expect(check(CHARGE)).toEqual({
    purpose: 'charge',
    amount: AMOUNT,
    guard: 'until_proven',
    spec: {
      fields: [{ field: 'card_number' }, { field: 'expiry' }, { field: 'security_code' }],
      autoAdvance: true,
      autoSubmit: false,
      interDigitTimeoutMs: 10_000,
      overallTimeoutMs: 300_000,
    },
  });
});

test('what a request says stands before every default', () => {
  const request: CaptureRequest = {
    ...CHARGE,
    reference: 'order-1001',
    guard: 'always',
    auto_advance: false,
    auto_submit: true,
    accepted_brands: ['visa'],
    inter_digit_timeout_seconds: 3,
    timeout_seconds: 60,
    fields: [
      { field: 'card_number', max_attempts: 5 },
      { field: 'postal_code', required: false, min_length: 5, max_length: 5 },
    ],
  };
  expect(check(request)).toEqual({
    purpose: 'charge',
    amount: AMOUNT,
    reference: 'order-1001',
    guard: 'always',
    spec: {
      fields: [
        { field: 'card_number', maxAttempts: 5 },
        { field: 'postal_code', required: false, minLength: 5, maxLength: 5 },
      ],
      autoAdvance: false,
      autoSubmit: true,
      acceptedBrands: ['visa'],
      interDigitTimeoutMs: 3000,
      overallTimeoutMs: 60_000,
    },
  });
});

describe('money', () => {
  test.each(['charge', 'authorize', 'charge_and_save'] as const)('%s needs an amount', (purpose) => {
    expect(() => check({ purpose })).toThrow(refusal('amount_required'));
    expect(check({ purpose, amount: AMOUNT })).toMatchObject({ purpose, amount: AMOUNT });
  });

  test('tokenize takes none', () => {
    expect(() => check({ purpose: 'tokenize', amount: AMOUNT })).toThrow(refusal('amount_not_allowed'));
    expect(check({ purpose: 'tokenize' })).not.toHaveProperty('amount');
  });

  test('a purpose that the provider does not offer is refused', () => {
    const capabilities: ProviderCapabilities = { ...EVERYTHING, purposes: ['charge'] };
    expect(() => check({ purpose: 'tokenize' }, capabilities)).toThrow(refusal('purpose_not_supported'));
    expect(check(CHARGE, capabilities)).toMatchObject({ purpose: 'charge' });
  });
});

describe('a reference', () => {
  test.each(['4242424242424242', 'order-4012001037141112', 'a123456789012b'])(
    'that could hold a card number is refused: %s',
    (reference) => {
      expect(() => check({ ...CHARGE, reference })).toThrow(refusal('reference_like_card'));
    },
  );

  test.each(['order-1001', '12345678901', '2026-06-15/000000001', 'no-digits'])(
    'that cannot is taken: %s',
    (reference) => {
      expect(check({ ...CHARGE, reference })).toMatchObject({ reference });
    },
  );
});

describe('fields', () => {
  test.each([
    [[{ field: 'expiry' }] as const],
    [[{ field: 'card_number', required: false }, { field: 'expiry' }] as const],
  ])('without a required card number there is nothing to pay with: %j', (fields) => {
    expect(() => check({ ...CHARGE, fields })).toThrow(refusal('card_number_required'));
  });

  test('a PIN needs a provider that takes one, even when it is optional', () => {
    const fields = [{ field: 'card_number' }, { field: 'pin', required: false }] as const;
    expect(() => check({ ...CHARGE, fields }, { ...EVERYTHING, pin: false })).toThrow(
      refusal('pin_not_supported'),
    );
    expect(check({ ...CHARGE, fields }).spec.fields).toHaveLength(2);
  });

  test.each([
    ['twice', [{ field: 'card_number' }, { field: 'card_number' }]],
    ['with a length that the schemes set', [{ field: 'card_number', min_length: 12 }]],
    [
      'with lengths the wrong way round',
      [{ field: 'card_number' }, { field: 'pin', min_length: 8, max_length: 4 }],
    ],
  ] as const)('what the capture itself refuses is a mistake of the request: a field %s', (_, fields) => {
    const { spec } = check({ ...CHARGE, fields });
    expect(() => initialState(spec)).toThrow(refusal('invalid_capture_spec'));
  });

  test.each([
    ['the shortest times', { inter_digit_timeout_seconds: 2, timeout_seconds: 10 }],
    ['the longest times', { inter_digit_timeout_seconds: 60, timeout_seconds: 1800 }],
  ])('%s that openapi.yaml allows are ones that the capture takes', (_, times) => {
    expect(initialState(check({ ...CHARGE, ...times }).spec).status).toBe('created');
  });
});
