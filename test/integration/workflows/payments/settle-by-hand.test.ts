import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ProviderError } from '../../../../src/payments/errors.ts';
import type { HandSettlement } from '../../../../src/workflows/payments/hand-settlement.ts';
import { RESEND_WITHIN_MS } from '../../../../src/workflows/payments/leases.ts';
import { settleByHand, type HandSettled } from '../../../../src/workflows/payments/settle-by-hand.ts';
import { findUnsettledPayments } from '../../../../src/workflows/payments/unsettled.ts';
import { reconcileOnce } from '../../../../src/workflows/reconcile.ts';
import { createTestDatabase, execute, type TestDatabase } from '../../../support/database.ts';
import { createTestKeyRing, type TestKeyRing } from '../../../support/key-ring.ts';
import { ALL_CAPABILITIES } from '../../../support/payment-provider.ts';
import { CARD, until, World } from '../world.ts';
import { AMOUNT, Shop } from './shop.ts';

let db: TestDatabase;
let keys: TestKeyRing;
let shop: Shop;

beforeAll(async () => {
  db = await createTestDatabase({ poolSize: 10 });
  keys = await createTestKeyRing(db);
});
afterAll(async () => {
  await keys.close();
  await db.close();
});
beforeEach(async () => {
  await execute(
    db.url,
    `update payment_attempts set lease_until = 'infinity' where state in ('processing', 'unknown')`,
  );
  shop = await Shop.start(db, keys);
  shop.provider.capabilities = { ...ALL_CAPABILITIES, recovery: 'replay' };
});

async function unanswered<T>(asked: Promise<T>): Promise<T> {
  for (const ms of [500, 2000, 5000]) {
    await until(() => shop.clock.pending > 0);
    shop.clock.advance(ms);
  }
  return await asked;
}

/** A payment that went out as often as it may, to a provider that cannot be asked: nothing tries any more. */
async function lostPayment(): Promise<string> {
  shop.provider.fate = () => 'answer_lost';
  const { id } = await unanswered(shop.pay({ reference: 'order-1' }));
  shop.provider.fate = () => 'answered';
  expect(await shop.get(id)).toMatchObject({ status: 'unknown' });
  return id;
}

/** The same of a refund of a part. */
async function lostRefund(): Promise<string> {
  const { id } = await shop.pay();
  shop.provider.fate = () => 'answer_lost';
  await unanswered(shop.desk.refund(shop.actor, id, { amount: 1000 }));
  shop.provider.fate = () => 'answered';
  expect(await shop.get(id)).toMatchObject({ status: 'captured', pending: 'refund' });
  return id;
}

const SUCCEEDED: HandSettlement = {
  outcome: 'succeeded',
  providerReference: 'psp-1',
  authorizationCode: 'A9',
  reason: 'seen at the provider',
};
const DECLINED: HandSettlement = { outcome: 'declined', reason: 'refused at the provider' };
const NEVER_ARRIVED: HandSettlement = { outcome: 'never_arrived', reason: 'not at the provider' };

const settled = async (id: string, asked: HandSettlement, by = 'olga'): Promise<HandSettled> =>
  await settleByHand(shop.dependencies(), by, id, asked);

const resolved = async (): Promise<unknown[]> =>
  (await shop.audited())
    .filter(({ operation }) => operation === 'payment.resolve')
    .map(({ record }) => JSON.parse(record) as unknown);

describe('a payment that nobody can ask about', () => {
  test('has succeeded when an operator has seen it: with events, and on record with name and reason', async () => {
    const id = await lostPayment();
    expect(await settled(id, SUCCEEDED)).toMatchObject({
      paymentId: id,
      operation: 'charge',
      outcome: 'succeeded',
      paymentStatus: 'captured',
      repeated: false,
    });
    expect(await shop.get(id)).toMatchObject({
      status: 'captured',
      amount_captured: AMOUNT,
      provider_reference: 'psp-1',
      authorization_code: 'A9',
    });
    expect((await shop.told()).map(({ type }) => type)).toEqual(['payment.unknown', 'payment.succeeded']);
    expect(await resolved()).toMatchObject([
      {
        actor: { kind: 'operator', subject: 'olga' },
        object: { type: 'payment', id },
        before: { status: 'unknown' },
        after: { outcome: 'succeeded', provider_reference: 'psp-1', note: 'seen at the provider' },
      },
    ]);
    const [row] = await execute(
      db.url,
      'select settled_by as by, settlement_reason as reason from payment_attempts where payment_id = $1',
      [id],
    );
    expect(row).toEqual({ by: 'olga', reason: 'seen at the provider' });
    // It can be given back like any other.
    await shop.reconcile(60_000);
    expect(shop.provider.sent.filter(({ key }) => key !== undefined)).toHaveLength(3);
  });

  test.each([
    [DECLINED, { status: 'declined', decline_reason: 'generic_decline' }, 'payment.declined'],
    [NEVER_ARRIVED, { status: 'failed', failure: 'never_arrived' }, 'payment.failed'],
  ])('comes to the end that the operator says: $outcome', async (asked, payment, event) => {
    const id = await lostPayment();
    expect(await settled(id, asked)).toMatchObject({ outcome: asked.outcome, repeated: false });
    expect(await shop.get(id)).toMatchObject(payment);
    expect((await shop.told()).map(({ type }) => type)).toEqual(['payment.unknown', event]);
  });

  test('the same again changes nothing, and another end is refused', async () => {
    const id = await lostPayment();
    const first = await settled(id, SUCCEEDED);
    const before = await shop.audited();
    expect(await settled(id, { ...SUCCEEDED, reason: 'once more' }, 'otto')).toEqual({
      ...first,
      repeated: true,
    });
    for (const other of [DECLINED, NEVER_ARRIVED, { ...SUCCEEDED, providerReference: 'psp-2' }]) {
      await expect(settled(id, other)).rejects.toMatchObject({ code: 'payment_settled_otherwise' });
    }
    expect(await shop.audited()).toEqual(before);
    expect(await shop.get(id)).toMatchObject({ status: 'captured' });
  });

  test('is settled by one of several operators at the same moment, once', async () => {
    const id = await lostPayment();
    const all = await Promise.all(
      [1, 2, 3, 4].map(async (n) => await settled(id, SUCCEEDED, `operator ${n}`)),
    );
    expect(all.filter(({ repeated }) => !repeated)).toHaveLength(1);
    expect(await resolved()).toHaveLength(1);
    expect((await shop.told()).filter(({ type }) => type === 'payment.succeeded')).toHaveLength(1);
  });

  test('comes to one end when two say different things at the same moment', async () => {
    const id = await lostPayment();
    const both = await Promise.allSettled([settled(id, SUCCEEDED), settled(id, NEVER_ARRIVED)]);
    expect(both.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(both.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { code: 'payment_settled_otherwise' },
    });
    expect(await resolved()).toHaveLength(1);
  });

  test('is settled once, whichever comes first: an operator or the reconciler', async () => {
    for (let round = 0; round < 5; round += 1) {
      const id = await lostPayment();
      shop.clock.advance(60_000);
      const reconciling = shop.reconcile(0);
      const asked = settled(id, SUCCEEDED).then(
        () => 'settled',
        (error: unknown) => (error as { code?: string }).code,
      );
      await reconciling;
      // The reconciler may have had it in its hands at that moment: then the operator is told so, and asks again.
      expect(['settled', 'payment_under_way']).toContain(await asked);
      expect(await settled(id, SUCCEEDED)).toMatchObject({ repeated: (await asked) === 'settled' });
      expect(await shop.get(id)).toMatchObject({ status: 'captured', provider_reference: 'psp-1' });
    }
    expect(await resolved()).toHaveLength(5);
    expect(shop.provider.taken).toBe(5 * AMOUNT.value);
  });

  test('of a capture that has ended says so there too', async () => {
    const world = await World.start(db);
    world.provider.capabilities = { ...ALL_CAPABILITIES, recovery: 'replay' };
    world.provider.onPay = () => Promise.reject(new ProviderError('unknown_outcome', 'timed out'));
    const { id } = await world.collecting();
    world.calls.masking.keys(CARD);
    await world.captures.command(world.actor, id, { type: 'submit' });
    for (const ms of [500, 2000, 5000]) await world.elapse(ms);
    await world.ended(id);
    const paymentId = (await world.row(id)).view.payment?.id ?? '';
    await settleByHand(world.payments(), 'olga', paymentId, SUCCEEDED);
    expect((await world.row(id)).view.payment).toEqual({
      id: paymentId,
      status: 'succeeded',
      provider_reference: 'psp-1',
      authorization_code: 'A9',
    });
    expect((await world.told(id)).at(-1)).toBe('payment.succeeded');
  });
});

describe('a change that nobody can ask about', () => {
  test('was made, and the payment goes on from there', async () => {
    const id = await lostRefund();
    expect(await settled(id, SUCCEEDED)).toMatchObject({
      operation: 'refund',
      paymentStatus: 'partially_refunded',
    });
    expect(await shop.get(id)).toMatchObject({ amount_refunded: { value: 1000 } });
    expect((await shop.told()).at(-1)).toMatchObject({ type: 'payment.refunded' });
    expect(await shop.desk.refund(shop.actor, id, {})).toMatchObject({ status: 'refunded' });
  });

  test.each([DECLINED, NEVER_ARRIVED])('was not made: $outcome', async (asked) => {
    const id = await lostRefund();
    await settled(id, asked);
    const payment = await shop.get(id);
    expect(payment).toMatchObject({ status: 'captured', amount_refunded: { value: 0 } });
    expect(payment).not.toHaveProperty('pending');
    expect(await settled(id, asked)).toMatchObject({ repeated: true });
  });
});

describe('is refused, and nothing is written', () => {
  /** The code of the refusal, and how many records it left. */
  async function refusalOf(id: string, asked: HandSettlement): Promise<{ code: string; records: number }> {
    const before = (await shop.audited()).length;
    const { code = 'none' } = await settled(id, asked).then(
      (): { code?: string } => ({}),
      (error: unknown) => error as { code?: string },
    );
    return { code, records: (await shop.audited()).length - before };
  }

  test('a payment that is not there', async () => {
    expect(await refusalOf('pay_00000000000000000000000000', SUCCEEDED)).toEqual({
      code: 'payment_not_found',
      records: 0,
    });
  });

  test('a payment whose outcome is known', async () => {
    expect(await refusalOf((await shop.pay()).id, NEVER_ARRIVED)).toEqual({
      code: 'payment_not_unsettled',
      records: 0,
    });
  });

  test('one that its provider can be asked about', async () => {
    const id = await lostPayment();
    shop.provider.capabilities = ALL_CAPABILITIES;
    expect(await refusalOf(id, NEVER_ARRIVED)).toEqual({ code: 'payment_looked_up', records: 0 });
  });

  test('one that may still be sent again', async () => {
    const id = await lostPayment();
    await execute(db.url, 'update payment_attempts set sends = 1 where payment_id = $1', [id]);
    expect(await refusalOf(id, NEVER_ARRIVED)).toEqual({ code: 'payment_looked_up', records: 0 });
    shop.clock.advance(RESEND_WITHIN_MS);
    expect(await settled(id, NEVER_ARRIVED)).toMatchObject({ outcome: 'never_arrived' });
  });

  test('one that a gateway is sending', async () => {
    shop.provider.fate = async () => await new Promise<never>(() => undefined);
    const token = await shop.card();
    void shop.pay({ token });
    await until(() => shop.provider.sent.length === 1);
    const [payment] = (await shop.desk.page(shop.actor, { token })).payments;
    expect(await refusalOf(payment?.id ?? '', NEVER_ARRIVED)).toEqual({
      code: 'payment_under_way',
      records: 0,
    });
  });

  test('one that a gateway holds', async () => {
    const id = await lostPayment();
    await execute(
      db.url,
      `update payment_attempts set holder = 'clm_other', lease_until = 'infinity' where payment_id = $1`,
      [id],
    );
    expect(await refusalOf(id, SUCCEEDED)).toEqual({ code: 'payment_under_way', records: 0 });
  });

  test('a card number in the reason', async () => {
    expect(await refusalOf(await lostPayment(), { ...DECLINED, reason: '4242 4242 4242 4242' })).toEqual({
      code: 'settlement_like_card',
      records: 0,
    });
  });

  test('a success without the name of the provider', async () => {
    expect(await refusalOf(await lostPayment(), { outcome: 'succeeded', reason: 'seen' })).toEqual({
      code: 'settlement_invalid',
      records: 0,
    });
  });
});

describe('the list of what is unsettled', () => {
  const listed = async () => await findUnsettledPayments(shop.dependencies(), shop.accountId);

  test('says what it is found by, and whether anything still tries', async () => {
    const id = await lostPayment();
    const refundedId = await lostRefund();
    const { providerReference } = { providerReference: (await shop.get(refundedId)).provider_reference };
    const [payment] = await shop.attempts(id);
    expect(await listed()).toMatchObject([
      {
        paymentId: id,
        operation: 'charge',
        amount: 4200,
        currency: 'EUR',
        providerId: 'prv_first',
        idempotencyKey: payment?.key,
        reference: 'order-1',
        providerReference: null,
        prospect: 'nobody',
      },
      { paymentId: refundedId, operation: 'refund', amount: 1000, providerReference, prospect: 'nobody' },
    ]);
    shop.provider.capabilities = ALL_CAPABILITIES;
    expect((await listed()).map(({ prospect }) => prospect)).toEqual(['lookup', 'lookup']);
    await settled(id, SUCCEEDED).catch(() => undefined);
    shop.provider.capabilities = { ...ALL_CAPABILITIES, recovery: 'replay' };
    await settled(id, SUCCEEDED);
    expect((await listed()).map(({ paymentId }) => paymentId)).toEqual([refundedId]);
  });

  test('names one whose provider is gone, and one that a gateway has under way', async () => {
    await lostPayment();
    const noProvider = { ...shop.directory, find: async () => await Promise.resolve(undefined) };
    const of = async (change: Parameters<Shop['dependencies']>[0]) =>
      (await findUnsettledPayments(shop.dependencies(change), shop.accountId)).map(
        ({ prospect }) => prospect,
      );
    expect(await of({ directory: noProvider })).toEqual(['nobody']);
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const directory = {
      ...shop.directory,
      find: async (accountId: string, providerId: string) => {
        await held;
        return await shop.directory.find(accountId, providerId);
      },
    };
    shop.clock.advance(60_000);
    const round = reconcileOnce(shop.dependencies({ directory, instanceId: 'reconciler' }));
    await until(async () => (await of({}))[0] === 'gateway');
    release();
    await round;
    expect(await of({})).toEqual(['nobody']);
  });
});
