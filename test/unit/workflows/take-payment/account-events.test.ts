import { expect, test } from 'vitest';
import { loadContract } from '../../../../src/http/contract.ts';
import { accountEventsOf } from '../../../../src/workflows/take-payment/account-events.ts';
import type { CaptureResource } from '../../../../src/workflows/contract.ts';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';

const AT = '2026-03-01T09:30:44.910Z';

const COLLECTING: CaptureResource = {
  id: 'cap_5m2kqa9m4rvx3t8npwzc6edy5b',
  call_id: 'call_5m2kqa9m4rvx3t8npwzc6edy5b',
  status: 'collecting',
  purpose: 'charge_and_save',
  amount: { value: 4200, currency: 'EUR' },
  reference: 'order-1001',
  focus: 'card_number',
  fields: [
    {
      field: 'card_number',
      required: true,
      status: 'accepted',
      digits: 16,
      attempts: 0,
      brand: 'visa',
      last4: '4242',
    },
    { field: 'security_code', required: true, status: 'accepted', digits: 3, attempts: 1 },
  ],
  stray_keys: 2,
  created_at: AT,
  updated_at: AT,
};

const PROCESSING: CaptureResource = {
  ...COLLECTING,
  status: 'processing',
  payment: { status: 'processing' },
};

const SUCCEEDED: CaptureResource = {
  ...COLLECTING,
  status: 'succeeded',
  payment: {
    status: 'succeeded',
    provider_reference: 'pay-1',
    authorization_code: '123456',
    token: 'tok_secret',
  },
  ended_at: AT,
};

function validate(type: string, event: unknown): string | undefined {
  const { document } = loadContract(new URL('../../../../openapi.yaml', import.meta.url));
  const ajv = new Ajv({ strict: false });
  addFormats.default(ajv);
  ajv.addSchema(document, 'openapi.yaml');
  const ok = ajv.validate(`openapi.yaml#/components/schemas/${type}`, event);
  return ok ? undefined : ajv.errorsText();
}

test('a status is told once, and what happens within it is not', () => {
  const events = accountEventsOf({ ...COLLECTING, status: 'securing' }, COLLECTING);
  expect(events.map(({ type }) => type)).toEqual(['capture.collecting']);
  expect(accountEventsOf(COLLECTING, { ...COLLECTING, stray_keys: 3 })).toEqual([]);
  expect(accountEventsOf(COLLECTING, { ...COLLECTING, paused: 'agent' })).toEqual([]);
});

test('an outcome comes before the status that it leads to', () => {
  const types = (before: CaptureResource, after: CaptureResource): string[] =>
    accountEventsOf(before, after).map(({ type }) => type);
  expect(types(COLLECTING, PROCESSING)).toEqual(['capture.processing']);
  expect(types(PROCESSING, SUCCEEDED)).toEqual(['payment.succeeded', 'capture.succeeded']);
  const unknown: CaptureResource = { ...SUCCEEDED, status: 'failed', payment: { status: 'unknown' } };
  expect(types(PROCESSING, unknown)).toEqual(['payment.unknown', 'capture.failed']);
  const found: CaptureResource = {
    ...unknown,
    payment: { status: 'declined', decline_reason: 'expired_card' },
  };
  expect(types(unknown, found)).toEqual(['payment.declined']);
});

test('payloads are thin, fit the contract, and hold no token, counts or codes', () => {
  // A receipt names the issuer's code; what is keyed is none of it.
  const events = accountEventsOf(PROCESSING, SUCCEEDED);
  for (const [index, { at, type, data }] of events.entries()) {
    const wire = {
      id: 'evt_5m2kqa9m4rvx3t8npwzc6edy5b',
      sequence: index + 1,
      type,
      timestamp: at.toISOString(),
      data,
    };
    expect(validate('AccountEvent', wire)).toBeUndefined();
    expect(validate('AccountEvent', { ...wire, extra: 1 })).toBeDefined();
    const text = JSON.stringify(wire);
    expect(text.length).toBeLessThan(1500);
    for (const word of ['tok_secret', 'digits', 'stray', 'attempts', 'security_code']) {
      expect(text).not.toContain(word);
    }
    expect(text).toContain('"last4":"4242"');
  }
});

test('a success carries what a receipt needs', () => {
  const paid: CaptureResource = {
    ...SUCCEEDED,
    mode: 'live',
    customer_reference: 'customer-7',
    payment: { ...SUCCEEDED.payment, id: 'pay_7h2kqa9m4rvx3t8npwzc6edy5b', status: 'succeeded' },
  };
  expect(accountEventsOf(PROCESSING, paid)[0]?.data).toMatchObject({
    payment: {
      id: 'pay_7h2kqa9m4rvx3t8npwzc6edy5b',
      status: 'succeeded',
      purpose: 'charge_and_save',
      mode: 'live',
      amount: { value: 4200, currency: 'EUR' },
      reference: 'order-1001',
      customer_reference: 'customer-7',
      card: { brand: 'visa', last4: '4242' },
      authorization_code: '123456',
      provider_reference: 'pay-1',
    },
  });
});

test('of a stored card whose code was keyed the receipt shows brand and last four as well', () => {
  const stored: CaptureResource = {
    ...COLLECTING,
    status: 'succeeded',
    fields: COLLECTING.fields.slice(1),
    token: 'tok_card_5m2kqa9m4rvx3t8npwzc6edy5b',
    card: { brand: 'amex', last4: '0005' },
    payment: { status: 'succeeded', provider_reference: 'pay-1' },
  };
  const [event] = accountEventsOf(PROCESSING, stored);
  expect(event?.data).toMatchObject({
    capture: { brand: 'amex', last4: '0005' },
    payment: { card: { brand: 'amex', last4: '0005' } },
  });
  expect(JSON.stringify(event)).not.toContain('tok_card_');
});

test('a card number that was not accepted shows nothing', () => {
  const [card] = COLLECTING.fields;
  if (card === undefined) throw new Error('no field');
  const after: CaptureResource = {
    ...COLLECTING,
    status: 'cancelled',
    fields: [{ ...card, status: 'rejected' }],
  };
  expect(JSON.stringify(accountEventsOf(COLLECTING, after))).not.toContain('4242');
});
