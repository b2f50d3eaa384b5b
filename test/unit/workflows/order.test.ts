import { describe, expect, test } from 'vitest';
import { initialState } from '../../../src/capture/machine.ts';
import type { CaptureRequest } from '../../../src/workflows/contract.ts';
import { checkOrder, type CaptureDefaults } from '../../../src/workflows/take-payment/order.ts';
import type { CardFace } from '../../../src/workflows/tokens/contract.ts';

const DEFAULTS: CaptureDefaults = {
  guard: 'until_proven',
  secureTimeoutMs: 2000,
  interDigitTimeoutSeconds: 10,
  timeoutSeconds: 300,
  mode: 'test',
  tokenStorage: 'provider',
};
const AMEX: CardFace = { id: 'tok_card_1', mode: 'live', brand: 'amex', last4: '0005' };
const AMOUNT = { value: 4200, currency: 'EUR' };
const CHARGE: CaptureRequest = { purpose: 'charge', amount: AMOUNT };

const check = (request: CaptureRequest, token?: CardFace) => checkOrder(request, DEFAULTS, token);
const refusal = (code: string) => expect.objectContaining({ code, kind: 'invalid' }) as Error;

test('a plain charge asks for card number, expiry and security code, with the defaults', () => {
  expect(check(CHARGE)).toEqual({
    purpose: 'charge',
    mode: 'test',
    amount: AMOUNT,
    keepsCard: false,
    asks: 'charge',
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
    mode: 'live',
    reference: 'order-1001',
    customer_reference: 'customer-7',
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
    mode: 'live',
    amount: AMOUNT,
    reference: 'order-1001',
    customerReference: 'customer-7',
    keepsCard: false,
    asks: 'charge',
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

  test('is in a currency that is in use: another is named by its place', () => {
    for (const currency of ['XXQ', 'XTS', 'DEM', 'BGN']) {
      const request = { purpose: 'charge', amount: { value: 4200, currency } } as const;
      expect(() => check(request)).toThrow(refusal('currency_unknown'));
      expect(() => check(request)).toThrow(/^amount\/currency is no currency that is in use/);
    }
    expect(check({ purpose: 'charge', amount: { value: 4200, currency: 'JPY' } })).toMatchObject({
      amount: { value: 4200, currency: 'JPY' },
    });
  });

  test('tokenize takes none', () => {
    expect(() => check({ purpose: 'tokenize', amount: AMOUNT })).toThrow(refusal('amount_not_allowed'));
    expect(check({ purpose: 'tokenize' })).not.toHaveProperty('amount');
  });
});

describe('the card is kept', () => {
  test.each(['tokenize', 'charge_and_save'] as const)('by the provider by default: %s', (purpose) => {
    const order = check({ purpose, ...(purpose !== 'tokenize' && { amount: AMOUNT }) });
    expect(order).toMatchObject({ keepsCard: false, asks: purpose });
  });

  test('by the vault when the request or the gateway says so: the provider need not keep it as well', () => {
    const vault = { token_storage: 'vault' } as const;
    expect(check({ purpose: 'charge_and_save', amount: AMOUNT, ...vault })).toMatchObject({
      purpose: 'charge_and_save',
      keepsCard: true,
      asks: 'charge',
    });
    const order = check({ purpose: 'tokenize', ...vault });
    expect(order.keepsCard).toBe(true);
    expect(order).not.toHaveProperty('asks');
    const defaults: CaptureDefaults = { ...DEFAULTS, tokenStorage: 'vault' };
    expect(checkOrder({ purpose: 'tokenize' }, defaults)).toMatchObject({ keepsCard: true });
    expect(checkOrder({ purpose: 'tokenize', token_storage: 'provider' }, defaults)).toMatchObject({
      keepsCard: false,
    });
    expect(checkOrder(CHARGE, defaults)).toMatchObject({ keepsCard: false, asks: 'charge' });
  });

  test('by nobody otherwise, and a request cannot say where', () => {
    expect(() => check({ ...CHARGE, token_storage: 'vault' })).toThrow(refusal('token_storage_not_allowed'));
  });
});

describe('a stored card', () => {
  test('asks for its security code only, as long as its brand has it, in its own mode', () => {
    const order = check({ ...CHARGE, token: AMEX.id }, AMEX);
    expect(order).toMatchObject({ mode: 'live', token: AMEX });
    expect(order.spec).toMatchObject({ fields: [{ field: 'security_code' }], cardBrand: 'amex' });
  });

  test.each(['card_number', 'expiry'] as const)('has its %s already', (field) => {
    expect(() => check({ ...CHARGE, fields: [{ field }] }, AMEX)).toThrow(refusal('field_not_allowed'));
  });

  test('takes other fields', () => {
    const fields = [{ field: 'security_code' }, { field: 'postal_code' }] as const;
    expect(check({ ...CHARGE, fields }, AMEX).spec.fields).toHaveLength(2);
  });

  test.each(['tokenize', 'charge_and_save'] as const)('is not kept once more: %s', (purpose) => {
    const request = { purpose, ...(purpose !== 'tokenize' && { amount: AMOUNT }) };
    expect(() => check(request, AMEX)).toThrow(refusal('token_not_allowed'));
  });

  test('is not charged in the other mode', () => {
    expect(() => check({ ...CHARGE, mode: 'test' }, AMEX)).toThrow(refusal('wrong_mode'));
    expect(check({ ...CHARGE, mode: 'live' }, AMEX)).toMatchObject({ mode: 'live' });
  });

  test('of a brand that the gateway does not know may have a code of 3 or 4', () => {
    expect(check(CHARGE, { ...AMEX, brand: 'other' }).spec).not.toHaveProperty('cardBrand');
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

test.each(['4242424242424242', 'customer-4012001037141112'])(
  'a customer reference that could hold a card number is refused: %s',
  (customerReference) => {
    expect(() => check({ ...CHARGE, customer_reference: customerReference })).toThrow(
      refusal('customer_reference_like_card'),
    );
  },
);

describe('fields', () => {
  test.each([
    [[{ field: 'expiry' }] as const],
    [[{ field: 'card_number', required: false }, { field: 'expiry' }] as const],
  ])('without a required card number there is nothing to pay with: %j', (fields) => {
    expect(() => check({ ...CHARGE, fields })).toThrow(refusal('card_number_required'));
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
