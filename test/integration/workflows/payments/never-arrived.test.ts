import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { LEASE_MARGIN_MS, MOST_SENDS, RESEND_WITHIN_MS } from '../../../../src/workflows/payments/leases.ts';
import { reconcileOnce } from '../../../../src/workflows/reconcile.ts';
import { abandonAttempts } from '../../../../src/workflows/recovery.ts';
import { createTestDatabase, execute, type TestDatabase } from '../../../support/database.ts';
import { createTestKeyRing, type TestKeyRing } from '../../../support/key-ring.ts';
import type { Fate } from '../../../support/ledger-provider.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { ALL_CAPABILITIES } from '../../../support/payment-provider.ts';
import { until } from '../world.ts';
import { AMOUNT, Shop } from './shop.ts';

/** An attempt has never arrived only once its provider would have it by then: from when it could last have left. */

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
  shop = await Shop.start(db, keys);
});

/** What the provider promises, and what the clocks of two processes may differ by. */
const PROVEN_AFTER_MS = ALL_CAPABILITIES.absenceProvenAfterMs + LEASE_MARGIN_MS;

/** What is waited for: a payment, or a change of one. */
interface Waiting {
  /** Begins it. Resolves whatever comes of it. */
  begin(change?: Parameters<Shop['open']>[0]): Promise<unknown>;
  /** Where it stands. */
  state(): Promise<'open' | 'failed' | 'done'>;
  /** What the account was told of its end. */
  readonly ends: number;
}

async function aPayment(): Promise<Waiting> {
  const token = await shop.card();
  const found = async () => (await shop.desk.page(shop.actor, { token })).payments[0];
  return {
    begin: async (change) =>
      await shop.open(change).create(shop.actor, { purpose: 'charge', amount: AMOUNT, token }),
    state: async () => {
      const payment = await found();
      if (payment?.status === 'failed') expect(payment.failure).toBe('never_arrived');
      const states = { failed: 'failed', captured: 'done' } as const;
      return states[payment?.status as keyof typeof states] ?? 'open';
    },
    ends: 1,
  };
}

async function aChange(): Promise<Waiting> {
  const { id } = await shop.pay();
  shop.provider.sent.length = 0;
  return {
    begin: async (change) => await shop.open(change).refund(shop.actor, id, { amount: 1000 }),
    state: async () => {
      const payment = await shop.get(id);
      const last = (await shop.attempts(id)).find(({ operation }) => operation === 'refund');
      if (last?.state === 'failed') expect(last.failure).toBe('never_arrived');
      if (payment.pending !== undefined) return 'open';
      return payment.amount_refunded.value > 0 ? 'done' : 'failed';
    },
    // A change that failed has changed nothing, and there is nothing to tell of it.
    ends: 0,
  };
}

/** One round of a reconciler that leaves what it has looked at alone for a millisecond. */
const look = async (instanceId = 'reconciler'): Promise<number> =>
  await reconcileOnce({ ...shop.dependencies({ instanceId }), everyMs: 2 });

const moveTo = (ms: number): void => shop.clock.advance(ms - shop.clock.monotonicMs());

/** It goes out as often as it may, and no answer comes. Resolves with when the last one was given up. */
async function lost(waiting: Waiting): Promise<number> {
  let gaveUpMs = 0;
  const asked: ((fate: Fate) => void)[] = [];
  shop.provider.fate = async () => await new Promise<Fate>((resolve) => asked.push(resolve));
  const begun = waiting.begin();
  for (const wait of [500, 2000, 5000]) {
    await until(() => asked.length === 1);
    // It was on its way all that time.
    shop.clock.advance(700);
    gaveUpMs = shop.clock.monotonicMs();
    asked.pop()?.('request_lost');
    await until(() => shop.clock.pending > 0);
    shop.clock.advance(wait);
  }
  await begun;
  expect(shop.provider.sent).toHaveLength(MOST_SENDS);
  expect(await waiting.state()).toBe('open');
  shop.provider.fate = () => 'answered';
  return gaveUpMs;
}

describe.each([
  ['a payment', aPayment],
  ['a change of a payment', aChange],
])('%s', (_name, aWaiting) => {
  test('is open just before its time is over, and failed when it is', async () => {
    const waiting = await aWaiting();
    const gaveUpMs = await lost(waiting);
    moveTo(gaveUpMs + PROVEN_AFTER_MS - 1);
    expect(await look()).toBe(0);
    expect(await waiting.state()).toBe('open');
    moveTo(gaveUpMs + PROVEN_AFTER_MS);
    expect(await look()).toBe(1);
    expect(await waiting.state()).toBe('failed');
    expect((await shop.told()).filter(({ type }) => type === 'payment.failed')).toHaveLength(waiting.ends);
    expect(shop.provider.sent).toHaveLength(MOST_SENDS);
  });

  test('waits its whole time over a restart of the gateway that gave it up', async () => {
    const waiting = await aWaiting();
    const gaveUpMs = await lost(waiting);
    moveTo(gaveUpMs + PROVEN_AFTER_MS - 1);
    await abandonAttempts(shop.dependencies(), shop.accountId);
    expect(await look(shop.accountId)).toBe(0);
    expect(await waiting.state()).toBe('open');
    moveTo(gaveUpMs + PROVEN_AFTER_MS);
    await abandonAttempts(shop.dependencies(), shop.accountId);
    expect(await look(shop.accountId)).toBe(1);
    expect(await waiting.state()).toBe('failed');
  });

  test('of a gateway that died while it was on its way counts from when that is known', async () => {
    const waiting = await aWaiting();
    const never = new Promise<never>(() => undefined);
    shop.provider.fate = () => never;
    void waiting.begin({ instanceId: 'dying', clock: new ManualClock() });
    await until(() => shop.provider.sent.length === 1);
    // Nothing is sent again so late.
    moveTo(RESEND_WITHIN_MS + 1);
    await abandonAttempts(shop.dependencies(), 'dying');
    expect(await look()).toBe(0);
    moveTo(RESEND_WITHIN_MS + PROVEN_AFTER_MS);
    expect(await look()).toBe(0);
    expect(await waiting.state()).toBe('open');
    moveTo(RESEND_WITHIN_MS + 1 + PROVEN_AFTER_MS);
    expect(await look()).toBe(1);
    expect(await waiting.state()).toBe('failed');
  });

  test('counts from when the last one that waited gave up, whoever had taken it meanwhile', async () => {
    const waiting = await aWaiting();
    let lose: (fate: Fate) => void = () => undefined;
    shop.provider.fate = async () => await new Promise<Fate>((resolve) => (lose = resolve));
    const begun = waiting.begin();
    await until(() => shop.provider.sent.length === 1);
    // Its process was held up, and its lease is over: another one takes it for lost.
    moveTo(RESEND_WITHIN_MS + 1);
    expect(await look()).toBe(0);
    shop.clock.advance(30_000);
    const gaveUpMs = shop.clock.monotonicMs();
    lose('request_lost');
    for (const wait of [500, 2000, 5000]) {
      await until(() => shop.clock.pending > 0);
      shop.clock.advance(wait);
    }
    await begun;
    expect(shop.provider.sent).toHaveLength(1);
    moveTo(gaveUpMs + PROVEN_AFTER_MS - 1);
    expect(await look()).toBe(0);
    expect(await waiting.state()).toBe('open');
    moveTo(gaveUpMs + PROVEN_AFTER_MS);
    expect(await look()).toBe(1);
    expect(await waiting.state()).toBe('failed');
  });

  test('is failed by one of two reconcilers, once', async () => {
    const waiting = await aWaiting();
    const gaveUpMs = await lost(waiting);
    moveTo(gaveUpMs + PROVEN_AFTER_MS - 1);
    expect(await Promise.all([look('one'), look('two')])).toEqual([0, 0]);
    expect(await waiting.state()).toBe('open');
    moveTo(gaveUpMs + PROVEN_AFTER_MS);
    const settled = await Promise.all([look('one'), look('two')]);
    expect(settled.reduce((sum, count) => sum + count, 0)).toBe(1);
    expect(await waiting.state()).toBe('failed');
    const outcomes = (await shop.audited()).filter(
      ({ record }) => (JSON.parse(record) as { reason?: string }).reason === 'never_arrived',
    );
    expect(outcomes).toHaveLength(1);
  });

  test('is not failed by a reconciler that lost it to another while it asked', async () => {
    const waiting = await aWaiting();
    const gaveUpMs = await lost(waiting);
    moveTo(gaveUpMs + PROVEN_AFTER_MS);
    const answers: (() => void)[] = [];
    shop.provider.lookup = async () => {
      await new Promise<void>((resolve) => answers.push(resolve));
      return undefined;
    };
    const slow = look('slow');
    await until(() => answers.length === 1);
    // Its lease is over.
    shop.clock.advance(60_000);
    const next = look('next');
    await until(() => answers.length === 2);
    answers[0]?.();
    expect(await slow).toBe(0);
    expect(await waiting.state()).toBe('open');
    answers[1]?.();
    expect(await next).toBe(1);
    expect(await waiting.state()).toBe('failed');
  });

  test('that arrived after all is found at the last moment', async () => {
    const waiting = await aWaiting();
    shop.provider.fate = () => 'answer_lost';
    shop.provider.answersLookups = () => false;
    const begun = waiting.begin();
    for (const wait of [500, 2000, 5000]) {
      await until(() => shop.clock.pending > 0);
      shop.clock.advance(wait);
    }
    await begun;
    shop.provider.answersLookups = () => true;
    shop.clock.advance(PROVEN_AFTER_MS + RESEND_WITHIN_MS);
    expect(await look()).toBe(1);
    expect(await waiting.state()).toBe('done');
  });
});
