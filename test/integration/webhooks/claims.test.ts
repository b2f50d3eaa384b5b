import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Queryable } from '../../../src/db/database.ts';
import {
  claimDelivery,
  isHeldUp,
  settleDelivery,
  type Delivery,
} from '../../../src/events/webhooks/delivery-store.ts';
import { recoverDeliveries } from '../../../src/workflows/webhooks/deliver.ts';
import { execute } from '../../support/database.ts';
import { ACCOUNT, ACTOR, captureEvent, makeBench, type Bench } from './bench.ts';

const LEASE_MS = 60_000;

let bench: Bench;

beforeEach(async () => {
  bench = await makeBench();
});

afterEach(() => bench.close());

const inAccount = async <T>(work: (db: Queryable) => Promise<T>): Promise<T> =>
  await bench.db.database.transaction(ACCOUNT, work);

async function oneDelivery(): Promise<string> {
  const { id } = await bench.desk.create(ACTOR, { url: 'https://one.example.com/' });
  await bench.tell(captureEvent('capture.failed', bench.clock.now()));
  const [delivery] = (await bench.desk.deliveries(ACTOR, id, {})).deliveries;
  if (delivery === undefined) throw new Error('no delivery');
  return delivery.id;
}

/** Takes the delivery on at this moment; undefined when it may not be. */
const claim = async (deliveryId: string): Promise<Delivery | undefined> => {
  const now = bench.clock.now();
  return await inAccount(
    async (db) => await claimDelivery(db, deliveryId, now, new Date(now.getTime() + LEASE_MS)),
  );
};

describe('a delivery that a process has taken on', () => {
  test('is no other’s until the lease has run out', async () => {
    const id = await oneDelivery();
    expect(await claim(id)).toMatchObject({ attempts: 1, tries: 1 });
    expect(await claim(id)).toBeUndefined();
    bench.clock.advance(LEASE_MS - 1);
    expect(await claim(id)).toBeUndefined();
    bench.clock.advance(1);
    expect(await claim(id)).toMatchObject({ attempts: 2, tries: 2 });
  });

  test('is settled by whoever has it now, not by the one that was too slow', async () => {
    const id = await oneDelivery();
    const slow = await claim(id);
    bench.clock.advance(LEASE_MS);
    const current = await claim(id);
    if (slow === undefined || current === undefined) throw new Error('it was not to be had');
    const at = bench.clock.now();
    const settle = async (by: Delivery, state: 'delivered' | 'given_up'): Promise<boolean> =>
      await inAccount(async (db) => await settleDelivery(db, by, { state, at }));
    expect(await settle(slow, 'given_up')).toBe(false);
    expect(await bench.states()).toEqual([{ state: 'pending', attempts: 2 }]);
    expect(await settle(current, 'delivered')).toBe(true);
    expect(await settle(current, 'given_up')).toBe(false);
    expect(await bench.states()).toEqual([{ state: 'delivered', attempts: 2 }]);
  });

  test('and that failed is nobody’s before its time', async () => {
    const id = await oneDelivery();
    const first = await claim(id);
    if (first === undefined) throw new Error('it was not to be had');
    const nextAttemptAt = new Date(bench.clock.now().getTime() + 5000);
    await inAccount(async (db) => await settleDelivery(db, first, { nextAttemptAt }));
    bench.clock.advance(4999);
    expect(await claim(id)).toBeUndefined();
    bench.clock.advance(1);
    expect(await claim(id)).toMatchObject({ attempts: 2 });
  });
});

test('whether an earlier delivery is in the way is told once the one that is being settled is settled', async () => {
  const { id } = await bench.desk.create(ACTOR, { url: 'https://one.example.com/' });
  const at = bench.clock.now();
  await bench.tell(captureEvent('capture.securing', at), captureEvent('capture.collecting', at));
  const [later, earlier] = (await bench.desk.deliveries(ACTOR, id, {})).deliveries;
  const taken = await claim(earlier?.id ?? '');
  if (taken === undefined || later === undefined) throw new Error('it was not to be had');
  expect(await inAccount(async (db) => await isHeldUp(db, later.id))).toBe(true);

  let answer: Promise<boolean> | undefined;
  let answered = false;
  await inAccount(async (db) => {
    await settleDelivery(db, taken, { state: 'delivered', at });
    answer = inAccount(async (other) => await isHeldUp(other, later.id)).finally(() => {
      answered = true;
    });
    // It waits for this transaction, or it does not wait at all.
    await expect.poll(async () => answered || (await isAnyoneWaiting()), { timeout: 30_000 }).toBe(true);
  });
  expect(await answer).toBe(false);
});

async function isAnyoneWaiting(): Promise<boolean> {
  const rows = await execute(bench.db.url, 'select 1 from pg_locks where not granted');
  return rows.length > 0;
}

test('a delivery is asked for again of its own endpoint only', async () => {
  const one = await bench.desk.create(ACTOR, { url: 'https://one.example.com/' });
  const two = await bench.desk.create(ACTOR, { url: 'https://two.example.com/' });
  await bench.tell(captureEvent('capture.failed', bench.clock.now()));
  const [ofOne] = (await bench.desk.deliveries(ACTOR, one.id, {})).deliveries;
  await expect(bench.desk.replay(ACTOR, two.id, ofOne?.id ?? '')).rejects.toMatchObject({
    code: 'delivery_not_found',
  });
  expect(await bench.desk.replay(ACTOR, one.id, ofOne?.id ?? '')).toMatchObject({ webhook_id: one.id });
});

test('what waits for a disabled endpoint has lost no job', async () => {
  const { id } = await bench.desk.create(ACTOR, { url: 'https://one.example.com/' });
  await bench.tell(captureEvent('capture.failed', bench.clock.now()));
  await bench.desk.update(ACTOR, id, { enabled: false });
  bench.clock.advance(31_000);
  expect(await recoverDeliveries(bench.deliver)).toBe(0);
  await bench.desk.update(ACTOR, id, { enabled: true });
  bench.clock.advance(31_000);
  expect(await recoverDeliveries(bench.deliver)).toBe(1);
});
