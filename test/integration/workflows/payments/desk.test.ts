import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { agentMessage } from '../../../../src/payments/decline-reasons.ts';
import { createTestDatabase, execute, type TestDatabase } from '../../../support/database.ts';
import { createTestKeyRing, type TestKeyRing } from '../../../support/key-ring.ts';
import { ALL_CAPABILITIES } from '../../../support/payment-provider.ts';
import { storeCard } from '../../../support/vault-cards.ts';
import { until } from '../world.ts';
import { AMOUNT, APPROVED, DECLINED, Shop } from './shop.ts';

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
  shop = await Shop.start(db, keys);
});

describe('a payment with a card of the vault', () => {
  test('charges it, and says what became of it', async () => {
    const token = await shop.card();
    const paid = await shop.pay({ token, reference: 'order-1', customer_reference: 'customer-7' });
    expect(paid).toMatchObject({
      status: 'captured',
      mode: 'test',
      purpose: 'charge',
      amount: AMOUNT,
      amount_captured: AMOUNT,
      amount_refunded: { value: 0, currency: 'EUR' },
      reference: 'order-1',
      customer_reference: 'customer-7',
      card: { brand: 'visa', last4: '4242' },
      token,
      provider: { id: 'prv_first', kind: 'ledger' },
      provider_reference: 'first-1',
      authorization_code: 'A1',
    });
    expect(paid).not.toHaveProperty('capture_id');
    expect(await shop.get(paid.id)).toEqual(paid);
    const [attempt] = await shop.attempts(paid.id);
    expect(attempt).toMatchObject({ operation: 'charge', state: 'succeeded', sends: 1, fingerprint: 32 });
    expect(shop.provider.entries()).toMatchObject([{ key: attempt?.key, amount: 4200 }]);
    // The card came out of the vault without a security code: that is stored nowhere.
    expect(shop.provider.sent).toEqual([{ key: attempt?.key, securityCode: false }]);
    expect(shop.provider.mistakes).toEqual([]);
  });

  test('that only reserves is authorized', async () => {
    expect(await shop.pay({ purpose: 'authorize' })).toMatchObject({
      status: 'authorized',
      amount_captured: { value: 0 },
    });
  });

  test('that is declined is a payment, and says what an agent may say', async () => {
    const token = await shop.card(DECLINED);
    expect(await shop.pay({ token })).toMatchObject({
      status: 'declined',
      decline_reason: 'insufficient_funds',
      agent_message: agentMessage('insufficient_funds'),
      token,
    });
    // The card is the customer's still.
    expect(await shop.vault.face(shop.accountId, token)).toMatchObject({ last4: '1112' });
  });

  test('that no provider takes is one that failed', async () => {
    shop.provider.fate = () => 'unavailable';
    expect(await shop.pay()).toMatchObject({ status: 'failed', failure: 'unavailable' });
  });

  test('leaves a record of who asked, of the attempt and of its outcome', async () => {
    const { id } = await shop.pay();
    const operations = (await shop.audited()).map(({ operation }) => operation);
    expect(operations).toEqual([
      'card_token.store',
      'card_token.reveal',
      'payment.create',
      'payment.attempt',
      'payment.outcome',
    ]);
    const created = (await shop.audited()).find(({ operation }) => operation === 'payment.create');
    expect(created?.object).toBe(id);
    expect(JSON.parse(created?.record ?? '{}')).toMatchObject({ actor: { subject: 'integrator' } });
  });

  test('tells the account what a receipt needs, without the token', async () => {
    const { id } = await shop.pay({ reference: 'order-1' });
    const [event] = await shop.told();
    expect(event).toEqual({
      type: 'payment.succeeded',
      data: {
        payment: {
          id,
          status: 'succeeded',
          purpose: 'charge',
          mode: 'test',
          amount: AMOUNT,
          reference: 'order-1',
          card: { brand: 'visa', last4: '4242' },
          authorization_code: 'A1',
          provider_reference: 'first-1',
        },
      },
    });
    expect(JSON.stringify(event)).not.toContain('tok_card_');
  });

  test.each([
    ['is not known', 'token_not_found', async () => await Promise.resolve(`tok_card_${'z'.repeat(26)}`)],
    [
      'is of another account',
      'token_not_found',
      async () => {
        const other = await Shop.start(db, keys);
        return await other.card();
      },
    ],
    [
      'was deleted',
      'token_deleted',
      async () => {
        const token = await shop.card();
        await shop.vault.shred(shop.accountId, token, 'declined');
        return token;
      },
    ],
  ])('whose token %s is refused, and nothing is sent', async (_name, code, tokenOf) => {
    await expect(shop.pay({ token: await tokenOf() })).rejects.toMatchObject({ code });
    expect(shop.provider.sent).toEqual([]);
    expect(await shop.desk.page(shop.actor, {})).toEqual({ payments: [] });
  });

  test('is of the mode of its card', async () => {
    const { id } = await storeCard(db, shop.vault, shop.accountId, APPROVED, { mode: 'live' });
    await expect(shop.pay({ token: id, mode: 'test' })).rejects.toMatchObject({ code: 'wrong_mode' });
    // There is no provider for live payments here.
    await expect(shop.pay({ token: id })).rejects.toMatchObject({ code: 'provider_not_configured' });
  });

  test.each([
    ['reference', 'reference_like_card'],
    ['customer_reference', 'customer_reference_like_card'],
  ])('whose %s could be a card number is refused', async (member, code) => {
    await expect(shop.pay({ [member]: APPROVED })).rejects.toMatchObject({ code });
  });

  test.each([
    ['no card', {}],
    [
      'two cards',
      { token: `tok_card_${'z'.repeat(26)}`, provider_token: 'card-1', provider_id: 'prv_first' },
    ],
    ['a provider without a card', { provider_id: 'prv_first' }],
    ['a card without its provider', { provider_token: 'card-1' }],
  ])('with %s is refused', async (_name, card) => {
    const asked = shop.desk.create(shop.actor, { purpose: 'charge', amount: AMOUNT, ...card });
    await expect(asked).rejects.toMatchObject({ code: 'card_ambiguous' });
  });
});

describe('a payment with a card that the provider keeps', () => {
  test('goes to that provider and to no other', async () => {
    shop = await Shop.start(db, keys, 'first', 'second');
    const paid = await shop.pay({
      provider_token: 'card-9',
      provider_id: 'prv_second',
      initiated_by: 'merchant',
    });
    expect(paid).toMatchObject({
      status: 'captured',
      provider: { id: 'prv_second' },
      provider_token: 'card-9',
    });
    const [first, second] = shop.providers;
    expect([first?.sent.length, second?.sent.length]).toEqual([0, 1]);
    second!.fate = () => 'unavailable';
    const failed = await shop.pay({ provider_token: 'card-9', provider_id: 'prv_second' });
    expect(failed).toMatchObject({ status: 'failed', failure: 'unavailable' });
    expect(first?.sent).toEqual([]);
  });

  test.each([APPROVED, '4242 4242 4242 4242', '378282246310005'])(
    'is not a card number in the place of a token: %s',
    async (number) => {
      const asked = shop.pay({ provider_token: number, provider_id: 'prv_first' });
      await expect(asked).rejects.toMatchObject({ code: 'provider_token_like_card' });
      expect(await shop.desk.page(shop.actor, {})).toEqual({ payments: [] });
    },
  );

  test('may be named by digits that are no card number', async () => {
    const paid = await shop.pay({ provider_token: '8415736344864224', provider_id: 'prv_first' });
    expect(paid.status).toBe('captured');
  });

  test('needs a provider that is there and charges stored cards', async () => {
    await expect(shop.pay({ provider_token: 'card-1', provider_id: 'prv_gone' })).rejects.toMatchObject({
      code: 'provider_not_found',
    });
    shop.provider.capabilities = { ...ALL_CAPABILITIES, storedCards: false };
    await expect(shop.pay({ provider_token: 'card-1', provider_id: 'prv_first' })).rejects.toMatchObject({
      code: 'stored_cards_not_supported',
    });
  });
});

describe('fail-over', () => {
  beforeEach(async () => {
    shop = await Shop.start(db, keys, 'first', 'second', 'third');
  });

  test('goes to the next provider when the one before was unavailable, with a key of its own', async () => {
    shop.providers[0]!.fate = () => 'unavailable';
    shop.providers[1]!.fate = () => 'unavailable';
    const paid = await shop.pay();
    expect(paid).toMatchObject({ status: 'captured', provider: { id: 'prv_third' } });
    const attempts = await shop.attempts(paid.id);
    expect(attempts).toMatchObject([
      { provider: 'prv_first', state: 'failed', failure: 'unavailable' },
      { provider: 'prv_second', state: 'failed', failure: 'unavailable' },
      { provider: 'prv_third', state: 'succeeded', failure: null },
    ]);
    expect(new Set(attempts.map(({ key }) => key)).size).toBe(3);
    expect(await shop.told()).toMatchObject([{ type: 'payment.succeeded' }]);
  });

  test('never after a lost answer: that one may have taken the money', async () => {
    shop.providers[0]!.fate = () => 'answer_lost';
    const paying = shop.pay();
    await until(() => shop.clock.pending > 0);
    shop.clock.advance(500);
    const paid = await paying;
    expect(paid).toMatchObject({ status: 'captured', provider: { id: 'prv_first' } });
    expect(shop.providers.map(({ sent }) => sent.length)).toEqual([1, 0, 0]);
  });

  test('never after a decline', async () => {
    const paid = await shop.pay({ token: await shop.card(DECLINED) });
    expect(paid).toMatchObject({ status: 'declined', provider: { id: 'prv_first' } });
    expect(shop.providers.map(({ sent }) => sent.length)).toEqual([1, 0, 0]);
  });
});

describe('a lost answer', () => {
  test('is looked up while the card is at hand', async () => {
    shop.provider.fate = () => 'answer_lost';
    const paying = shop.pay();
    await until(() => shop.clock.pending > 0);
    shop.clock.advance(500);
    expect(await paying).toMatchObject({ status: 'captured', provider_reference: 'first-1' });
    expect(shop.provider.sent).toHaveLength(1);
    expect((await shop.told()).map(({ type }) => type)).toEqual(['payment.unknown', 'payment.succeeded']);
  });

  test('of a request that never arrived: it goes out again, the same one, out of the vault', async () => {
    shop.provider.fate = (_key, time) => (time < 3 ? 'request_lost' : 'answered');
    const paying = shop.pay();
    for (const ms of [500, 2000]) {
      await until(() => shop.clock.pending > 0);
      shop.clock.advance(ms);
    }
    expect(await paying).toMatchObject({ status: 'captured' });
    expect(new Set(shop.provider.sent.map(({ key }) => key)).size).toBe(1);
    expect(shop.provider.entries()).toHaveLength(1);
    expect(shop.provider.mistakes).toEqual([]);
  });

  test('that stays lost leaves a payment that is unknown, and is found out behind', async () => {
    shop.provider.fate = () => 'answer_lost';
    shop.provider.answersLookups = () => false;
    const paying = shop.pay();
    for (const ms of [500, 2000, 5000]) {
      await until(() => shop.clock.pending > 0);
      shop.clock.advance(ms);
    }
    const unknown = await paying;
    expect(unknown.status).toBe('unknown');
    shop.provider.answersLookups = () => true;
    await shop.reconcile(1);
    expect(await shop.get(unknown.id)).toMatchObject({ status: 'captured', amount_captured: AMOUNT });
    expect(shop.provider.sent).toHaveLength(1);
  });
});

describe('the same request twice', () => {
  test('under a claim that was taken over finds the payment that it has made', async () => {
    const claim = shop.claim();
    const token = await shop.card();
    const first = await shop.pay({ token }, claim);
    const second = await shop.pay({ token }, { ...claim, takenOver: true });
    expect(second).toEqual(first);
    expect(shop.provider.sent).toHaveLength(1);
  });

  test('at the same moment makes one payment: the database decides', async () => {
    const claim = shop.claim();
    const token = await shop.card();
    const answers = await Promise.all([1, 2, 3, 4].map(async () => await shop.pay({ token }, claim)));
    expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
    expect(shop.provider.entries()).toHaveLength(1);
    expect(shop.provider.taken).toBe(AMOUNT.value);
  });

  test('of another account finds nothing of it', async () => {
    const claim = shop.claim();
    await shop.pay({}, claim);
    const other = await Shop.start(db, keys);
    await other.pay({}, { ...other.claim(true), id: claim.id });
    expect(other.provider.sent).toHaveLength(1);
  });
});

describe('capture, void and refund', () => {
  test('what is authorized is captured, whole or in part, once', async () => {
    const { id } = await shop.pay({ purpose: 'authorize' });
    const captured = await shop.desk.capture(shop.actor, id, { amount: 3000 });
    expect(captured).toMatchObject({
      status: 'captured',
      amount: AMOUNT,
      amount_captured: { value: 3000, currency: 'EUR' },
    });
    await expect(shop.desk.capture(shop.actor, id, {})).rejects.toMatchObject({
      code: 'payment_not_authorized',
    });
    await expect(shop.desk.void(shop.actor, id)).rejects.toMatchObject({ code: 'payment_not_authorized' });
    expect(shop.provider.taken).toBe(3000);
    expect((await shop.attempts(id)).map(({ operation }) => operation)).toEqual(['authorize', 'capture']);
  });

  test('what is authorized is given up', async () => {
    const { id } = await shop.pay({ purpose: 'authorize' });
    expect(await shop.desk.void(shop.actor, id)).toMatchObject({ status: 'voided' });
    await expect(shop.desk.capture(shop.actor, id, {})).rejects.toMatchObject({
      code: 'payment_not_authorized',
    });
  });

  test('what was taken is given back in parts, up to all of it', async () => {
    const { id } = await shop.pay();
    expect(await shop.desk.refund(shop.actor, id, { amount: 1200 })).toMatchObject({
      status: 'partially_refunded',
      amount_refunded: { value: 1200 },
    });
    await expect(shop.desk.refund(shop.actor, id, { amount: 3001 })).rejects.toMatchObject({
      code: 'amount_too_large',
    });
    expect(await shop.desk.refund(shop.actor, id, {})).toMatchObject({
      status: 'refunded',
      amount_refunded: AMOUNT,
    });
    await expect(shop.desk.refund(shop.actor, id, {})).rejects.toMatchObject({
      code: 'payment_not_captured',
    });
    expect(shop.provider.taken).toBe(0);
    expect(new Set((await shop.attempts(id)).map(({ key }) => key)).size).toBe(3);
    expect((await shop.told()).map(({ type }) => type)).toEqual([
      'payment.succeeded',
      'payment.refunded',
      'payment.refunded',
    ]);
    expect((await shop.told()).at(-2)?.data.payment).toMatchObject({
      status: 'partially_refunded',
      amount_captured: AMOUNT,
      amount_refunded: { value: 1200, currency: 'EUR' },
    });
    expect((await shop.audited()).map(({ operation }) => operation)).toContain('payment.refund');
    expect(shop.provider.mistakes).toEqual([]);
  });

  test('two refunds at the same moment: one is open, the other is told so', async () => {
    const { id } = await shop.pay();
    let answer: (fate: 'answered') => void = () => undefined;
    shop.provider.fate = async () => await new Promise<'answered'>((resolve) => (answer = resolve));
    const refunds = [shop.desk.refund(shop.actor, id, {}), shop.open().refund(shop.actor, id, {})];
    const settled = Promise.allSettled(refunds);
    await until(() => shop.provider.sent.length === 2);
    expect(await shop.get(id)).toMatchObject({ status: 'captured', pending: 'refund' });
    answer('answered');
    const results = await settled;
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(results.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { code: 'payment_change_pending' },
    });
    expect(shop.provider.entries('refund')).toHaveLength(1);
    expect(await shop.get(id)).toMatchObject({ status: 'refunded' });
  });

  test('many refunds of a part at the same moment never give back more than was taken', async () => {
    const { id } = await shop.pay();
    const refunds = Array.from({ length: 12 }, async () =>
      shop.open().refund(shop.actor, id, { amount: 1500 }),
    );
    await Promise.allSettled(refunds);
    expect(shop.provider.mistakes).toEqual([]);
    const payment = await shop.get(id);
    expect(payment.amount_captured.value - payment.amount_refunded.value).toBe(shop.provider.taken);
    expect(payment.amount_refunded.value).toBeLessThanOrEqual(AMOUNT.value);
  });

  test('a lost answer leaves it pending, and nothing else is sent until it is known', async () => {
    const { id } = await shop.pay();
    shop.provider.fate = () => 'answer_lost';
    shop.provider.answersLookups = () => false;
    const refunding = shop.desk.refund(shop.actor, id, { amount: 1000 });
    for (const ms of [500, 2000, 5000]) {
      await until(() => shop.clock.pending > 0);
      shop.clock.advance(ms);
    }
    expect(await refunding).toMatchObject({ status: 'captured', pending: 'refund' });
    await expect(shop.desk.refund(shop.actor, id, { amount: 1 })).rejects.toMatchObject({
      code: 'payment_change_pending',
    });
    shop.provider.answersLookups = () => true;
    await shop.reconcile(1);
    const found = await shop.get(id);
    expect(found).toMatchObject({ status: 'partially_refunded', amount_refunded: { value: 1000 } });
    expect(found).not.toHaveProperty('pending');
    expect(shop.provider.entries('refund')).toHaveLength(1);
  });

  test('under a claim that was taken over it is not done a second time', async () => {
    const { id } = await shop.pay();
    const claim = shop.claim();
    const first = await shop.desk.refund(shop.actor, id, { amount: 1000 }, claim);
    const again = await shop.desk.refund(shop.actor, id, { amount: 1000 }, { ...claim, takenOver: true });
    expect(again).toEqual(first);
    expect(shop.provider.entries('refund')).toHaveLength(1);
  });

  test('a refusal of the provider changes nothing', async () => {
    const { id } = await shop.pay();
    shop.provider.ledger.clear();
    const claim = shop.claim();
    const refused = { code: 'payment_change_declined', kind: 'conflict' };
    await expect(shop.desk.refund(shop.actor, id, {}, claim)).rejects.toMatchObject(refused);
    expect(await shop.get(id)).toMatchObject({ status: 'captured', amount_refunded: { value: 0 } });
    const again = shop.desk.refund(shop.actor, id, {}, { ...claim, takenOver: true });
    await expect(again).rejects.toMatchObject(refused);
    expect(shop.provider.sent).toHaveLength(2);
  });

  test('a provider that is unavailable can be asked again', async () => {
    const { id } = await shop.pay();
    shop.provider.fate = () => 'unavailable';
    await expect(shop.desk.refund(shop.actor, id, {})).rejects.toMatchObject({
      code: 'provider_unavailable',
      kind: 'unavailable',
    });
    shop.provider.fate = () => 'answered';
    expect(await shop.desk.refund(shop.actor, id, {})).toMatchObject({ status: 'refunded' });
  });

  test('what the provider does not offer is refused before anything is written', async () => {
    const { id } = await shop.pay();
    shop.provider.capabilities = { ...ALL_CAPABILITIES, partialAmounts: false };
    await expect(shop.desk.refund(shop.actor, id, { amount: 1 })).rejects.toMatchObject({
      code: 'partial_amount_not_supported',
    });
    shop.provider.capabilities = { ...ALL_CAPABILITIES, modifications: [] };
    await expect(shop.desk.refund(shop.actor, id, {})).rejects.toMatchObject({
      code: 'change_not_supported',
    });
    expect(await shop.attempts(id)).toHaveLength(1);
  });

  test('of a payment of another account finds none', async () => {
    const { id } = await shop.pay();
    const other = await Shop.start(db, keys);
    const asked = [
      other.desk.get(other.actor, id),
      other.desk.capture(other.actor, id, {}),
      other.desk.void(other.actor, id),
      other.desk.refund(other.actor, id, {}),
    ];
    const refused = { status: 'rejected', reason: { code: 'payment_not_found' } };
    expect(await Promise.allSettled(asked)).toMatchObject([refused, refused, refused, refused]);
  });

  test('is for those who see the whole account', async () => {
    const { id } = await shop.pay();
    const agent = { ...shop.actor, reach: ['own' as const] };
    await expect(shop.desk.get(agent, id)).rejects.toMatchObject({ code: 'payment_not_found' });
    await expect(shop.desk.refund(agent, id, {})).rejects.toMatchObject({ code: 'payment_not_found' });
    expect(await shop.desk.page(agent, {})).toEqual({ payments: [] });
  });
});

describe('lists', () => {
  test('are in pages, the newest first, each payment once', async () => {
    const token = await shop.card();
    const ids: string[] = [];
    for (let n = 0; n < 7; n += 1) {
      shop.clock.advance(n % 2 === 0 ? 1000 : 0);
      ids.unshift((await shop.pay({ token, reference: `order-${n % 3}` })).id);
    }
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await shop.desk.page(shop.actor, { limit: 3, ...(cursor !== undefined && { cursor }) });
      seen.push(...page.payments.map(({ id }) => id));
      cursor = page.next_cursor;
    } while (cursor !== undefined);
    expect(seen.toSorted()).toEqual(ids.toSorted());
    expect(seen).toHaveLength(7);
    const times = await Promise.all(seen.map(async (id) => (await shop.get(id)).created_at));
    expect(times).toEqual(times.toSorted().toReversed());
  });

  test('hold every filter that is given', async () => {
    const token = await shop.card();
    const first = await shop.pay({ token, reference: 'order-1', customer_reference: 'customer-1' });
    shop.clock.advance(60_000);
    const second = await shop.pay({ purpose: 'authorize', reference: 'order-2' });
    const found = async (listing: object): Promise<string[]> =>
      (await shop.desk.page(shop.actor, listing)).payments.map(({ id }) => id);
    expect(await found({ status: 'authorized' })).toEqual([second.id]);
    expect(await found({ reference: 'order-1' })).toEqual([first.id]);
    expect(await found({ customer_reference: 'customer-1' })).toEqual([first.id]);
    expect(await found({ token })).toEqual([first.id]);
    expect(await found({ mode: 'live' })).toEqual([]);
    expect(await found({ capture_id: 'cap_none' })).toEqual([]);
    expect(await found({ created_from: second.created_at })).toEqual([second.id]);
    expect(await found({ created_to: second.created_at })).toEqual([first.id]);
    expect(await found({ reference: 'order-1', status: 'authorized' })).toEqual([]);
  });

  test.each([
    ['cursor_invalid', { cursor: 'bm90LWEtY3Vyc29y' }],
    ['time_invalid', { created_from: '2026-06-30T23:59:60Z' }],
  ])('refuse what is none: %s', async (code, listing) => {
    await expect(shop.desk.page(shop.actor, listing)).rejects.toMatchObject({ code });
  });
});

test('no table, log or event holds a card number', async () => {
  await shop.pay({ token: await shop.card() });
  await shop.pay({ token: await shop.card(DECLINED) });
  const texts = await Promise.all(
    ['payments', 'payment_attempts', 'account_events', 'audit_records', 'card_tokens'].map(async (table) => {
      const rows = await execute<{ text: string }>(db.url, `select t::text as text from ${table} t`);
      return rows.map(({ text }) => text).join('\n');
    }),
  );
  for (const text of [...texts, shop.logged.join('\n')]) {
    expect(text).not.toMatch(/4242424|4012001/);
  }
});
