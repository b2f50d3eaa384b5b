import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PaymentOutcome } from '../../../../src/payments/contract.ts';
import { PAYMENT_STATUSES, type PaymentStatus } from '../../../../src/workflows/payments/contract.ts';
import {
  afterDoubt,
  afterFailure,
  afterOutcome,
  allowedChange,
  PAYMENT_TRANSITIONS,
} from '../../../../src/workflows/payments/rules.ts';
import { newPaymentRecord, type PaymentRecord } from '../../../../src/workflows/stores/payment-store.ts';

const AT = new Date('2026-06-15T12:00:00Z');
const LATER = new Date('2026-06-15T12:00:05Z');
const PAID: PaymentOutcome = { result: 'succeeded', providerReference: 'ch_1', authorizationCode: 'A1' };
const DECLINED: PaymentOutcome = { result: 'declined', reason: 'expired_card', rawCode: '54' };

function payment(change: Partial<PaymentRecord> = {}): PaymentRecord {
  return newPaymentRecord({
    id: 'pay_1',
    accountId: 'acc',
    mode: 'test',
    purpose: 'charge',
    status: 'processing',
    amount: 1000,
    currency: 'EUR',
    requestedBy: 'integrator',
    createdAt: AT,
    updatedAt: AT,
    ...change,
  });
}

function throws(work: () => unknown): boolean {
  try {
    work();
    return false;
  } catch {
    return true;
  }
}

const refusal = (code: string) => expect.objectContaining({ code }) as Error;

describe('the outcome of a payment', () => {
  test.each([
    ['charge', 'captured', 1000],
    ['charge_and_save', 'captured', 1000],
    ['authorize', 'authorized', 0],
  ] as const)('%s succeeds to %s', (purpose, status, amountCaptured) => {
    const after = afterOutcome(payment({ purpose }), { operation: purpose }, PAID, LATER);
    expect(after).toMatchObject({
      status,
      amountCaptured,
      providerReference: 'ch_1',
      authorizationCode: 'A1',
      updatedAt: LATER,
    });
  });

  test('a card that the vault keeps needs no more of the provider than a charge', () => {
    const saved = payment({ purpose: 'charge_and_save', token: 'tok_card_1' });
    expect(afterOutcome(saved, { operation: 'charge' }, PAID, LATER)).toMatchObject({
      status: 'captured',
      token: 'tok_card_1',
      tokenToShred: null,
    });
  });

  test('a refused payment keeps no card that was saved for it', () => {
    const saved = payment({ purpose: 'charge_and_save', token: 'tok_card_1' });
    const refused = { token: null, tokenToShred: 'tok_card_1' };
    expect(afterOutcome(saved, { operation: 'charge' }, DECLINED, LATER)).toMatchObject({
      status: 'declined',
      declineReason: 'expired_card',
      ...refused,
    });
    expect(afterFailure(saved, { operation: 'charge' }, 'never_arrived', LATER)).toMatchObject({
      status: 'failed',
      failure: 'never_arrived',
      ...refused,
    });
    expect(afterDoubt(saved, { operation: 'charge' }, LATER)).toMatchObject({ token: 'tok_card_1' });
  });

  test('a refused payment with a stored card leaves that card alone', () => {
    const stored = payment({ token: 'tok_card_1' });
    expect(afterOutcome(stored, { operation: 'charge' }, DECLINED, LATER)).toMatchObject({
      token: 'tok_card_1',
      tokenToShred: null,
    });
  });
});

describe('a change of a payment', () => {
  const authorized = payment({ purpose: 'authorize', status: 'authorized' });
  const captured = payment({ status: 'captured', amountCaptured: 1000 });

  test('is of all that is left by default', () => {
    expect(allowedChange(authorized, 'capture')).toEqual({ amount: 1000, partial: false });
    expect(allowedChange(captured, 'refund')).toEqual({ amount: 1000, partial: false });
    expect(allowedChange(authorized, 'void')).toEqual({ partial: false });
    const refunded = payment({ status: 'partially_refunded', amountCaptured: 1000, amountRefunded: 300 });
    expect(allowedChange(refunded, 'refund')).toEqual({ amount: 700, partial: true });
  });

  test('is at most what is left', () => {
    expect(() => allowedChange(authorized, 'capture', 1001)).toThrow(refusal('amount_too_large'));
    expect(() => allowedChange(captured, 'refund', 1001)).toThrow(refusal('amount_too_large'));
    const refunded = payment({ status: 'partially_refunded', amountCaptured: 1000, amountRefunded: 300 });
    expect(() => allowedChange(refunded, 'refund', 701)).toThrow(refusal('amount_too_large'));
    expect(allowedChange(refunded, 'refund', 700).amount).toBe(700);
  });

  test.each([0, -1, 1.5, Number.NaN, 2 ** 53])('has an amount: %s is none', (amount) => {
    expect(() => allowedChange(captured, 'refund', amount)).toThrow(refusal('amount_invalid'));
  });

  test('waits until it is known what became of the one before', () => {
    const pending = { ...captured, pending: 'refund' as const };
    expect(() => allowedChange(pending, 'refund', 1)).toThrow(refusal('payment_change_pending'));
  });

  test.each(PAYMENT_STATUSES.filter((status) => status !== 'authorized'))(
    'is no capture and no void of one that is %s',
    (status) => {
      expect(() => allowedChange(payment({ status }), 'capture')).toThrow(refusal('payment_not_authorized'));
      expect(() => allowedChange(payment({ status }), 'void')).toThrow(refusal('payment_not_authorized'));
    },
  );

  test.each(PAYMENT_STATUSES.filter((status) => status !== 'captured' && status !== 'partially_refunded'))(
    'is no refund of one that is %s',
    (status) => {
      expect(() => allowedChange(payment({ status }), 'refund')).toThrow(refusal('payment_not_captured'));
    },
  );

  test('that is declined, fails or is in doubt leaves the payment as it was', () => {
    expect(afterOutcome(captured, { operation: 'refund', amount: 5 }, DECLINED, LATER)).toBe(captured);
    expect(afterFailure(captured, { operation: 'refund', amount: 5 }, 'unavailable', LATER)).toBe(captured);
    expect(afterDoubt(captured, { operation: 'refund', amount: 5 }, LATER)).toBe(captured);
  });

  test('whatever is refunded in whatever parts, the money adds up and every step is legal', () => {
    const parts = fc.array(fc.integer({ min: 1, max: 400 }), { maxLength: 12 });
    fc.assert(
      fc.property(parts, fc.integer({ min: 1, max: 1000 }), (amounts, taken) => {
        let current = afterOutcome(authorized, { operation: 'capture', amount: taken }, PAID, LATER);
        expect(current).toMatchObject({ status: 'captured', amountCaptured: taken });
        let given = 0;
        for (const amount of amounts) {
          const possible = given < taken && given + amount <= taken;
          const refusing = (): unknown => allowedChange(current, 'refund', amount);
          expect(throws(refusing)).toBe(!possible);
          if (!possible) continue;
          const before: PaymentStatus = current.status;
          current = afterOutcome(current, { operation: 'refund', amount }, PAID, LATER);
          given += amount;
          expect(current.amountRefunded).toBe(given);
          expect(current.status).toBe(given === taken ? 'refunded' : 'partially_refunded');
          expect(current.status === before || PAYMENT_TRANSITIONS[before].includes(current.status)).toBe(
            true,
          );
        }
      }),
    );
  });
});

test('what is over stays over', () => {
  for (const status of ['refunded', 'voided', 'declined', 'failed'] as const) {
    expect(PAYMENT_TRANSITIONS[status]).toEqual([]);
  }
});
