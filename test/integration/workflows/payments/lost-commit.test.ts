import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Database } from '../../../../src/db/database.ts';
import { databaseUnavailable } from '../../../../src/db/errors.ts';
import { createPaymentDesk } from '../../../../src/workflows/payments/desk.ts';
import { reconcileOnce } from '../../../../src/workflows/reconcile.ts';
import { Idempotency } from '../../../../src/workflows/idempotency.ts';
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts';
import { createTestKeyRing, type TestKeyRing } from '../../../support/key-ring.ts';
import { testVault } from '../../../support/vault-cards.ts';
import { CARD, CHARGE, World } from '../world.ts';
import { AMOUNT, Shop } from './shop.ts';

let db: TestDatabase;
let keys: TestKeyRing;

beforeAll(async () => {
  db = await createTestDatabase({ poolSize: 6 });
  keys = await createTestKeyRing(db);
});
afterAll(async () => {
  await keys.close();
  await db.close();
});

/** The server goes away once it has committed the transaction that writes an attempt: nobody hears of the commit. */
function losingOneCommit(database: Database, which = 1): Database {
  let attempts = 0;
  return {
    ...database,
    async transaction(accountId, work) {
      let attempt = false;
      const result = await database.transaction(accountId, async (db) => {
        const watched: typeof db = {
          query: async (text, values) => {
            attempt ||= text.includes('INSERT INTO payment_attempts');
            return await db.query(text, values);
          },
        };
        return await work(watched);
      });
      if (!attempt) return result;
      attempts += 1;
      if (attempts !== which) return result;
      throw databaseUnavailable(new Error('Connection terminated unexpectedly'));
    },
  };
}

describe('the answer to a commit is lost', () => {
  test('and the client asks again: there is one payment, and it is sent once', async () => {
    const shop = await Shop.start(db, keys);
    const idempotency = new Idempotency({ ...shop.dependencies() });
    const token = await shop.card();
    const body = { purpose: 'charge', amount: AMOUNT, token } as const;
    const request = {
      key: 'order-1',
      operation: 'createPayment',
      method: 'POST',
      path: '/v1/payments',
      body,
    };
    const desk = createPaymentDesk(shop.dependencies({ database: losingOneCommit(db.database) }));

    const first = await idempotency.begin(shop.actor, request);
    if (!('claim' in first)) throw new Error('the key was used');
    await expect(desk.create(shop.actor, body, first.claim)).rejects.toMatchObject({
      code: 'database_unavailable',
    });
    expect(shop.provider.ledger.size).toBe(0);
    await idempotency.abandon(first.claim);

    const second = await idempotency.begin(shop.actor, request);
    if (!('claim' in second)) throw new Error('the key was not given back');
    expect(second.claim).toMatchObject({ id: first.claim.id, takenOver: true });
    const payment = await desk.create(shop.actor, body, second.claim);
    await shop.reconcile(60_000);
    expect(await shop.get(payment.id)).toMatchObject({ status: 'captured' });
    expect(shop.provider.ledger.size).toBe(1);
  });

  test('and the same of a refund in part: it is made once', async () => {
    const shop = await Shop.start(db, keys);
    const idempotency = new Idempotency({ ...shop.dependencies() });
    const { id } = await shop.pay();
    const body = { amount: 1000 };
    const path = `/v1/payments/${id}/refund`;
    const request = { key: 'refund-1', operation: 'refundPayment', method: 'POST', path, body };
    const desk = createPaymentDesk(shop.dependencies({ database: losingOneCommit(db.database) }));

    const first = await idempotency.begin(shop.actor, request);
    if (!('claim' in first)) throw new Error('the key was used');
    await expect(desk.refund(shop.actor, id, body, first.claim)).rejects.toMatchObject({
      code: 'database_unavailable',
    });
    await idempotency.abandon(first.claim);
    await shop.reconcile(60_000);
    expect(await shop.get(id)).toMatchObject({ amount_refunded: { value: 1000 } });

    const second = await idempotency.begin(shop.actor, request);
    if (!('claim' in second)) throw new Error('the key was not given back');
    expect(await desk.refund(shop.actor, id, body, second.claim)).toMatchObject({
      status: 'partially_refunded',
      amount_refunded: { value: 1000 },
    });
  });

  test('and it was of the attempt at the next provider: it is not told as failed, and settled', async () => {
    const shop = await Shop.start(db, keys, 'first', 'second');
    const [first, second] = shop.providers;
    if (first !== undefined) first.fate = () => 'unavailable';
    const body = { purpose: 'charge', amount: AMOUNT, token: await shop.card() } as const;
    const desk = createPaymentDesk(shop.dependencies({ database: losingOneCommit(db.database, 2) }));
    const payment = await desk.create(shop.actor, body);
    expect(payment).toMatchObject({ status: 'unknown' });
    expect([first?.ledger.size, second?.ledger.size]).toEqual([0, 0]);
    await shop.reconcile(60_000);
    expect(await shop.get(payment.id)).toMatchObject({ status: 'captured', provider: { id: 'prv_second' } });
    expect([first?.ledger.size, second?.ledger.size]).toEqual([0, 1]);
  });

  test('and a capture whose card is in the vault by then is told as failed: it stays failed, and nothing is sent', async () => {
    const vault = testVault(db, keys.keyRing);
    const world = await World.start(db, { vault, database: losingOneCommit(db.database) });
    const { id } = await world.collecting({
      ...CHARGE,
      purpose: 'charge_and_save',
      token_storage: 'vault',
    });
    world.calls.masking.keys(CARD);
    await world.captures.command(world.actor, id, { type: 'submit' });
    await world.ended(id);
    const { view } = await world.row(id);
    expect(view).toMatchObject({ status: 'failed', payment: { status: 'failed' } });
    // The lease is over, and after that the time in which the provider could still have got it.
    for (const ms of [60_000, 120_000]) {
      world.clock.advance(ms);
      await reconcileOnce(world.payments());
    }
    expect(world.provider.requests).toEqual([]);
    expect(await world.payment(id)).toMatchObject({ status: 'failed' });
  });
});
