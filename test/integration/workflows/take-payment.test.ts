/* oxlint-disable vitest/expect-expect -- expectEnded asserts */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { PaymentOutcome, ProviderFailure } from '../../../src/payments/contract.ts';
import { agentMessage } from '../../../src/payments/decline-reasons.ts';
import { ProviderError } from '../../../src/payments/errors.ts';
import { SecretBuffer } from '../../../src/secrets/secret-buffer.ts';
import type { CaptureRequest, CaptureStatus } from '../../../src/workflows/contract.ts';
import { createTestDatabase, execute, type TestDatabase } from '../../support/database.ts';
import { ALL_CAPABILITIES } from '../../support/payment-provider.ts';
import { PAID } from './fakes.ts';
import { CARD, EXPIRY, Follower, PIN, range, SECURITY_CODE, until, VISA, World } from './world.ts';

let db: TestDatabase;
let world: World;
/** Every secret memory that something was keyed into. */
let buffers: readonly SecretBuffer[];

beforeAll(async () => {
  db = await createTestDatabase({ poolSize: 6 });
});
afterAll(() => db.close());

beforeEach(async () => {
  world = await World.start(db);
  // From here on: what seals the caller's number is none of it.
  buffers = vi.spyOn(SecretBuffer.prototype, 'append').mock.contexts as SecretBuffer[];
});
afterEach(() => {
  vi.restoreAllMocks();
});

const wiped = (): boolean[] => [...new Set(buffers)].map((buffer) => buffer.wiped);

/** A capture with everything keyed, told to pay. */
async function submitted(change: Partial<CaptureRequest> = {}): Promise<string> {
  const { id } = await world.collecting(change);
  world.calls.masking.keys(CARD);
  await world.captures.command(world.actor, id, { type: 'submit' });
  return id;
}

/** What has to hold after any end: nothing held, nothing locked, everything written, nothing to wait for. */
async function expectEnded(
  id: string,
  status: CaptureStatus,
  reason?: string,
): Promise<Awaited<ReturnType<World['row']>>> {
  const row = await world.ended(id);
  expect(row).toMatchObject({ status, reason: reason ?? null, ended: true });
  expect(row.view.status).toBe(status);
  expect(row.view.ended_at).toBeDefined();
  expect(wiped()).not.toContain(false);
  expect(world.calls.masking.released).toBe(1);
  expect(world.clock.pending).toBe(0);
  const events = await world.storedEvents(id);
  expect(events.map(({ sequence }) => sequence)).toEqual(range(1, events.length));
  expect(events.at(-1)?.capture).toEqual(row.view);
  expect(events.filter(({ capture }) => capture.ended_at !== undefined)).toHaveLength(1);
  return row;
}

describe('a payment that succeeds', () => {
  test('is told step by step, and every step is written', async () => {
    const { id } = await world.create();
    const follower = await Follower.of(world, id);
    await world.reaches(id, 'collecting');
    world.calls.masking.keys(CARD);
    expect(await world.reaches(id, 'ready')).toMatchObject({
      fields: [
        { field: 'card_number', status: 'accepted', digits: 16, brand: 'visa', last4: '1112' },
        { field: 'expiry', status: 'accepted', digits: 4 },
        { field: 'security_code', status: 'accepted', digits: 3 },
      ],
    });
    const processing = await world.captures.command(world.actor, id, { type: 'submit' });
    expect(processing).toMatchObject({ status: 'processing', payment: { status: 'processing' } });
    const { view } = await expectEnded(id, 'succeeded');
    const payment = await world.payment(id);
    expect(view.payment).toEqual({
      id: payment?.id,
      status: 'succeeded',
      provider_reference: 'pay_1',
      authorization_code: 'A1B2',
    });
    expect(payment).toMatchObject({ status: 'captured', captured: 4200, refunded: 0, mode: 'test' });
    const seen: CaptureStatus[] = ['securing', 'collecting', 'ready', 'processing', 'succeeded'];
    expect([...new Set(follower.statuses)]).toEqual(seen);
    expect(follower.events).toEqual(await world.storedEvents(id));
    expect(follower.ended).toBe(1);
  });

  test('hands the provider exactly what was keyed, once', async () => {
    const id = await submitted();
    await expectEnded(id, 'succeeded');
    expect(world.provider.cards).toEqual([{ cardNumber: VISA, expiry: EXPIRY, securityCode: SECURITY_CODE }]);
    const [attempt] = await world.attempts(id);
    expect(world.provider.requests[0]).toMatchObject({
      purpose: 'charge',
      amount: { value: 4200, currency: 'EUR' },
      reference: 'order-1',
      idempotencyKey: attempt?.key,
    });
    expect(attempt).toMatchObject({
      state: 'succeeded',
      amount: 4200,
      currency: 'EUR',
      brand: 'visa',
      last4: '1112',
      reference: 'pay_1',
      code: 'A1B2',
      finished: true,
    });
  });

  test('lends memory that holds nothing any more once it is over', async () => {
    const id = await submitted();
    await expectEnded(id, 'succeeded');
    const card = world.provider.requests[0]?.card;
    const lent = [card?.cardNumber, card?.expiry, card?.securityCode];
    expect(lent.map((buffer) => buffer?.wiped)).toEqual([true, true, true]);
  });

  test('has its attempt committed before anything is sent', async () => {
    let before: unknown;
    world.provider.onPay = async ({ idempotencyKey }) => {
      // On a connection of its own: it sees what is committed and nothing else.
      before = await execute(
        db.url,
        'select state, finished_at from payment_attempts where idempotency_key = $1',
        [idempotencyKey],
      );
      return PAID;
    };
    await expectEnded(await submitted(), 'succeeded');
    expect(before).toEqual([{ state: 'processing', finished_at: null }]);
  });

  test('may be submitted by itself, with a PIN and without money', async () => {
    const { id } = await tokenize();
    await world.reaches(id, 'collecting');
    world.provider.onPay = () => Promise.resolve({ ...PAID, providerToken: 'tok_1' });
    world.calls.masking.keys(`${VISA}#${PIN}#`);
    const { view } = await expectEnded(id, 'succeeded');
    expect(view.payment).toMatchObject({ token: 'tok_1' });
    expect(world.provider.cards).toEqual([{ cardNumber: VISA, pin: PIN }]);
    expect(world.provider.requests[0]).not.toHaveProperty('amount');
  });

  test('leaves no keyed number in any row', async () => {
    const { id } = await tokenize();
    await world.reaches(id, 'collecting');
    // Wrong once, over the field's end, and with a stray key or two.
    world.calls.masking.keys(`4012001037141113#${VISA}#${PIN}#99`);
    await expectEnded(id, 'succeeded');
    await expectEnded(await submitted(), 'succeeded');
    const text = await everyRow();
    expect(text).toContain('1112');
    for (const secret of [VISA, '4012001037141113', PIN]) {
      for (let from = 0; from + 8 <= secret.length; from += 1) {
        expect(text).not.toContain(secret.slice(from, from + 8));
        expect(text).not.toContain(Array.from(secret.slice(from, from + 8)).join(','));
        expect(text).not.toContain(Array.from(secret.slice(from, from + 8)).join(', '));
      }
    }
    for (const secret of [EXPIRY, SECURITY_CODE, VISA.slice(0, 6)]) expect(text).not.toContain(`"${secret}"`);
    const logged = world.logged.join('');
    expect(logged).not.toContain(VISA.slice(0, 8));
    expect(logged).not.toContain(PIN);
  });
});

async function tokenize() {
  return await world.captures.create(world.actor, {
    call_id: world.call.callId,
    purpose: 'tokenize',
    auto_submit: true,
    fields: [{ field: 'card_number' }, { field: 'pin' }],
  });
}

async function everyRow(): Promise<string> {
  const tables = ['accounts', 'calls', 'captures', 'capture_events', 'payments', 'payment_attempts'];
  const texts = tables.map(async (table) => {
    const rows = await execute<{ text: string }>(db.url, `select t::text as text from ${table} t`);
    return rows.map(({ text }) => text).join('\n');
  });
  return (await Promise.all(texts)).join('\n');
}

describe('a payment that is declined', () => {
  test('ends so, with the reason that an agent may pass on', async () => {
    const declined: PaymentOutcome = {
      result: 'declined',
      reason: 'insufficient_funds',
      rawCode: '51',
      providerReference: 'pay_2',
    };
    world.provider.onPay = () => Promise.resolve(declined);
    const id = await submitted();
    const { view } = await expectEnded(id, 'declined', 'insufficient_funds');
    const payment = await world.payment(id);
    expect(payment).toMatchObject({ status: 'declined', reason: 'insufficient_funds' });
    expect(view.payment).toEqual({
      id: payment?.id,
      status: 'declined',
      decline_reason: 'insufficient_funds',
      agent_message: agentMessage('insufficient_funds'),
      provider_reference: 'pay_2',
    });
    expect(await world.attempts(id)).toMatchObject([
      { state: 'declined', reason: 'insufficient_funds', raw_code: '51', finished: true },
    ]);
  });
});

describe('a payment without an outcome', () => {
  const failures: ProviderFailure[] = ['invalid_request', 'authentication', 'rate_limited', 'unavailable'];

  test.each(failures)('because nothing was processed (%s) fails and is not looked up', async (failure) => {
    world.provider.onPay = () => Promise.reject(new ProviderError(failure, 'no'));
    const id = await submitted();
    const { view } = await expectEnded(id, 'failed', `provider_${failure}`);
    const payment = await world.payment(id);
    expect(payment).toMatchObject({ status: 'failed', failure });
    expect(view.payment).toEqual({ id: payment?.id, status: 'failed' });
    expect(await world.attempts(id)).toMatchObject([{ state: 'failed', failure, finished: true }]);
    expect(world.provider.lookups).toEqual([]);
    expect(world.provider.requests).toHaveLength(1);
  });

  test.each([
    ['the provider says so', new ProviderError('unknown_outcome', 'timed out')],
    ['the provider broke', new TypeError('undefined is not a function')],
    ['what is thrown is no error', 'gone'],
  ])('that may have arrived (%s) is looked up, and what was seen is not sent again', async (_, error) => {
    world.provider.onPay = async () => await Promise.reject(error);
    const id = await submitted();
    await until(async () => (await world.attempts(id))[0]?.state === 'unknown');
    world.provider.onLookup = async () => {
      if (world.provider.lookups.length < 2) throw new ProviderError('unknown_outcome', 'not now');
      return await Promise.resolve(PAID);
    };
    expect(await world.payment(id)).toMatchObject({ status: 'unknown' });
    await world.elapse(500);
    await until(() => world.provider.lookups.length === 1);
    expect(await world.captures.get(world.actor, id)).toMatchObject({ status: 'processing' });
    await world.elapse(2000);
    const { view } = await expectEnded(id, 'succeeded');
    expect(view.payment).toMatchObject({ status: 'succeeded', provider_reference: 'pay_1' });
    const [attempt] = await world.attempts(id);
    expect(attempt).toMatchObject({ state: 'succeeded', failure: null, reference: 'pay_1' });
    expect(world.provider.lookups).toEqual([attempt?.key, attempt?.key]);
    expect(world.provider.requests).toHaveLength(1);
  });

  test('that cannot be found out is left unknown', async () => {
    world.provider.onPay = () => Promise.reject(new ProviderError('unknown_outcome', 'timed out'));
    world.provider.onLookup = () => Promise.reject(new ProviderError('unknown_outcome', 'still'));
    const id = await submitted();
    for (const ms of [500, 2000, 5000]) await world.elapse(ms);
    const { view } = await expectEnded(id, 'failed', 'provider_unknown_outcome');
    const payment = await world.payment(id);
    expect(payment).toMatchObject({ status: 'unknown' });
    expect(view.payment).toEqual({ id: payment?.id, status: 'unknown' });
    expect(await world.attempts(id)).toMatchObject([{ state: 'unknown', failure: 'unknown_outcome' }]);
    expect(world.provider.lookups).toHaveLength(3);
    expect(world.provider.requests).toHaveLength(1);
  });

  test('that the provider has never seen goes out again, under the same key and with the same card', async () => {
    world.provider.onPay = async () => {
      if (world.provider.requests.length < 2) throw new ProviderError('unknown_outcome', 'timed out');
      return await Promise.resolve(PAID);
    };
    const id = await submitted();
    await world.elapse(500);
    await expectEnded(id, 'succeeded');
    const [first, second] = world.provider.requests;
    expect(second?.idempotencyKey).toBe(first?.idempotencyKey);
    expect(second).toMatchObject({ purpose: 'charge', amount: first?.amount, reference: 'order-1' });
    expect(world.provider.cards[1]).toEqual(world.provider.cards[0]);
    expect(world.provider.lookups).toEqual([first?.idempotencyKey]);
    expect(await world.attempts(id)).toMatchObject([{ state: 'succeeded', sends: 2 }]);
    expect(await world.payment(id)).toMatchObject({ status: 'captured' });
  });

  test('goes out three times at most, and stays unknown then: the first one may still arrive', async () => {
    world.provider.onPay = () => Promise.reject(new ProviderError('unknown_outcome', 'timed out'));
    const id = await submitted();
    for (const ms of [500, 2000, 5000]) await world.elapse(ms);
    await expectEnded(id, 'failed', 'provider_unknown_outcome');
    expect(world.provider.requests).toHaveLength(3);
    expect(new Set(world.provider.requests.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1);
    expect(await world.attempts(id)).toMatchObject([{ state: 'unknown', sends: 3 }]);
  });

  test.each(['unavailable', 'invalid_request', 'rate_limited', 'authentication'] as const)(
    'is not taken for failed because the second time was refused: %s',
    async (failure) => {
      world.provider.onPay = () => {
        const first = world.provider.requests.length === 1;
        return Promise.reject(new ProviderError(first ? 'unknown_outcome' : failure, 'no'));
      };
      const id = await submitted();
      for (const ms of [500, 2000, 5000]) await world.elapse(ms);
      await expectEnded(id, 'failed', 'provider_unknown_outcome');
      expect(await world.attempts(id)).toMatchObject([{ state: 'unknown' }]);
    },
  );

  test('of a provider that cannot be asked is sent again without a look: it promises to know the key', async () => {
    world.provider.capabilities = { ...ALL_CAPABILITIES, recovery: 'replay' };
    world.provider.onPay = async () => {
      if (world.provider.requests.length < 3) throw new ProviderError('unknown_outcome', 'timed out');
      return await Promise.resolve(PAID);
    };
    const id = await submitted();
    for (const ms of [500, 2000]) await world.elapse(ms);
    await expectEnded(id, 'succeeded');
    expect(world.provider.lookups).toEqual([]);
    expect(new Set(world.provider.requests.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1);
  });

  test('holds the values no longer than the look-up lasts, and takes no command meanwhile', async () => {
    world.provider.onPay = () => Promise.reject(new ProviderError('unknown_outcome', 'timed out'));
    const id = await submitted();
    await until(() => world.clock.pending === 1);
    for (const type of ['cancel', 'pause', 'submit'] as const) {
      await expect(world.captures.command(world.actor, id, { type })).rejects.toMatchObject({
        code: 'processing',
      });
    }
    world.calls.masking.listener.callEnded('caller_hung_up');
    world.calls.masking.listener.failed('masking_lost');
    expect(await world.captures.get(world.actor, id)).toMatchObject({ status: 'processing' });
    world.provider.onLookup = () => Promise.resolve(PAID);
    world.clock.advance(500);
    await expectEnded(id, 'succeeded');
  });
});

describe('a capture that ends without a payment', () => {
  afterEach(() => {
    // oxlint-disable-next-line vitest/no-standalone-expect -- holds for every test of this block
    expect(world.provider.requests).toEqual([]);
  });

  test('cancelled in mid-field', async () => {
    const { id } = await world.collecting();
    world.calls.masking.keys(`${VISA}#12`);
    await world.captures.command(world.actor, id, { type: 'cancel' });
    const { view } = await expectEnded(id, 'cancelled');
    expect(view.fields[1]).toMatchObject({ status: 'empty', digits: 0 });
    expect(view).not.toHaveProperty('payment');
    expect(await world.attempts(id)).toEqual([]);
    expect(await world.payment(id)).toMatchObject({ status: 'voided' });
  });

  test('cancelled while it is being secured: masking is undone once it stands', async () => {
    world.calls.confirms = false;
    const { id } = await world.create();
    await until(() => world.calls.maskings.length === 1);
    await world.captures.command(world.actor, id, { type: 'cancel' });
    expect(world.calls.masking.released).toBe(0);
    expect(world.captures.isCaptured(world.call.callId)).toBe(true);
    world.calls.masking.confirm();
    const row = await expectEnded(id, 'cancelled');
    expect(row.evidence).toMatchObject({ capture_id: id });
  });

  test('expired, counted from the request for masking', async () => {
    const { id } = await world.collecting({ timeout_seconds: 10 });
    world.calls.masking.keys(`${VISA}#`);
    world.clock.advance(9999);
    expect(await world.captures.get(world.actor, id)).toMatchObject({ status: 'collecting' });
    world.clock.advance(1);
    await expectEnded(id, 'expired');
  });

  test('too many attempts, the last by the caller falling silent', async () => {
    const { id } = await world.collecting({
      fields: [{ field: 'card_number', max_attempts: 2 }],
      inter_digit_timeout_seconds: 5,
    });
    world.calls.masking.keys('4012001037141113#');
    expect(await world.captures.get(world.actor, id)).toMatchObject({
      fields: [{ status: 'rejected', reason: 'luhn', attempts: 1 }],
    });
    world.calls.masking.keys('4012');
    world.clock.advance(5000);
    const { view } = await expectEnded(id, 'failed', 'too_many_attempts');
    expect(view.fields[0]).toMatchObject({ status: 'rejected', reason: 'timed_out', attempts: 2 });
  });

  test.each(['caller_hung_up', 'agent_hung_up'] as const)('abandoned: %s', async (end) => {
    const { id } = await world.collecting();
    world.calls.masking.keys(`${VISA}#`);
    world.calls.masking.listener.callEnded(end);
    await expectEnded(id, 'abandoned', end);
  });

  test.each(['masking_lost', 'masking_breached'] as const)('%s', async (failure) => {
    const { id } = await world.collecting();
    world.calls.masking.keys('40120010');
    world.calls.masking.listener.failed(failure);
    const row = await expectEnded(id, 'failed', failure);
    expect(row.evidence).toMatchObject({ keys_delivered: 8 });
  });

  test('masking refused: what was done is the evidence, and there is nothing to undo', async () => {
    world.calls.confirms = false;
    const { id } = await world.create();
    await until(() => world.calls.maskings.length === 1);
    world.calls.masking.refuse('masking_unavailable');
    const row = await world.ended(id);
    expect(row).toMatchObject({ status: 'failed', reason: 'masking_unavailable', ended: true });
    expect(row.evidence).toMatchObject({ capture_id: id, keys_delivered: 0 });
    expect(world.calls.masking.released).toBe(0);
    expect(await world.captures.evidence(world.actor, id)).toEqual(row.evidence);
  });

  test.each([['an error'], [undefined], [null], [{ failure: undefined }], [new Error('no such call')]])(
    'masking fails in a way that says nothing: %j',
    async (error) => {
      world.calls.confirms = false;
      const { id } = await world.create();
      await until(() => world.calls.maskings.length === 1);
      world.calls.masking.reject(error);
      const row = await world.ended(id);
      expect(row).toMatchObject({ status: 'failed', reason: 'masking_unavailable', evidence: null });
    },
  );

  test('the call ends before `secure` has returned: masking is undone all the same', async () => {
    const secure = world.calls.secure.bind(world.calls);
    world.calls.secure = (callId, options, listener) => {
      listener.callEnded('caller_hung_up');
      return secure(callId, options, listener);
    };
    const { id } = await world.create();
    await expectEnded(id, 'abandoned', 'caller_hung_up');
  });

  test('masking cannot be undone: the capture ends, and it is logged', async () => {
    const { id } = await world.collecting();
    world.calls.masking.releaseGate = Promise.reject(new Error('lock not opened'));
    await world.captures.command(world.actor, id, { type: 'cancel' });
    const row = await expectEnded(id, 'cancelled');
    expect(row.evidence).not.toBeNull();
    expect(world.logged.join('')).toContain('masking not released');
  });

  test('something of ours breaks: the digits are wiped and nobody else is troubled', async () => {
    const { id } = await world.collecting();
    world.calls.masking.keys('4012');
    vi.spyOn(SecretBuffer.prototype, 'append').mockImplementationOnce(() => {
      throw new Error('broken');
    });
    expect(() => world.calls.masking.keys('0')).not.toThrow();
    await expectEnded(id, 'failed', 'internal_error');
    expect(world.logged.join('')).toContain('capture broke');
  });
});

describe('keys', () => {
  test('before masking is confirmed and after the end go nowhere', async () => {
    world.calls.confirms = false;
    const { id } = await world.create();
    await until(() => world.calls.maskings.length === 1);
    world.calls.masking.keys('4012');
    world.calls.masking.confirm();
    expect(await world.reaches(id, 'collecting')).toMatchObject({ fields: [{ digits: 0 }, {}, {}] });
    await world.captures.command(world.actor, id, { type: 'cancel' });
    const ended = await world.captures.get(world.actor, id);
    world.calls.masking.keys('4012');
    expect((await world.ended(id)).view).toEqual(ended);
    expect(wiped()).toEqual([]);
  });

  test('while masking is in doubt are not taken, and half a field is asked for again', async () => {
    const { id } = await world.collecting();
    world.calls.masking.keys('4012');
    world.calls.masking.listener.interrupted('media_server_unreachable');
    expect(await world.captures.get(world.actor, id)).toMatchObject({
      paused: 'masking',
      interruption: 'media_server_unreachable',
      fields: [{ status: 'rejected', reason: 'interrupted', digits: 0, attempts: 0 }, {}, {}],
    });
    world.calls.masking.keys('001');
    await expect(world.captures.command(world.actor, id, { type: 'resume' })).rejects.toMatchObject({
      code: 'masking_interrupted',
    });
    world.calls.masking.listener.restored();
    const restored = await world.captures.get(world.actor, id);
    expect(restored).not.toHaveProperty('paused');
    expect(restored).toMatchObject({ stray_keys: 3 });
    world.calls.masking.keys(CARD);
    expect(await world.reaches(id, 'ready')).toBeDefined();
  });
});
