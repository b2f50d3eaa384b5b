import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { newId } from '../../../src/kernel/ids.ts';
import type { PaymentOutcome } from '../../../src/payments/contract.ts';
import { agentMessage } from '../../../src/payments/decline-reasons.ts';
import { ProviderError } from '../../../src/payments/errors.ts';
import { reconcileOnce, startReconciler } from '../../../src/workflows/reconcile.ts';
import { doubtAttempt } from '../../../src/workflows/stores/attempt-outcome-store.ts';
import { insertAttempt } from '../../../src/workflows/stores/attempt-store.ts';
import { createTestDatabase, execute, type TestDatabase } from '../../support/database.ts';
import { ALL_CAPABILITIES } from '../../support/payment-provider.ts';
import { insertCapture } from '../../support/rows.ts';
import { PAID } from './fakes.ts';
import { CARD, until, World } from './world.ts';

let db: TestDatabase;
let world: World;

beforeAll(async () => {
  db = await createTestDatabase({ poolSize: 6 });
});
afterAll(() => db.close());
beforeEach(async () => {
  world = await World.start(db);
  // What earlier tests left without an outcome stays so and is looked up as well.
  world.provider.onLookup = () => Promise.resolve(undefined);
});

const options = () => world.payments();

/** A capture that has ended without its payment's outcome: the provider could not be asked, so it was sent once. */
async function unknown(): Promise<{ id: string; key: string }> {
  world.provider.onPay = () => Promise.reject(new ProviderError('unknown_outcome', 'timed out'));
  world.provider.onLookup = () => Promise.reject(new ProviderError('unknown_outcome', 'not now'));
  const { id } = await world.collecting();
  world.calls.masking.keys(CARD);
  await world.captures.command(world.actor, id, { type: 'submit' });
  for (const ms of [500, 2000, 5000]) await world.elapse(ms);
  await world.ended(id);
  world.provider.lookups.length = 0;
  world.provider.onLookup = () => Promise.resolve(undefined);
  const [attempt] = await world.attempts(id);
  return { id, key: attempt?.key ?? '' };
}

const knows =
  (key: string, outcome: PaymentOutcome) =>
  (asked: string): Promise<PaymentOutcome | undefined> =>
    Promise.resolve(asked === key ? outcome : undefined);

describe('an attempt without an outcome', () => {
  test('is settled when the provider knows it, and the capture says so', async () => {
    const { id, key } = await unknown();
    world.provider.onLookup = knows(key, PAID);
    const before = (await world.row(id)).view;
    world.clock.advance(60_000);
    expect(await reconcileOnce(options())).toBe(1);
    expect(await world.attempts(id)).toMatchObject([
      { state: 'succeeded', failure: null, reference: 'pay_1', code: 'A1B2' },
    ]);
    const row = await world.row(id);
    // It did fail at the time; what became of the money is the payment's status.
    expect(row).toMatchObject({ status: 'failed', reason: 'provider_unknown_outcome', ended: true });
    expect(row.view).toEqual({
      ...before,
      payment: {
        id: before.payment?.id,
        status: 'succeeded',
        provider_reference: 'pay_1',
        authorization_code: 'A1B2',
      },
      updated_at: world.clock.now().toISOString(),
    });
    expect(await world.captures.get(world.actor, id)).toEqual(row.view);
  });

  test('is settled as declined', async () => {
    const { id, key } = await unknown();
    world.provider.onLookup = knows(key, { result: 'declined', reason: 'lost_or_stolen', rawCode: '43' });
    await reconcileOnce(options());
    expect(await world.attempts(id)).toMatchObject([{ state: 'declined', reason: 'lost_or_stolen' }]);
    const payment = await world.payment(id);
    expect(payment).toMatchObject({ status: 'declined', reason: 'lost_or_stolen' });
    expect((await world.row(id)).view.payment).toEqual({
      id: payment?.id,
      status: 'declined',
      decline_reason: 'lost_or_stolen',
      agent_message: agentMessage('generic_decline'),
    });
  });

  test('is looked up by its key, never paid again, and not looked up once it is settled', async () => {
    const { key } = await unknown();
    world.provider.onLookup = knows(key, PAID);
    await reconcileOnce(options());
    expect(world.provider.lookups.filter((asked) => asked === key)).toHaveLength(1);
    expect(await reconcileOnce(options())).toBe(0);
    expect(world.provider.lookups.filter((asked) => asked === key)).toHaveLength(1);
    expect(world.provider.requests).toHaveLength(1);
  });

  test('stays unknown as long as the provider may only not have seen it yet', async () => {
    const { id, key } = await unknown();
    const before = await world.row(id);
    expect(await reconcileOnce(options())).toBe(0);
    expect(world.provider.lookups).toContain(key);
    expect(await world.attempts(id)).toMatchObject([{ state: 'unknown' }]);
    expect(await world.row(id)).toEqual(before);
    // Its card was never stored: nothing can be sent again.
    expect(world.provider.requests).toHaveLength(1);
  });

  test('has failed once that is proof that it never arrived', async () => {
    const { id } = await unknown();
    world.clock.advance(ALL_CAPABILITIES.absenceProvenAfterMs - 10_000);
    await reconcileOnce(options());
    expect(await world.attempts(id)).toMatchObject([{ state: 'unknown' }]);
    world.clock.advance(30_000);
    await reconcileOnce(options());
    expect(await world.attempts(id)).toMatchObject([{ state: 'failed', failure: 'never_arrived' }]);
    const payment = await world.payment(id);
    expect(payment).toMatchObject({ status: 'failed', failure: 'never_arrived' });
    expect((await world.row(id)).view.payment).toEqual({ id: payment?.id, status: 'failed' });
    expect((await world.told(id)).slice(-1)).toEqual(['payment.failed']);
  });

  test('of a provider that cannot be asked stays unknown: its card is gone', async () => {
    const { id } = await unknown();
    world.provider.capabilities = { ...ALL_CAPABILITIES, recovery: 'replay' };
    world.clock.advance(24 * 60 * 60_000);
    expect(await reconcileOnce(options())).toBe(0);
    expect(world.provider.lookups).toEqual([]);
    expect(await world.attempts(id)).toMatchObject([{ state: 'unknown' }]);
  });

  test('that cannot be looked up does not keep others from being settled', async () => {
    const first = await unknown();
    const second = await unknown();
    world.provider.onLookup = async (key) => {
      if (key === first.key) throw new ProviderError('unknown_outcome', 'not now');
      return await Promise.resolve(key === second.key ? PAID : undefined);
    };
    expect(await reconcileOnce(options())).toBe(1);
    expect(await world.attempts(first.id)).toMatchObject([{ state: 'unknown' }]);
    expect(await world.attempts(second.id)).toMatchObject([{ state: 'succeeded' }]);
    expect(world.logged.join('')).toContain('payment look-up failed');
  });

  test('of another provider is not asked of this one', async () => {
    const { id, key } = await unknown();
    await execute(db.url, `update payment_attempts set provider_id = 'prv_other' where capture_id = $1`, [
      id,
    ]);
    world.provider.onLookup = knows(key, PAID);
    await reconcileOnce(options());
    expect(world.provider.lookups).not.toContain(key);
    expect(world.logged.join('')).toContain('the provider of an attempt is gone');
  });

  test('of a capture that is not over is left to that capture', async () => {
    world.provider.onPay = () => Promise.reject(new ProviderError('unknown_outcome', 'timed out'));
    const { id } = await world.collecting();
    world.calls.masking.keys(CARD);
    await world.captures.command(world.actor, id, { type: 'submit' });
    await until(async () => (await world.attempts(id))[0]?.state === 'unknown');
    await until(() => world.clock.pending === 1);
    const [attempt] = await world.attempts(id);
    world.provider.onLookup = knows(attempt?.key ?? '', PAID);
    expect(await reconcileOnce(options())).toBe(0);
    expect(await world.attempts(id)).toMatchObject([{ state: 'unknown' }]);
    world.clock.advance(500);
    expect(await world.ended(id)).toMatchObject({
      status: 'succeeded',
      view: { payment: { status: 'succeeded' } },
    });
  });

  test('is found behind hundreds that the provider will never know', async () => {
    const added: string[] = [];
    const at = world.clock.now();
    await db.database.transaction(world.accountId, async (tx) => {
      for (let n = 0; n < 230; n += 1) {
        const attempt = {
          id: newId('att'),
          accountId: world.accountId,
          captureId: `cap_${n}_${world.accountId}`,
          provider: 'fake',
          providerId: 'default',
          mode: 'test' as const,
          idempotencyKey: newId('att'),
          operation: 'tokenize' as const,
          fingerprint: randomBytes(32),
          instanceId: 'gone',
          holder: newId('clm'),
          leaseUntil: at,
          createdAt: at,
        };
        added.push(attempt.idempotencyKey);
        await insertCapture(tx, world.accountId, world.call.callId, attempt.captureId);
        await tx.query(`update captures set status = 'failed', ended_at = now() where id = $1`, [
          attempt.captureId,
        ]);
        await insertAttempt(tx, attempt);
        await doubtAttempt(tx, attempt.id, { holder: attempt.holder, givenUpAt: at, leaseUntil: at });
      }
    });
    world.provider.onLookup = (key) => Promise.resolve(key === added.at(-1) ? PAID : undefined);
    expect(await reconcileOnce(options())).toBe(1);
    for (const key of added) expect(world.provider.lookups.filter((asked) => asked === key)).toHaveLength(1);
  });
});

describe('the reconciler', () => {
  test('looks at once, then every 30 seconds, until it is stopped', async () => {
    const { key } = await unknown();
    const rounds = (): number => world.provider.lookups.filter((asked) => asked === key).length;
    const reconciler = startReconciler(options());
    await until(() => rounds() === 1 && world.clock.pending === 1);
    world.clock.advance(29_999);
    expect(rounds()).toBe(1);
    world.clock.advance(1);
    await until(() => rounds() === 2 && world.clock.pending === 1);
    await reconciler.stop();
    expect(world.clock.pending).toBe(0);
  });

  test('goes on after a round that failed', async () => {
    const { key } = await unknown();
    let broken = true;
    const database = {
      ...db.database,
      systemTransaction: async <T>(work: Parameters<typeof db.database.systemTransaction<T>>[0]) => {
        if (broken) throw new Error('gone');
        return await db.database.systemTransaction(work);
      },
    };
    const reconciler = startReconciler({ ...options(), database });
    await until(() => world.logged.join('').includes('reconciliation failed'));
    broken = false;
    await world.elapse(30_000);
    await until(() => world.provider.lookups.includes(key) && world.clock.pending === 1);
    await reconciler.stop();
    expect(world.clock.pending).toBe(0);
  });

  test('that is stopped in the middle of a round starts no other', async () => {
    await unknown();
    let answer: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (answer = resolve));
    world.provider.onLookup = async () => {
      await gate;
      return undefined;
    };
    const reconciler = startReconciler(options());
    await until(() => world.provider.lookups.length > 0);
    const stopping = reconciler.stop();
    answer();
    await stopping;
    await until(async () => (await reconcileOnce(options())) === 0);
    expect(world.clock.pending).toBe(0);
  });
});
