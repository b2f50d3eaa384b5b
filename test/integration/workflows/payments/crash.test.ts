import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  PAYMENT_POINTS,
  type OnPaymentPoint,
  type PaymentPoint,
} from '../../../../src/workflows/payments/points.ts';
import { reconcileOnce } from '../../../../src/workflows/reconcile.ts';
import { abandonAttempts, interruptOrphans } from '../../../../src/workflows/recovery.ts';
import type { Database } from '../../../../src/db/database.ts';
import { createTestDatabase, execute, type TestDatabase } from '../../../support/database.ts';
import { createTestKeyRing, type TestKeyRing } from '../../../support/key-ring.ts';
import { LedgerProvider, type Fate } from '../../../support/ledger-provider.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { CARD, until, World } from '../world.ts';
import { AMOUNT, Shop } from './shop.ts';

let db: TestDatabase;
let keys: TestKeyRing;

beforeAll(async () => {
  db = await createTestDatabase({ poolSize: 8 });
  keys = await createTestKeyRing(db);
});
afterAll(async () => {
  await keys.close();
  await db.close();
});

interface Dying {
  readonly onPoint: OnPaymentPoint;
  readonly clock: ManualClock;
  readonly database: Database;
  died(): boolean;
}

const NEVER = new Promise<never>(() => undefined);

/** A process that stops for good at a point: what waits there never goes on, its clock stands still, it writes nothing. */
function dyingAt(where: PaymentPoint): Dying {
  let dead = false;
  const { database } = db;
  return {
    clock: new ManualClock(),
    died: () => dead,
    database: {
      ...database,
      transaction: async (accountId, work) =>
        dead ? await NEVER : await database.transaction(accountId, work),
      systemTransaction: async (work) => (dead ? await NEVER : await database.systemTransaction(work)),
    },
    onPoint: async (point) => {
      if (point !== where || dead) return;
      dead = true;
      // A transaction that is open when its process dies is rolled back by the server.
      if (point === 'before_commit') throw new Error('the process dies in the middle of a transaction');
      await NEVER;
    },
  };
}

const POINTS: readonly PaymentPoint[] = PAYMENT_POINTS;
/** What becomes of what the dying process has sent. */
const FATES: readonly Fate[] = ['answered', 'request_lost', 'unavailable'];
/** An outcome is only written when there is one. */
const CASES = POINTS.flatMap((point) => FATES.map((fate) => [point, fate] as const)).filter(
  ([point, fate]) => point !== 'before_commit' || fate !== 'request_lost',
);

const processOf = ({ onPoint, clock, database }: Dying) => ({ onPoint, clock, database });

/** Rounds until nothing is open any more, half a minute apart: three minutes prove that something never arrived. */
async function settle(shop: Shop): Promise<void> {
  for (let round = 0; round < 8; round += 1) await shop.reconcile(30_000);
}

interface Money {
  readonly status: string;
  readonly captured: number;
  readonly refunded: number;
}

async function paymentsOf(accountId: string): Promise<Money[]> {
  return await execute<Money>(
    db.url,
    `select status, amount_captured::int as captured, amount_refunded::int as refunded
     from payments where account_id = $1 order by created_at`,
    [accountId],
  );
}

/** What holds whatever has happened: the books of both sides agree, and nothing is open. */
async function expectBooksToAgree(accountId: string, provider: LedgerProvider): Promise<void> {
  const payments = await paymentsOf(accountId);
  const ours = payments.reduce((sum, { captured, refunded }) => sum + captured - refunded, 0);
  expect(ours).toBe(provider.taken);
  expect(payments.filter(({ status }) => status === 'unknown' || status === 'processing')).toEqual([]);
  const open = await execute(
    db.url,
    `select id from payment_attempts where account_id = $1 and state in ('processing', 'unknown')`,
    [accountId],
  );
  expect(open).toEqual([]);
  expect(provider.mistakes).toEqual([]);
}

describe('a process dies in the middle of a payment with a stored card', () => {
  test.each(CASES)('%s, and what it sent was %s: the client asks again', async (point, fate) => {
    const shop = await Shop.start(db, keys);
    const dying = dyingAt(point);
    shop.provider.fate = () => fate;
    const token = await shop.card();
    const claim = shop.claim();
    const request = { purpose: 'charge', amount: AMOUNT, token } as const;
    void shop
      .open({ ...processOf(dying), instanceId: 'dying' })
      .create(shop.actor, request, claim)
      .catch(() => undefined);
    await until(() => dying.died());
    shop.provider.fate = () => 'answered';
    // The next process under its name, and the client who has had no answer.
    await abandonAttempts(shop.dependencies(), 'dying');
    const again = await shop.desk.create(shop.actor, request, { ...claim, takenOver: true });
    await settle(shop);
    await expectBooksToAgree(shop.accountId, shop.provider);
    expect(shop.provider.taken).toBe(AMOUNT.value);
    expect(await paymentsOf(shop.accountId)).toHaveLength(1);
    expect(await shop.get(again.id)).toMatchObject({ status: 'captured' });
    expect(shop.provider.entries('charge')).toHaveLength(1);
  });

  test.each(CASES)('%s, and what it sent was %s: nobody asks again', async (point, fate) => {
    const shop = await Shop.start(db, keys);
    const dying = dyingAt(point);
    shop.provider.fate = () => fate;
    const token = await shop.card();
    void shop
      .open({ ...processOf(dying), instanceId: 'dying' })
      .create(shop.actor, { purpose: 'charge', amount: AMOUNT, token })
      .catch(() => undefined);
    await until(() => dying.died());
    shop.provider.fate = () => 'answered';
    // Its name never comes back: only its lease ends.
    shop.clock.advance(120_000);
    await settle(shop);
    await expectBooksToAgree(shop.accountId, shop.provider);
    expect(shop.provider.entries('charge').length).toBeLessThanOrEqual(1);
    // Nobody knows whether the client still wants what was not sent before its process died: it is on record, so yes.
    const taken = AMOUNT.value;
    expect(shop.provider.taken).toBe(point === 'before_write' ? 0 : taken);
  });
});

describe('a process dies in the middle of a refund', () => {
  test.each(CASES)('%s, and what it sent was %s', async (point, fate) => {
    const shop = await Shop.start(db, keys);
    const { id } = await shop.pay();
    const dying = dyingAt(point);
    shop.provider.fate = () => fate;
    const claim = shop.claim();
    void shop
      .open({ ...processOf(dying), instanceId: 'dying' })
      .refund(shop.actor, id, { amount: 1200 }, claim)
      .catch(() => undefined);
    await until(() => dying.died());
    shop.provider.fate = () => 'answered';
    await abandonAttempts(shop.dependencies(), 'dying');
    await shop.desk.refund(shop.actor, id, { amount: 1200 }, { ...claim, takenOver: true });
    await settle(shop);
    await expectBooksToAgree(shop.accountId, shop.provider);
    expect(await shop.get(id)).toMatchObject({
      status: 'partially_refunded',
      amount_refunded: { value: 1200 },
    });
    expect(shop.provider.entries('refund')).toHaveLength(1);
  });
});

describe('a process dies in the middle of a payment of a capture', () => {
  test.each(CASES)('%s, and what it sent was %s', async (point, fate) => {
    const world = await World.start(db);
    const ledger = new LedgerProvider();
    world.provider.onPay = async (request) => await ledger.pay(request);
    world.provider.onLookup = async (idempotencyKey) =>
      await ledger.lookup({ idempotencyKey, operation: 'charge', since: new Date(0) });
    ledger.fate = () => fate;
    const dying = dyingAt(point);
    const { onPoint, database } = dying;
    const captures = world.desk(database, 'dying', { onPoint });
    const { id } = await captures.create(world.actor, {
      call_id: world.call.callId,
      purpose: 'charge',
      amount: AMOUNT,
      auto_submit: true,
    });
    await until(async () => (await captures.get(world.actor, id)).status === 'collecting');
    world.calls.masking.keys('4242424242424242#1229123');
    await until(() => dying.died());
    ledger.fate = () => 'answered';
    const next = world.payments({ instanceId: 'dying' });
    await interruptOrphans(next, { instanceId: 'dying' });
    await abandonAttempts(next, 'dying');
    for (let round = 0; round < 8; round += 1) {
      world.clock.advance(30_000);
      await reconcileOnce(next);
    }
    await expectBooksToAgree(world.accountId, ledger);
    // The card has died with the process: what had not arrived by then is not sent again by anybody.
    expect(ledger.sent.length).toBeLessThanOrEqual(1);
    const payment = await world.payment(id);
    const arrived = ledger.entries('charge').length === 1;
    expect(payment?.status).toBe(arrived ? 'captured' : point === 'before_write' ? 'voided' : 'failed');
    const { view } = await world.row(id);
    expect(view.payment?.status ?? 'failed').toBe(arrived ? 'succeeded' : 'failed');
    const told = (await world.told(id)).filter((type) => type === 'payment.succeeded');
    expect(told).toHaveLength(arrived ? 1 : 0);
  });
});

test('a process that comes back from a long stop sends nothing any more', async () => {
  const shop = await Shop.start(db, keys);
  const token = await shop.card();
  let wake: () => void = () => undefined;
  let stopped = false;
  const onPoint: OnPaymentPoint = async (point) => {
    if (point !== 'after_write') return;
    stopped = true;
    await new Promise<void>((resolve) => (wake = resolve));
  };
  const paying = shop.open({ onPoint }).create(shop.actor, { purpose: 'charge', amount: AMOUNT, token });
  await until(() => stopped);
  shop.provider.fate = () => 'request_lost';
  shop.clock.advance(11_000);
  wake();
  expect(await paying).toMatchObject({ status: 'failed', failure: 'unavailable' });
  expect(shop.provider.sent).toEqual([]);
});

test('the card of a capture is not kept by anything that failed', async () => {
  const world = await World.start(db);
  const { id } = await world.collecting();
  world.calls.masking.keys(CARD);
  await world.captures.command(world.actor, id, { type: 'submit' });
  await world.ended(id);
  const rows = await execute<{ text: string }>(db.url, 'select t::text as text from payment_attempts t');
  expect(rows.map(({ text }) => text).join('\n')).not.toContain('40120010');
});
