import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { PaymentDetails, PaymentDesk } from '../../../../src/workflows/payments/contract.ts';
import type { HandSettlement } from '../../../../src/workflows/payments/hand-settlement.ts';
import { RESEND_WITHIN_MS } from '../../../../src/workflows/payments/leases.ts';
import type { OnPaymentPoint } from '../../../../src/workflows/payments/points.ts';
import { settleByHand } from '../../../../src/workflows/payments/settle-by-hand.ts';
import { findUnsettledPayments } from '../../../../src/workflows/payments/unsettled.ts';
import type { ProviderChanges } from '../../../../src/workflows/providers/contract.ts';
import { Providers } from '../../../../src/workflows/providers/desk.ts';
import { Directory } from '../../../../src/workflows/providers/directory.ts';
import { startReconciler } from '../../../../src/workflows/reconcile.ts';
import { createTestDatabase, execute, type TestDatabase } from '../../../support/database.ts';
import { createTestKeyRing, type TestKeyRing } from '../../../support/key-ring.ts';
import type { Fate, LedgerProvider } from '../../../support/ledger-provider.ts';
import { Merchants } from '../../../support/merchants.ts';
import { ALL_CAPABILITIES } from '../../../support/payment-provider.ts';
import { until } from '../world.ts';
import { AMOUNT, Shop } from './shop.ts';

/** An account configures its provider anew while nobody knows what became of a payment: nothing is taken twice. */

let db: TestDatabase;
let keys: TestKeyRing;
let shop: Shop;
let merchants: Merchants;
let first: LedgerProvider;
let second: LedgerProvider;
/** The process that takes the payments, and another one. */
let paying: Directory;
let elsewhere: Directory;
let providers: Providers;
let providerId: string;

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
  merchants = new Merchants();
  first = merchants.of('first');
  second = merchants.of('second');
  paying = gateway();
  elsewhere = gateway();
  providers = new Providers({ ...installation(), directory: elsewhere, clock: shop.clock });
  const configuration = { merchant: 'first', secret_key: 'one' };
  const request = { kind: 'ledger', name: 'Main', mode: 'test' as const, configuration };
  providerId = (await providers.create(shop.actor, request)).id;
});
afterEach(async () => {
  await Promise.all([paying.close(), elsewhere.close()]);
});

const installation = () => ({ database: db.database, ring: keys.keyRing, kinds: [merchants] });

function gateway(): Directory {
  const { clock, logger } = shop;
  return new Directory({ ...installation(), dependencies: { clock, logger, timeoutMs: 1000 } });
}

const configure = async (changes: ProviderChanges): Promise<void> =>
  void (await providers.update(shop.actor, providerId, changes));

const toSecond = async (): Promise<void> => await configure({ configuration: { merchant: 'second' } });

/** The process that takes payments hears of what has changed. */
const heard = async (): Promise<void> => void (await paying.find(shop.accountId, providerId));

const desk = (onPoint?: OnPaymentPoint): PaymentDesk =>
  shop.open({ directory: paying, ...(onPoint && { onPoint }) });

async function pay(onPoint?: OnPaymentPoint): Promise<PaymentDetails> {
  const request = { purpose: 'charge' as const, amount: AMOUNT, token: await shop.card() };
  return await desk(onPoint).create(shop.actor, request);
}

/** Asks for something whose request has this fate, and which its provider tells nothing about while it is pursued. */
async function unanswered<T>(merchant: LedgerProvider, fate: Fate, asked: () => Promise<T>): Promise<T> {
  merchant.fate = () => fate;
  merchant.answersLookups = () => false;
  const answer = asked();
  for (const ms of [500, 2000, 5000]) {
    await until(() => shop.clock.pending > 0);
    shop.clock.advance(ms);
  }
  const given = await answer;
  merchant.fate = () => 'answered';
  merchant.answersLookups = () => true;
  return given;
}

const rounds = async (): Promise<void> => {
  for (const directory of [paying, elsewhere]) {
    await shop.reconcile(30_000, { directory });
    await shop.reconcile(RESEND_WITHIN_MS + ALL_CAPABILITIES.absenceProvenAfterMs, { directory });
  }
};

const unsettled = async () =>
  await findUnsettledPayments(shop.dependencies({ directory: elsewhere }), shop.accountId);

const settled = async (paymentId: string, asked: HandSettlement) =>
  await settleByHand(shop.dependencies({ directory: elsewhere }), 'olga', paymentId, asked);

const SUCCEEDED: HandSettlement = {
  outcome: 'succeeded',
  providerReference: 'first-1',
  reason: 'seen at the first merchant',
};

interface Open {
  /** Of the payment. */
  readonly id: string;
  readonly isOpen: () => Promise<boolean>;
}

async function aPayment(fate: Fate): Promise<Open> {
  const { id } = await unanswered(first, fate, pay);
  return { id, isOpen: async () => (await shop.get(id)).status === 'unknown' };
}

async function aChange(fate: Fate): Promise<Open> {
  const { id } = await pay();
  await unanswered(first, fate, async () => await desk().refund(shop.actor, id, { amount: 1000 }));
  return { id, isOpen: async () => (await shop.get(id)).pending === 'refund' };
}

describe.each([
  ['a payment', aPayment],
  ['a change of a payment', aChange],
])('%s whose provider is changed meanwhile', (_name, begin) => {
  test.each(['answer_lost', 'request_lost'] as const)(
    'to another merchant is open until people look: %s',
    async (fate) => {
      const { id, isOpen } = await begin(fate);
      expect(await isOpen()).toBe(true);
      const arrived = first.sent.length;
      await toSecond();
      await rounds();
      expect(await isOpen()).toBe(true);
      // It was asked after, and that nothing is there proved nothing.
      expect(second.lookups.length).toBeGreaterThan(0);
      expect(second.sent).toEqual([]);
      expect(first.sent).toHaveLength(arrived);
      expect(await unsettled()).toMatchObject([{ paymentId: id, prospect: 'reconfigured' }]);
      const asked: HandSettlement =
        fate === 'answer_lost'
          ? SUCCEEDED
          : { outcome: 'never_arrived', reason: 'not at the first merchant' };
      expect(await settled(id, asked)).toMatchObject({ outcome: asked.outcome, repeated: false });
      expect(await isOpen()).toBe(false);
      expect(await unsettled()).toEqual([]);
      await rounds();
      expect(first.mistakes).toEqual([]);
      expect([first.sent.length, second.sent.length]).toEqual([arrived, 0]);
    },
  );

  test('is not sent again either where the provider cannot be asked', async () => {
    first.capabilities = { ...ALL_CAPABILITIES, recovery: 'replay' };
    second.capabilities = first.capabilities;
    // Its process is gone before it could send it again.
    const { id, isOpen } = await begin('answer_lost');
    expect(await isOpen()).toBe(true);
    await execute(db.url, 'update payment_attempts set sends = 1 where payment_id = $1', [id]);
    await toSecond();
    await rounds();
    expect(await isOpen()).toBe(true);
    expect([second.sent, second.lookups]).toEqual([[], []]);
    expect(await unsettled()).toMatchObject([{ prospect: 'reconfigured' }]);
  });

  test('is found by what comes after under the first merchant', async () => {
    const { isOpen } = await begin('answer_lost');
    expect(await isOpen()).toBe(true);
    await toSecond();
    await rounds();
    await configure({ configuration: { merchant: 'first' } });
    expect((await unsettled())[0]?.prospect).toBe('reconfigured');
    expect(await shop.reconcile(30_000, { directory: elsewhere })).toBe(1);
    expect(await isOpen()).toBe(false);
  });

  test('is found where only a secret was replaced, and not sent again where it is not', async () => {
    const found = await begin('answer_lost');
    expect(await found.isOpen()).toBe(true);
    await configure({ configuration: { secret_key: 'two' } });
    expect(await shop.reconcile(1, { directory: elsewhere })).toBe(1);
    expect(await found.isOpen()).toBe(false);
    const lost = await begin('request_lost');
    const arrived = first.sent.length;
    await configure({ configuration: { secret_key: 'three' } });
    await rounds();
    expect(await lost.isOpen()).toBe(true);
    expect(first.sent).toHaveLength(arrived);
  });

  test.each<[string, ProviderChanges]>([
    ['its name', { name: 'Other' }],
    ['its state', { state: 'disabled' }],
    ['nothing', { configuration: { merchant: 'first', secret_key: 'one' } }],
  ])('is sent again as ever when %s has changed', async (_what, changes) => {
    const { isOpen } = await begin('request_lost');
    expect(await isOpen()).toBe(true);
    const arrived = first.sent.length;
    await configure(changes);
    expect((await unsettled())[0]?.prospect).toBe('lookup');
    expect(await shop.reconcile(1, { directory: elsewhere })).toBe(1);
    expect(await isOpen()).toBe(false);
    expect(first.sent).toHaveLength(arrived + 1);
  });

  test('never arrived when its provider was deleted and says so', async () => {
    const { id, isOpen } = await begin('request_lost');
    expect(await isOpen()).toBe(true);
    await providers.remove(shop.actor, providerId);
    await shop.reconcile(RESEND_WITHIN_MS + 1, { directory: elsewhere });
    await shop.reconcile(ALL_CAPABILITIES.absenceProvenAfterMs, { directory: elsewhere });
    expect(await isOpen()).toBe(false);
    const failed = (await shop.attempts(id)).filter(({ state }) => state === 'failed');
    expect(failed).toMatchObject([{ failure: 'never_arrived' }]);
  });
});

test('money moves once over both merchants', async () => {
  const { id } = await unanswered(first, 'answer_lost', pay);
  await toSecond();
  await rounds();
  await settled(id, SUCCEEDED);
  expect(await shop.get(id)).toMatchObject({ status: 'captured', provider_reference: 'first-1' });
  expect([first.taken, second.taken]).toEqual([AMOUNT.value, 0]);
});

test('the log says once why nothing is sent again', async () => {
  await unanswered(first, 'answer_lost', pay);
  await toSecond();
  const everyMs = 30_000;
  const reconciler = startReconciler({
    ...shop.dependencies({ directory: elsewhere, instanceId: 'reconciler' }),
    everyMs,
  });
  for (let round = 1; round <= 3; round += 1) {
    await until(() => second.lookups.length === round && shop.clock.pending > 0);
    shop.clock.advance(everyMs);
  }
  await until(() => second.lookups.length === 4);
  await reconciler.stop();
  const lines = shop.logged.filter((line) => line.includes('configured otherwise'));
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain(providerId);
});

test('an attempt from before its configuration was kept is not sent again', async () => {
  const { id } = await unanswered(first, 'request_lost', pay);
  await execute(db.url, 'update payment_attempts set configuration_version = null where payment_id = $1', [
    id,
  ]);
  await rounds();
  expect(first.sent).toHaveLength(1);
  expect(await unsettled()).toMatchObject([{ paymentId: id, prospect: 'reconfigured' }]);
});

describe('a provider that is configured anew while the card is at hand', () => {
  async function elapse(ms: number): Promise<void> {
    await until(() => shop.clock.pending > 0);
    shop.clock.advance(ms);
  }

  test('gets nothing of what went to the one before', async () => {
    first.fate = () => 'answer_lost';
    first.answersLookups = () => false;
    const asked = pay();
    await elapse(500);
    await until(() => first.lookups.length === 1);
    await toSecond();
    await heard();
    await elapse(2000);
    await until(() => second.lookups.length === 1);
    await elapse(5000);
    const { id, status } = await asked;
    expect(status).toBe('unknown');
    expect(second.lookups).toHaveLength(2);
    expect([first.sent.length, second.sent.length]).toEqual([1, 0]);
    await rounds();
    expect(await shop.get(id)).toMatchObject({ status: 'unknown' });
    expect([first.taken, second.taken]).toEqual([AMOUNT.value, 0]);
    expect(shop.logged.filter((line) => line.includes('configured otherwise')).length).toBeGreaterThan(0);
  });

  test('gets nothing that the one before says at that moment it never saw', async () => {
    first.fate = () => 'request_lost';
    const answers: (() => void)[] = [];
    first.lookup = async () => {
      await new Promise<void>((resolve) => answers.push(resolve));
      return undefined;
    };
    const asked = pay();
    await elapse(500);
    await until(() => answers.length === 1);
    await toSecond();
    await heard();
    answers[0]?.();
    await elapse(2000);
    await elapse(5000);
    expect(await asked).toMatchObject({ status: 'unknown' });
    expect([first.sent.length, second.sent.length]).toEqual([1, 0]);
  });

  test('is not sent the same request again where it cannot be asked', async () => {
    for (const merchant of [first, second]) {
      merchant.capabilities = { ...ALL_CAPABILITIES, recovery: 'replay' };
    }
    first.fate = () => 'answer_lost';
    const asked = pay();
    await until(() => first.sent.length === 1);
    await toSecond();
    await heard();
    await elapse(500);
    expect(await asked).toMatchObject({ status: 'unknown' });
    expect([first.taken, second.taken]).toEqual([AMOUNT.value, 0]);
    expect(second.sent).toEqual([]);
  });

  test('is found where it went, when it went to the new one', async () => {
    second.fate = () => 'answer_lost';
    second.answersLookups = () => false;
    let moved = false;
    const asked = pay(async (point) => {
      if (point !== 'after_write' || moved) return;
      moved = true;
      await toSecond();
      await heard();
    });
    for (const ms of [500, 2000, 5000]) await elapse(ms);
    const { id } = await asked;
    expect([first.sent.length, second.sent.length]).toEqual([0, 1]);
    second.answersLookups = () => true;
    expect(await shop.reconcile(1, { directory: elsewhere })).toBe(1);
    expect(await shop.get(id)).toMatchObject({ status: 'captured', provider_reference: 'second-1' });
    expect([first.taken, second.taken]).toEqual([0, AMOUNT.value]);
  });
});
