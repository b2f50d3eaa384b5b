import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Database } from '../../../../src/db/database.ts';
import { databaseUnavailable } from '../../../../src/db/errors.ts';
import { RESEND_WITHIN_MS } from '../../../../src/workflows/payments/leases.ts';
import type { OnPaymentPoint, PaymentPoint } from '../../../../src/workflows/payments/points.ts';
import { createTestDatabase, execute, type TestDatabase } from '../../../support/database.ts';
import { createTestKeyRing, type TestKeyRing } from '../../../support/key-ring.ts';
import type { Fate } from '../../../support/ledger-provider.ts';
import { ALL_CAPABILITIES } from '../../../support/payment-provider.ts';
import { until } from '../world.ts';
import { AMOUNT, Shop } from './shop.ts';

/** A process is held up for so long that another one takes its work for lost, and then goes on. */

let db: TestDatabase;
let keys: TestKeyRing;
let shop: Shop;

beforeAll(async () => {
  db = await createTestDatabase({ poolSize: 8 });
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
  shop = await Shop.start(db, keys, 'first', 'second');
});

/** Longer than any lease of one send. */
const STALL_MS = 20_000;

interface Stall {
  readonly onPoint: OnPaymentPoint;
  stopped(): boolean;
  wake(): void;
}

function stallAt(where: PaymentPoint): Stall {
  let wake: () => void = () => undefined;
  let stopped = false;
  const waiting = new Promise<void>((resolve) => (wake = resolve));
  return {
    onPoint: async (point) => {
      if (point !== where || stopped) return;
      stopped = true;
      await waiting;
    },
    stopped: () => stopped,
    wake: () => wake(),
  };
}

/** What the provider does with a request is said later. */
function gate(): { fate: () => Promise<Fate>; say(fate: Fate): void; asked(): number } {
  const waiting: ((fate: Fate) => void)[] = [];
  return {
    fate: async () => await new Promise<Fate>((resolve) => waiting.push(resolve)),
    say: (fate) => waiting.splice(0).forEach((resolve) => resolve(fate)),
    asked: () => waiting.length,
  };
}

describe('a process that comes too late to send', () => {
  test('does not fail a payment that another process is sending', async () => {
    const token = await shop.card();
    const stall = stallAt('after_write');
    const paying = shop.open(stall).create(shop.actor, { purpose: 'charge', amount: AMOUNT, token });
    await until(() => stall.stopped());
    const provider = gate();
    shop.provider.fate = provider.fate;
    const round = shop.reconcile(STALL_MS);
    await until(() => provider.asked() === 1);
    stall.wake();
    const told = await paying;
    provider.say('answered');
    expect(await round).toBe(1);
    expect(told.status).toBe('unknown');
    expect(await shop.get(told.id)).toMatchObject({ status: 'captured', provider_reference: 'first-1' });
    expect(shop.provider.taken).toBe(AMOUNT.value);
    expect(shop.providers[1]?.sent).toEqual([]);
    expect((await shop.told()).map(({ type }) => type)).toEqual(['payment.unknown', 'payment.succeeded']);
  });

  test('does not tell of a refund as failed that another process is making', async () => {
    const { id } = await shop.pay();
    const stall = stallAt('after_write');
    const refunding = shop.open(stall).refund(shop.actor, id, { amount: 1000 });
    await until(() => stall.stopped());
    const provider = gate();
    shop.provider.fate = provider.fate;
    const round = shop.reconcile(STALL_MS);
    await until(() => provider.asked() === 1);
    stall.wake();
    expect(await refunding).toMatchObject({ pending: 'refund' });
    provider.say('answered');
    expect(await round).toBe(1);
    expect(await shop.get(id)).toMatchObject({ amount_refunded: { value: 1000 } });
    expect(shop.provider.entries('refund')).toHaveLength(1);
  });
});

describe('a request that was taken over before its process wrote anything', () => {
  test.each([
    ['in part', 1000],
    ['of all', AMOUNT.value],
  ])('is refunded once: %s', async (_name, amount) => {
    const { id } = await shop.pay();
    const claim = shop.claim();
    const stall = stallAt('before_write');
    const first = shop.open(stall).refund(shop.actor, id, { amount }, claim);
    await until(() => stall.stopped());
    const second = await shop.desk.refund(shop.actor, id, { amount }, { ...claim, takenOver: true });
    stall.wake();
    expect(await first).toEqual(second);
    expect(second).toMatchObject({ amount_refunded: { value: amount } });
    expect(shop.provider.entries('refund')).toHaveLength(1);
    expect(shop.provider.mistakes).toEqual([]);
  });

  test('is refused with what the other one came to', async () => {
    const { id } = await shop.pay();
    shop.provider.ledger.clear();
    const claim = shop.claim();
    const stall = stallAt('before_write');
    const first = shop.open(stall).refund(shop.actor, id, {}, claim);
    await until(() => stall.stopped());
    const refused = { code: 'payment_change_declined' };
    const second = shop.desk.refund(shop.actor, id, {}, { ...claim, takenOver: true });
    await expect(second).rejects.toMatchObject(refused);
    stall.wake();
    await expect(first).rejects.toMatchObject(refused);
    expect(shop.provider.sent).toHaveLength(2);
  });
});

test('a failure that is not on record is not told as one: another process may send what this one could not', async () => {
  const shop = await Shop.start(db, keys);
  const token = await shop.card();
  let down = false;
  const database: Database = {
    ...db.database,
    transaction: async (accountId, work) => {
      if (down) throw databaseUnavailable(new Error('gone'));
      return await db.database.transaction(accountId, work);
    },
  };
  shop.provider.fate = () => {
    down = true;
    return 'unavailable';
  };
  const told = await shop
    .open({ database, instanceId: 'dying' })
    .create(shop.actor, { purpose: 'charge', amount: AMOUNT, token });
  expect(told.status).toBe('unknown');
  // Its process ends before the database is back for it.
  shop.provider.fate = () => 'answered';
  await shop.reconcile(STALL_MS);
  expect(await shop.get(told.id)).toMatchObject({ status: 'captured' });
  expect(shop.provider.taken).toBe(AMOUNT.value);
});

test('an answer that comes after its payment was taken for never arrived is on record, and raises an alarm', async () => {
  const token = await shop.card();
  const provider = gate();
  shop.provider.fate = provider.fate;
  const paying = shop.desk.create(shop.actor, { purpose: 'charge', amount: AMOUNT, token });
  await until(() => provider.asked() === 1);
  await shop.reconcile(RESEND_WITHIN_MS + 1);
  await shop.reconcile(ALL_CAPABILITIES.absenceProvenAfterMs + 10_000);
  provider.say('answered');
  const told = await paying;
  // What was told is not taken back, and the money is at the provider.
  expect(told).toMatchObject({ status: 'failed', failure: 'never_arrived' });
  expect(shop.provider.taken).toBe(AMOUNT.value);
  const rows = await execute<{ reference: string; contradicted: boolean }>(
    db.url,
    `select provider_reference as reference, contradicted_at is not null as contradicted
     from payment_attempts where payment_id = $1`,
    [told.id],
  );
  expect(rows).toEqual([{ reference: 'first-1', contradicted: true }]);
  const audited = (await shop.audited()).filter(({ operation }) => operation === 'payment.contradiction');
  expect(audited.map(({ record }) => JSON.parse(record) as unknown)).toMatchObject([
    {
      result: 'failed',
      reason: 'contradicts_record',
      after: { state: 'failed', provider_says: 'succeeded' },
    },
  ]);
  expect(shop.logged.join('')).toContain('the provider contradicts what is on record of an attempt');
});
