import { expect, test } from 'vitest';
import { requestFingerprint, type AskedOf } from '../../../../src/workflows/payments/fingerprint.ts';

const ASKED: AskedOf = {
  operation: 'charge',
  providerId: 'default',
  amount: { value: 4200, currency: 'EUR' },
  reference: 'order-1',
};

test('a request has one fingerprint, of 32 bytes', () => {
  expect(requestFingerprint(ASKED)).toEqual(requestFingerprint({ ...ASKED }));
  expect(requestFingerprint(ASKED)).toHaveLength(32);
});

test.each([
  ['operation', { ...ASKED, operation: 'authorize' }],
  ['provider', { ...ASKED, providerId: 'prv_1' }],
  ['amount', { ...ASKED, amount: { value: 4201, currency: 'EUR' } }],
  ['currency', { ...ASKED, amount: { value: 4200, currency: 'USD' } }],
  ['reference', { ...ASKED, reference: 'order-2' }],
  ['reference at all', { operation: 'charge', providerId: 'default', amount: ASKED.amount }],
] as const)('another %s makes another one', (_name, other) => {
  expect(requestFingerprint(other as AskedOf)).not.toEqual(requestFingerprint(ASKED));
});
