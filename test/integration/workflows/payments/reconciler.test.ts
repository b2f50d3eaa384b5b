import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ALL_CAPABILITIES } from '../../../support/payment-provider.ts';
import { createTestDatabase, execute, type TestDatabase } from '../../../support/database.ts';
import { createTestKeyRing, type TestKeyRing } from '../../../support/key-ring.ts';
import type { Fate } from '../../../support/ledger-provider.ts';
import type { PaymentDetails } from '../../../../src/workflows/payments/contract.ts';
import { MOST_SENDS, RESEND_WITHIN_MS } from '../../../../src/workflows/payments/leases.ts';
import { until } from '../world.ts';
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
  // What another test has left open is none of this one's business.
  await execute(
    db.url,
    `update payment_attempts set lease_until = 'infinity' where state in ('processing', 'unknown')`,
  );
  shop = await Shop.start(db, keys);
});

/** A payment whose one request had this fate, and whose process can be asked no more. */
async function lost(fate: Fate, change: Parameters<Shop['pay']>[0] = {}): Promise<PaymentDetails> {
  shop.provider.fate = () => fate;
  shop.provider.answersLookups = () => false;
  const paying = shop.pay(change);
  for (const ms of [500, 2000, 5000]) {
    await until(() => shop.clock.pending > 0);
    shop.clock.advance(ms);
  }
  const payment = await paying;
  expect(payment.status).toBe('unknown');
  shop.provider.fate = () => 'answered';
  shop.provider.answersLookups = () => true;
  return payment;
}

describe('several processes at once', () => {
  test('settle each attempt once, and tell of it once', async () => {
    const payments: PaymentDetails[] = [];
    for (let n = 0; n < 6; n += 1) payments.push(await lost('answer_lost'));
    const rounds = await Promise.all(
      ['one', 'two', 'three'].map(async (instanceId) => await shop.reconcile(0, { instanceId })),
    );
    expect(rounds.reduce((sum, settled) => sum + settled, 0)).toBe(6);
    for (const { id } of payments) expect(await shop.get(id)).toMatchObject({ status: 'captured' });
    expect(shop.provider.sent).toHaveLength(6);
    const told = (await shop.told()).filter(({ type }) => type === 'payment.succeeded');
    expect(told).toHaveLength(6);
    const settled = (await shop.audited()).filter(({ operation }) => operation === 'payment.outcome');
    // Each is unknown first, and known then.
    expect(settled).toHaveLength(12);
  });

  test('do not disturb each other: what one has taken, another passes over', async () => {
    const { id } = await lost('request_lost');
    let release: (fate: Fate) => void = () => undefined;
    shop.provider.fate = async () => await new Promise<Fate>((resolve) => (release = resolve));
    const first = shop.reconcile(0, { instanceId: 'one' });
    await until(() => shop.provider.sent.length === 2);
    const before = shop.provider.lookups.length;
    expect(await shop.reconcile(0, { instanceId: 'two' })).toBe(0);
    expect(shop.provider.lookups).toHaveLength(before);
    release('answered');
    expect(await first).toBe(1);
    expect(await shop.get(id)).toMatchObject({ status: 'captured' });
  });

  test('a provider that does not answer keeps nobody else waiting', async () => {
    shop = await Shop.start(db, keys, 'slow', 'quick');
    const [slow, quick] = shop.providers;
    for (const provider of shop.providers) {
      provider.fate = () => 'answer_lost';
      provider.answersLookups = () => false;
    }
    const paying = [
      shop.pay({ provider_token: 'card-1', provider_id: 'prv_slow' }),
      shop.pay({ provider_token: 'card-2', provider_id: 'prv_quick' }),
    ];
    for (const ms of [500, 2000, 5000]) {
      await until(() => shop.clock.pending === 2);
      shop.clock.advance(ms);
    }
    const [ofSlow, ofQuick] = await Promise.all(paying);
    quick!.answersLookups = () => true;
    let release: (outcome: undefined) => void = () => undefined;
    const asked = slow!.lookups.length;
    slow!.lookup = async () => {
      slow!.lookups.push('again');
      return await new Promise<undefined>((resolve) => (release = resolve));
    };
    const round = shop.reconcile(1);
    await until(async () => (await shop.get(ofQuick?.id ?? '')).status === 'captured');
    await until(() => slow!.lookups.length > asked);
    expect(await shop.get(ofSlow?.id ?? '')).toMatchObject({ status: 'unknown' });
    release(undefined);
    await round;
  });
});

describe('a provider that hangs', () => {
  /** That many payments whose outcome is not known, one after the other in the order of their look-ups. */
  async function unknownOf(name: string, count: number): Promise<string[]> {
    const provider = shop.providers.find((one) => one.name === name);
    if (provider === undefined) throw new Error(`there is no provider ${name}`);
    provider.fate = () => 'answer_lost';
    provider.answersLookups = () => false;
    const paying = Array.from({ length: count }, async (_, n) =>
      shop.pay({ provider_token: `card-${n}`, provider_id: `prv_${name}` }),
    );
    for (const ms of [500, 2000, 5000]) {
      await until(() => shop.clock.pending === count);
      shop.clock.advance(ms);
    }
    const ids = (await Promise.all(paying)).map(({ id }) => id);
    provider.answersLookups = () => true;
    provider.lookups.length = 0;
    return ids;
  }

  test('keeps none of another waiting, however many payments it has open', async () => {
    shop = await Shop.start(db, keys, 'slow', 'quick');
    const [slow, quick] = shop.providers;
    await unknownOf('slow', 20);
    const [ofQuick = ''] = await unknownOf('quick', 1);
    const hanging: (() => void)[] = [];
    slow!.lookup = async ({ idempotencyKey }) => {
      slow!.lookups.push(idempotencyKey);
      await new Promise<void>((resolve) => hanging.push(resolve));
      return slow!.ledger.get(idempotencyKey)?.outcome;
    };
    const round = shop.reconcile(1);
    await until(async () => (await shop.get(ofQuick)).status === 'captured');
    expect(quick!.lookups).toHaveLength(1);
    // And it is asked for a few at a time only.
    expect(hanging.length).toBeLessThan(20);
    await until(() => (hanging.splice(0).forEach((go) => go()), slow!.lookups.length === 20));
    hanging.splice(0).forEach((go) => go());
    expect(await round).toBe(21);
  });

  test('does not make a round last for ever, and the next one begins with what has waited longest', async () => {
    shop = await Shop.start(db, keys, 'slow');
    const [slow] = shop.providers;
    await unknownOf('slow', 6);
    const hanging: (() => void)[] = [];
    slow!.lookup = async ({ idempotencyKey }) => {
      slow!.lookups.push(idempotencyKey);
      await new Promise<void>((resolve) => hanging.push(resolve));
      throw new Error('not now');
    };
    const round = shop.reconcile(1);
    await until(() => hanging.length === 4);
    shop.clock.advance(30_000);
    hanging.splice(0).forEach((go) => go());
    expect(await round).toBe(0);
    expect(slow!.lookups).toHaveLength(4);
    const next = shop.reconcile(30_000);
    await until(() => hanging.length === 4);
    const [, , , , fifth, sixth] = slow!.lookups;
    expect(new Set([...slow!.lookups.slice(0, 4), fifth, sixth]).size).toBe(6);
    await until(() => (hanging.splice(0).forEach((go) => go()), slow!.lookups.length === 10));
    hanging.splice(0).forEach((go) => go());
    expect(await next).toBe(0);
  });
});

describe('what never arrived', () => {
  test('goes out again with the card of the vault: the same request, under the same key', async () => {
    const { id } = await lost('request_lost', { reference: 'order-1' });
    expect(await shop.reconcile(1)).toBe(1);
    expect(await shop.get(id)).toMatchObject({ status: 'captured', amount_captured: AMOUNT });
    const [first, second] = shop.provider.sent;
    expect(second?.key).toBe(first?.key);
    expect(await shop.attempts(id)).toMatchObject([{ state: 'succeeded', sends: 2 }]);
  });

  test('goes out again with a card that the provider keeps', async () => {
    const { id } = await lost('request_lost', { provider_token: 'card-1', provider_id: 'prv_first' });
    expect(await shop.reconcile(1)).toBe(1);
    expect(await shop.get(id)).toMatchObject({ status: 'captured', provider_token: 'card-1' });
  });

  test('goes out so many times and no more, and has failed once it is proven', async () => {
    const { id } = await lost('request_lost');
    shop.provider.fate = () => 'request_lost';
    for (let round = 0; round < 6; round += 1) await shop.reconcile(30_000);
    expect(shop.provider.sent).toHaveLength(MOST_SENDS);
    expect(new Set(shop.provider.sent.map(({ key }) => key)).size).toBe(1);
    expect(await shop.get(id)).toMatchObject({ status: 'failed', failure: 'never_arrived' });
    expect(shop.provider.taken).toBe(0);
  });

  test('has not failed before the last time it went out has been waited for', async () => {
    const { id } = await lost('request_lost');
    shop.clock.advance(ALL_CAPABILITIES.absenceProvenAfterMs);
    shop.provider.fate = () => 'answer_lost';
    // It goes out now; that it was not seen before proves nothing any more.
    expect(await shop.reconcile(0)).toBe(0);
    expect(await shop.get(id)).toMatchObject({ status: 'unknown' });
    await shop.reconcile(30_000);
    expect(await shop.get(id)).toMatchObject({ status: 'captured' });
  });

  test('is not sent any more when whoever asked for it has gone on without', async () => {
    const { id } = await lost('request_lost');
    await shop.reconcile(RESEND_WITHIN_MS + 1);
    expect(shop.provider.sent).toHaveLength(1);
    expect(await shop.get(id)).toMatchObject({ status: 'failed', failure: 'never_arrived' });
    expect((await shop.told()).at(-1)).toMatchObject({
      type: 'payment.failed',
      data: { payment: { id, failure: 'never_arrived' } },
    });
  });

  test('is not sent with a card that was deleted meanwhile', async () => {
    const token = await shop.card();
    const { id } = await lost('request_lost', { token });
    await shop.vault.shred(shop.accountId, token, 'declined');
    await shop.reconcile(1);
    expect(shop.provider.sent).toHaveLength(1);
    await shop.reconcile(120_000);
    expect(await shop.get(id)).toMatchObject({ status: 'failed', failure: 'never_arrived' });
  });

  test('is not sent when what is on record is not what was asked', async () => {
    const { id } = await lost('request_lost');
    await execute(db.url, `update payment_attempts set amount = 1 where payment_id = $1`, [id]);
    await shop.reconcile(1);
    expect(shop.provider.sent).toHaveLength(1);
    expect(await shop.get(id)).toMatchObject({ status: 'unknown' });
  });
});

describe('a provider that cannot be asked', () => {
  beforeEach(() => {
    shop.provider.capabilities = { ...ALL_CAPABILITIES, recovery: 'replay' };
  });

  /** It went out as often as that is allowed while the card was at hand. */
  async function unanswered(change: Parameters<Shop['pay']>[0]): Promise<PaymentDetails> {
    shop.provider.fate = () => 'answer_lost';
    const paying = shop.pay(change);
    for (const ms of [500, 2000, 5000]) {
      await until(() => shop.clock.pending > 0);
      shop.clock.advance(ms);
    }
    return await paying;
  }

  test('gets the same request again, and answers as it did the first time', async () => {
    shop.provider.fate = (_key, time) => (time === 1 ? 'answer_lost' : 'answered');
    const paying = shop.pay();
    await until(() => shop.clock.pending > 0);
    shop.clock.advance(500);
    expect(await paying).toMatchObject({ status: 'captured' });
    expect(shop.provider.entries()).toMatchObject([{ requests: 2 }]);
    expect(shop.provider.lookups).toEqual([]);
    expect(shop.provider.taken).toBe(AMOUNT.value);
  });

  test('leaves unknown what it was asked as often as that is allowed: nothing proves that it is not there', async () => {
    const { id } = await unanswered({});
    shop.provider.fate = () => 'answered';
    await shop.reconcile(24 * 60 * 60_000);
    expect(await shop.get(id)).toMatchObject({ status: 'unknown' });
    expect(shop.provider.sent).toHaveLength(MOST_SENDS);
  });
});

test('an attempt whose provider is of another mode by now is left alone', async () => {
  const { id } = await lost('answer_lost');
  await execute(db.url, `update payment_attempts set mode = 'live' where payment_id = $1`, [id]);
  expect(await shop.reconcile(1)).toBe(0);
  expect(await shop.get(id)).toMatchObject({ status: 'unknown' });
});
