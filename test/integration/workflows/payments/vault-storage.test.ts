import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ProviderError } from '../../../../src/payments/errors.ts';
import { reconcileOnce } from '../../../../src/workflows/reconcile.ts';
import { interruptOrphans } from '../../../../src/workflows/recovery.ts';
import type { CardVault } from '../../../../src/workflows/tokens/contract.ts';
import { createTestDatabase, execute, type TestDatabase } from '../../../support/database.ts';
import { createTestKeyRing, type TestKeyRing } from '../../../support/key-ring.ts';
import { ALL_CAPABILITIES } from '../../../support/payment-provider.ts';
import { storeCard, testVault } from '../../../support/vault-cards.ts';
import { PAID } from '../fakes.ts';
import { CARD, CHARGE, until, World } from '../world.ts';

const AMEX = '378282246310005';
const DECLINED = { result: 'declined', reason: 'expired_card', rawCode: '54' } as const;

let db: TestDatabase;
let keys: TestKeyRing;
let vault: CardVault;
let world: World;

beforeAll(async () => {
  db = await createTestDatabase({ poolSize: 8 });
  keys = await createTestKeyRing(db);
  vault = testVault(db, keys.keyRing);
});
afterAll(async () => {
  await keys.close();
  await db.close();
});
beforeEach(async () => {
  world = await World.start(db, { vault });
});

const SAVE = { ...CHARGE, purpose: 'charge_and_save', token_storage: 'vault' } as const;

async function submitted(change: Parameters<World['collecting']>[0], keyed = CARD): Promise<string> {
  const { id } = await world.collecting(change);
  world.calls.masking.keys(keyed);
  await world.captures.command(world.actor, id, { type: 'submit' });
  return id;
}

/** A capture that takes nothing but money has none to keep. */
const tokenize = { purpose: 'tokenize', token_storage: 'vault' } as const;

async function tokenized(change: object = {}): Promise<string> {
  const capture = await world.captures.create(world.actor, {
    call_id: world.call.callId,
    ...tokenize,
    auto_submit: true,
    ...change,
  });
  await world.reaches(capture.id, 'collecting');
  world.calls.masking.keys(CARD);
  await world.ended(capture.id);
  return capture.id;
}

async function tokensOf(captureId: string): Promise<{ id: string; deleted: string | null }[]> {
  return await execute(
    db.url,
    'select id, deleted_reason as deleted from card_tokens where capture_id = $1 order by created_at',
    [captureId],
  );
}

describe('tokenize into the vault', () => {
  test('keeps the card under a token of our own, and asks no provider', async () => {
    const id = await tokenized({ customer_reference: 'customer-7' });
    const { view } = await world.row(id);
    const [token] = await tokensOf(id);
    expect(view).toMatchObject({ status: 'succeeded', payment: { status: 'succeeded', token: token?.id } });
    expect(view.payment).not.toHaveProperty('id');
    expect(view.payment).not.toHaveProperty('provider_reference');
    expect(await vault.face(world.accountId, token?.id ?? '')).toMatchObject({
      brand: 'visa',
      last4: '1112',
      mode: 'test',
      expiryMonth: 12,
      expiryYear: 2029,
      customerReference: 'customer-7',
    });
    expect(world.provider.requests).toEqual([]);
    expect(await world.attempts(id)).toMatchObject([{ state: 'succeeded' }]);
    expect(await world.told(id)).toContain('payment.succeeded');
  });

  test('needs no provider that tokenizes, nor any at all', async () => {
    world.provider.capabilities = { ...ALL_CAPABILITIES, purposes: [] };
    expect((await world.row(await tokenized())).view.status).toBe('succeeded');
    await expect(world.create({ purpose: 'charge' })).rejects.toMatchObject({
      code: 'provider_not_configured',
    });
  });

  test('is found again by whoever comes after the process: the token and its attempt are there or neither', async () => {
    const id = await tokenized();
    const [token] = await tokensOf(id);
    // As if the last event had not been written.
    await execute(
      db.url,
      `update captures set status = 'processing', ended_at = null, view = view || '{"status":"processing"}' where id = $1`,
      [id],
    );
    await interruptOrphans(world.payments(), { instanceId: world.instanceId });
    expect((await world.row(id)).view).toMatchObject({
      status: 'interrupted',
      payment: { status: 'succeeded', token: token?.id },
    });
  });
});

describe('charge and save, into the vault', () => {
  test('keeps the card first, asks the provider for a charge only, and leaves our token', async () => {
    let kept: unknown;
    world.provider.onPay = async ({ purpose }) => {
      expect(purpose).toBe('charge');
      kept = await execute(db.url, `select count(*)::int as count from card_tokens where account_id = $1`, [
        world.accountId,
      ]);
      return PAID;
    };
    const id = await submitted(SAVE);
    const { view } = await world.ended(id);
    const [token] = await tokensOf(id);
    expect(kept).toEqual([{ count: 1 }]);
    expect(view.payment).toMatchObject({
      status: 'succeeded',
      token: token?.id,
      provider_reference: 'pay_1',
    });
    expect(await world.payment(id)).toMatchObject({
      status: 'captured',
      purpose: 'charge_and_save',
      token: token?.id,
      shred: null,
    });
    // The security code went to the provider and nowhere else.
    expect(world.provider.cards[0]).toMatchObject({ securityCode: '987' });
  });

  test('destroys the card when the payment is declined', async () => {
    world.provider.onPay = () => Promise.resolve(DECLINED);
    const id = await submitted(SAVE);
    const { view } = await world.ended(id);
    expect(view.payment).toMatchObject({ status: 'declined' });
    expect(view.payment).not.toHaveProperty('token');
    expect(await tokensOf(id)).toMatchObject([{ deleted: 'declined' }]);
    expect(await world.payment(id)).toMatchObject({ status: 'declined', token: null, shred: null });
  });

  test('destroys it when nothing could be sent', async () => {
    world.provider.onPay = () => Promise.reject(new ProviderError('authentication', 'no'));
    const id = await submitted(SAVE);
    await world.ended(id);
    expect(await tokensOf(id)).toMatchObject([{ deleted: 'capture_ended' }]);
  });

  test('destroys it later when that was not possible at once', async () => {
    world.provider.onPay = () => Promise.resolve(DECLINED);
    let broken = true;
    const stubborn: CardVault = {
      prepare: async (card) => await vault.prepare(card),
      face: async (accountId, token) => await vault.face(accountId, token),
      reveal: async (accountId, token, use) => await vault.reveal(accountId, token, use),
      shred: async (accountId, token, reason, use) => {
        if (broken) throw new Error('not now');
        await vault.shred(accountId, token, reason, use);
      },
    };
    world = await World.start(db, { vault: stubborn });
    world.provider.onPay = () => Promise.resolve(DECLINED);
    const id = await submitted(SAVE);
    await world.ended(id);
    expect(await tokensOf(id)).toMatchObject([{ deleted: null }]);
    broken = false;
    await reconcileOnce(world.payments());
    expect(await tokensOf(id)).toMatchObject([{ deleted: 'declined' }]);
    expect(await world.payment(id)).toMatchObject({ shred: null });
  });

  test('goes out again out of the vault when its process is gone, without the security code', async () => {
    world.provider.onPay = async () => await new Promise(() => undefined);
    const id = await submitted(SAVE);
    await until(() => world.provider.requests.length === 1);
    await interruptOrphans(world.payments(), { instanceId: world.instanceId });
    world.provider.onPay = () => Promise.resolve(PAID);
    await reconcileOnce(world.payments());
    expect(world.provider.requests).toHaveLength(2);
    expect(world.provider.requests[1]?.idempotencyKey).toBe(world.provider.requests[0]?.idempotencyKey);
    expect(world.provider.cards[1]).toEqual({ cardNumber: '4012001037141112', expiry: '1229' });
    const [token] = await tokensOf(id);
    expect(await world.payment(id)).toMatchObject({ status: 'captured', token: token?.id });
    expect((await world.row(id)).view).toMatchObject({
      status: 'interrupted',
      payment: { status: 'succeeded', token: token?.id },
    });
  });
});

describe('the security code of a stored card', () => {
  async function stored(number = AMEX, mode: 'test' | 'live' = 'test'): Promise<string> {
    return (await storeCard(db, vault, world.accountId, number, { mode, expiry: '1230' })).id;
  }

  test('is all that is captured, as long as the brand has it; the card comes out of the vault', async () => {
    const token = await stored();
    const { id } = await world.collecting({ token });
    expect(await world.captures.get(world.actor, id)).toMatchObject({
      focus: 'security_code',
      token,
      card: { brand: 'amex', last4: '0005' },
      mode: 'test',
    });
    world.calls.masking.keys('123');
    expect(await world.captures.get(world.actor, id)).toMatchObject({ fields: [{ status: 'collecting' }] });
    world.calls.masking.keys('4');
    await world.reaches(id, 'ready');
    await world.captures.command(world.actor, id, { type: 'submit' });
    const { view } = await world.ended(id);
    expect(view).toMatchObject({ status: 'succeeded', payment: { status: 'succeeded' } });
    expect(view.payment).not.toHaveProperty('token');
    expect(world.provider.cards).toEqual([{ cardNumber: AMEX, expiry: '1230', securityCode: '1234' }]);
    const card = world.provider.requests[0]?.card;
    expect([card?.cardNumber.wiped, card?.securityCode?.wiped]).toEqual([true, true]);
    expect(await world.payment(id)).toMatchObject({ status: 'captured', token });
  });

  test('has died with its process: the payment is not sent without it', async () => {
    const token = await stored();
    world.provider.onPay = async () => await new Promise(() => undefined);
    const id = await submitted({ token }, '1234');
    await until(() => world.provider.requests.length === 1);
    await interruptOrphans(world.payments(), { instanceId: world.instanceId });
    await reconcileOnce(world.payments());
    expect(world.provider.requests).toHaveLength(1);
    world.clock.advance(120_000);
    await reconcileOnce(world.payments());
    expect(await world.payment(id)).toMatchObject({ status: 'failed', failure: 'never_arrived' });
    // The card is the customer's still.
    expect(await vault.face(world.accountId, token)).toMatchObject({ last4: '0005' });
  });

  test('a decline leaves the stored card where it is', async () => {
    const token = await stored();
    world.provider.onPay = () => Promise.resolve(DECLINED);
    const id = await submitted({ token }, '1234');
    await world.ended(id);
    expect(await world.payment(id)).toMatchObject({ status: 'declined', token, shred: null });
    expect(await vault.face(world.accountId, token)).toMatchObject({ last4: '0005' });
  });

  test('a card that was deleted while the caller keyed fails, and nothing is sent', async () => {
    const token = await stored();
    const { id } = await world.collecting({ token });
    world.calls.masking.keys('1234');
    await world.reaches(id, 'ready');
    await vault.shred(world.accountId, token, 'declined');
    await world.captures.command(world.actor, id, { type: 'submit' });
    await world.ended(id);
    expect(world.provider.requests).toEqual([]);
    expect(await world.payment(id)).toMatchObject({ status: 'failed', failure: 'internal_error' });
  });

  test.each([
    ['no such token', 'token_not_found', async () => await Promise.resolve(`tok_card_${'z'.repeat(26)}`), {}],
    ['a card of the other mode', 'wrong_mode', async () => await stored(AMEX, 'live'), { mode: 'test' }],
    [
      'a purpose that keeps a card',
      'token_not_allowed',
      async () => await stored(),
      { purpose: 'charge_and_save' },
    ],
    [
      'the number as well',
      'field_not_allowed',
      async () => await stored(),
      { fields: [{ field: 'card_number' }] },
    ],
  ] as const)('is refused with %s', async (_name, code, tokenOf, change) => {
    const token = await tokenOf();
    await expect(world.create({ token, ...change })).rejects.toMatchObject({ code });
    expect(world.calls.maskings).toEqual([]);
  });
});

test('without a vault nothing is kept, and no token is taken', async () => {
  const plain = await World.start(db);
  const refused = { code: 'vault_not_configured', kind: 'unavailable' };
  await expect(plain.create(SAVE)).rejects.toMatchObject(refused);
  const token = `tok_card_${'z'.repeat(26)}`;
  await expect(plain.create({ token })).rejects.toMatchObject(refused);
});

test('no column, log or event has the card number or the security code', async () => {
  const id = await submitted(SAVE);
  await world.ended(id);
  const tables = [
    'payments',
    'payment_attempts',
    'captures',
    'capture_events',
    'account_events',
    'card_tokens',
  ];
  for (const table of tables) {
    const rows = await execute<{ text: string }>(db.url, `select t::text as text from ${table} t`);
    expect(rows.map(({ text }) => text).join('\n')).not.toMatch(/40120010|"987"/);
  }
  expect(world.logged.join('\n')).not.toMatch(/40120010/);
});
