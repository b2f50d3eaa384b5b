import { describe, expect, it } from 'vitest';
import type { LedgerEntry, ModificationEntry } from '../../../../simulators/sandbox-provider/ledger.ts';
import { compareBooks, type Books, type Ledger, type Order } from '../../../support/chaos/books.ts';

interface Everything {
  ledger: { payments: LedgerEntry[]; modifications: ModificationEntry[] };
  books: {
    payments: Books['payments'][number][];
    attempts: Books['attempts'][number][];
    audited: Books['audited'][number][];
  };
  orders: Order[];
}

/** A charge with a refund in part, an authorization that is captured, one that is voided, a decline and a failure. */
function agreeing(): Everything {
  const everything: Everything = {
    ledger: { payments: [], modifications: [] },
    books: { payments: [], attempts: [], audited: [] },
    orders: [],
  };
  const add = (
    reference: string,
    status: string,
    changes: readonly { modification: 'capture' | 'void' | 'refund'; amount?: number }[] = [],
  ): void => {
    const moved = status !== 'declined' && status !== 'failed';
    const sum = (kind: string): number =>
      changes.filter((one) => one.modification === kind).reduce((total, one) => total + (one.amount ?? 0), 0);
    const authorized = changes.some(({ modification }) => modification !== 'refund');
    const purpose = authorized ? 'authorize' : 'charge';
    const attempt = (operation: string, key: string, amount: number | null): void => {
      const state = operation === purpose && !moved ? status : 'succeeded';
      const id = `att_${key}`;
      everything.books.attempts.push({
        id,
        paymentId: `pay_${reference}`,
        operation,
        state,
        idempotencyKey: key,
        amount,
        providerReference: null,
      });
      everything.books.audited.push(
        { attemptId: id, operation: 'payment.attempt', state: 'processing' },
        { attemptId: id, operation: 'payment.outcome', state: 'unknown' },
        { attemptId: id, operation: 'payment.outcome', state },
      );
    };
    const common = { currency: 'EUR', at: '2026-11-21T10:00:00.000Z', requests: 1 };
    attempt(purpose, reference, 4000);
    if (status !== 'failed') {
      everything.ledger.payments.push({
        ...common,
        chargeId: `chg_${reference}`,
        idempotencyKey: reference,
        purpose,
        amount: 4000,
        reference,
        cardNumber: '4242424242424242',
        result: moved ? 'succeeded' : 'declined',
      });
    }
    for (const [index, { modification, amount }] of changes.entries()) {
      const key = `${reference}-${index}`;
      attempt(modification, key, amount ?? null);
      everything.ledger.modifications.push({
        ...common,
        modificationId: `mod_${key}`,
        idempotencyKey: key,
        modification,
        chargeId: `chg_${reference}`,
        ...(amount !== undefined && { amount }),
        result: 'succeeded',
      });
    }
    everything.books.payments.push({
      id: `pay_${reference}`,
      status,
      purpose,
      amount: 4000,
      currency: 'EUR',
      amountCaptured: authorized ? sum('capture') : moved ? 4000 : 0,
      amountRefunded: sum('refund'),
      reference,
      providerReference: status === 'failed' ? null : `chg_${reference}`,
    });
    everything.orders.push({
      reference,
      amount: 4000,
      paymentIds: [`pay_${reference}`],
      told: moved ? (authorized ? 'authorized' : 'captured') : status,
      changes: changes.map((change) => ({ ...change, told: 'done' })),
    });
  };
  add('charge', 'partially_refunded', [{ modification: 'refund', amount: 1000 }]);
  add('captured', 'captured', [{ modification: 'capture', amount: 4000 }]);
  add('voided', 'voided', [{ modification: 'void' }]);
  add('declined', 'declined');
  add('failed', 'failed');
  return everything;
}

function kindsAfter(spoil: (everything: Everything) => void): string[] {
  const everything = agreeing();
  spoil(everything);
  const { ledger, books, orders } = everything;
  return [
    ...new Set(compareBooks(ledger satisfies Ledger, books, orders).map(({ kind }) => kind)),
  ].toSorted();
}

/** The first item, changed. */
function change<T>(items: T[], members: Partial<T>): void {
  items[0] = { ...(items[0] as T), ...members };
}

const first = <T>(items: readonly T[]): T => items[0] as T;

describe('books that agree', () => {
  it('are found to', () => {
    expect(kindsAfter(() => undefined)).toEqual([]);
  });

  it('may have a capture that ended before it was submitted', () => {
    expect(
      kindsAfter(({ books }) => {
        const { payments } = books;
        payments.push({
          ...first(payments),
          id: 'pay_unsent',
          reference: 'unsent',
          status: 'voided',
          amountCaptured: 0,
          amountRefunded: 0,
          providerReference: null,
        });
      }),
    ).toEqual([]);
  });
});

describe('books that do not', () => {
  it.each<{ what: string; kinds: string[]; spoil: (everything: Everything) => void }>([
    {
      what: 'a charge that was made twice, under two keys that are both on record',
      kinds: ['double_charge', 'lost_success'],
      spoil: ({ ledger, books }) => {
        ledger.payments.push({ ...first(ledger.payments), chargeId: 'chg_twice', idempotencyKey: 'twice' });
        books.attempts.push({ ...first(books.attempts), idempotencyKey: 'twice' });
      },
    },
    {
      what: 'a charge that was made twice, once for a second payment of ours',
      kinds: ['double_charge', 'two_payments'],
      spoil: ({ ledger, books }) => {
        ledger.payments.push({ ...first(ledger.payments), chargeId: 'chg_twice', idempotencyKey: 'twice' });
        books.attempts.push({
          ...first(books.attempts),
          paymentId: 'pay_twice',
          idempotencyKey: 'twice',
        });
        books.payments.push({
          ...first(books.payments),
          id: 'pay_twice',
          providerReference: 'chg_twice',
          status: 'captured',
          amountRefunded: 0,
        });
      },
    },
    {
      what: 'a refund that was made twice',
      kinds: ['double_change', 'wrong_amount'],
      spoil: ({ ledger, books }) => {
        ledger.modifications.push({
          ...first(ledger.modifications),
          modificationId: 'mod_twice',
          idempotencyKey: 'twice',
        });
        const attempt = books.attempts.find(({ operation }) => operation === 'refund');
        if (attempt !== undefined) books.attempts.push({ ...attempt, idempotencyKey: 'twice' });
      },
    },
    {
      what: 'a request that is not on record',
      kinds: ['unwritten_request'],
      spoil: ({ ledger }) => {
        const declined = ledger.payments.find(({ result }) => result === 'declined');
        if (declined !== undefined) ledger.payments.push({ ...declined, idempotencyKey: 'unwritten' });
      },
    },
    {
      what: 'a success that was taken for a failure',
      kinds: ['lost_success', 'no_audit_trail', 'told_otherwise'],
      spoil: ({ books }) => {
        change(books.payments, { status: 'failed', amountCaptured: 0, amountRefunded: 0 });
        change(books.attempts, { state: 'failed' });
      },
    },
    {
      what: 'a success that is another payment at the provider',
      kinds: ['invented_success', 'lost_success'],
      spoil: ({ books }) => change(books.payments, { providerReference: 'chg_other' }),
    },
    {
      what: 'a success that the provider does not have',
      kinds: ['invented_success', 'told_otherwise'],
      spoil: ({ ledger }) => {
        ledger.payments.shift();
        ledger.modifications.shift();
      },
    },
    {
      what: 'another amount',
      kinds: ['wrong_amount'],
      spoil: ({ ledger }) => change(ledger.payments, { amount: 4001 }),
    },
    {
      what: 'an attempt that is not known',
      kinds: ['left_open', 'no_audit_trail'],
      spoil: ({ books }) => change(books.attempts, { state: 'unknown' }),
    },
    {
      what: 'a payment that is not known',
      kinds: ['left_open', 'lost_success', 'told_otherwise'],
      spoil: ({ books }) => change(books.payments, { status: 'unknown', providerReference: null }),
    },
    {
      what: 'a client that was told of a decline',
      kinds: ['told_otherwise'],
      spoil: ({ orders }) => change(orders, { told: 'declined' }),
    },
    {
      what: 'a client that was told of another payment',
      kinds: ['two_payments'],
      spoil: ({ orders }) => change(orders, { paymentIds: ['pay_charge', 'pay_other'] }),
    },
    {
      what: 'a client that was told nothing',
      kinds: ['no_answer'],
      spoil: ({ orders }) => {
        const { told: _told, ...order } = first(orders);
        orders[0] = order;
      },
    },
    {
      what: 'a change that was refused',
      kinds: ['told_otherwise'],
      spoil: ({ orders }) =>
        change(orders, { changes: [{ modification: 'refund', amount: 1000, told: 'refused' }] }),
    },
    {
      what: 'an attempt that the trail does not have from its beginning',
      kinds: ['no_audit_trail'],
      spoil: ({ books }) => void books.audited.shift(),
    },
    {
      what: 'a payment without an attempt',
      kinds: ['no_audit_trail', 'unwritten_request'],
      spoil: ({ books }) => {
        books.attempts = books.attempts.filter(({ paymentId }) => paymentId !== 'pay_charge');
      },
    },
  ])('$what', ({ kinds, spoil }) => {
    expect(kindsAfter(spoil)).toEqual(kinds);
  });
});
