import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { PaymentOutcome } from '../../../src/payments/contract.ts';
import { agentMessage } from '../../../src/payments/decline-reasons.ts';
import { sendLeaseMs } from '../../../src/workflows/payments/leases.ts';
import { settle } from '../../../src/workflows/payments/settle.ts';
import { reconcileOnce } from '../../../src/workflows/reconcile.ts';
import { interruptOrphans } from '../../../src/workflows/recovery.ts';
import { failAttempt, settleAttempt } from '../../../src/workflows/stores/attempt-outcome-store.ts';
import { insertAttempt } from '../../../src/workflows/stores/attempt-store.ts';
import { newId } from '../../../src/kernel/ids.ts';
import { createTestDatabase, execute, type TestDatabase } from '../../support/database.ts';
import { PAID } from './fakes.ts';
import { CARD, Follower, until, World } from './world.ts';

let db: TestDatabase;
let world: World;

beforeAll(async () => {
  db = await createTestDatabase({ poolSize: 6 });
});
afterAll(() => db.close());
beforeEach(async () => {
  world = await World.start(db);
});

const recover = async (owner: { callId: string } | { instanceId: string }): Promise<void> =>
  await interruptOrphans({ database: db.database, clock: world.clock, logger: world.logger }, owner);
const recoverAll = async (): Promise<void> => await recover({ instanceId: world.instanceId });

/** A capture whose process died while the caller keyed. */
async function orphan(): Promise<string> {
  const { id } = await world.collecting();
  world.calls.masking.keys('4012001037141112#12');
  await world.captures.command(world.actor, id, { type: 'pause' });
  await world.captures.settle(1000);
  return id;
}

/** How many wait for a lock in this database. */
async function waiting(): Promise<number> {
  const rows = await execute<{ count: number }>(
    db.url,
    `select count(*)::int as count from pg_stat_activity
     where datname = current_database() and wait_event_type = 'Lock'`,
  );
  return rows[0]?.count ?? 0;
}

/** The process that comes after. */
const next = () => world.desk(undefined, 'next');

describe('captures that a process left open', () => {
  test('are interrupted, and say when', async () => {
    const id = await orphan();
    world.clock.advance(60_000);
    await recoverAll();
    const row = await world.row(id);
    expect(row).toMatchObject({ status: 'interrupted', reason: null, ended: true });
    expect(row.view).toMatchObject({
      status: 'interrupted',
      ended_at: world.clock.now().toISOString(),
      updated_at: world.clock.now().toISOString(),
    });
    for (const name of ['focus', 'paused', 'interruption', 'payment'])
      expect(row.view).not.toHaveProperty(name);
    expect(await next().get(world.actor, id)).toEqual(row.view);
  });

  test('show nothing of what was half keyed, and keep what was accepted', async () => {
    const id = await orphan();
    await recoverAll();
    const { fields } = await next().get(world.actor, id);
    expect(fields[0]).toMatchObject({ field: 'card_number', status: 'accepted', last4: '1112' });
    expect(fields[1]).toEqual({ field: 'expiry', required: true, status: 'empty', digits: 0, attempts: 0 });
  });

  test('get one more event, far above every number that was told', async () => {
    const id = await orphan();
    const before = await world.storedEvents(id);
    await recoverAll();
    const events = await world.storedEvents(id);
    expect(events.slice(0, -1)).toEqual(before);
    expect(events.at(-1)).toMatchObject({
      sequence: (before.at(-1)?.sequence ?? 0) + 1000,
      type: 'capture.status',
      capture: (await world.row(id)).view,
    });
    const follower = await Follower.of(world, id, before.at(-1)?.sequence, next());
    expect(follower).toMatchObject({ statuses: ['interrupted'], ended: 1 });
  });

  test('free the call for a new one', async () => {
    const id = await orphan();
    const request = { call_id: world.call.callId, purpose: 'tokenize' } as const;
    await expect(next().create(world.actor, request)).rejects.toMatchObject({ code: 'capture_running' });
    await recoverAll();
    expect((await next().create(world.actor, request)).id).not.toBe(id);
  });

  test('stay as they are when the process was only thought dead', async () => {
    const id = await orphan();
    await recoverAll();
    const row = await world.row(id);
    world.calls.masking.keys('29');
    await world.captures.command(world.actor, id, { type: 'cancel' });
    await world.ended(id);
    expect((await world.row(id)).view).toEqual(row.view);
  });

  test('are interrupted once', async () => {
    const id = await orphan();
    await recoverAll();
    const events = await world.storedEvents(id);
    world.clock.advance(1000);
    await Promise.all([recoverAll(), recoverAll(), recover({ callId: world.call.callId })]);
    expect(await world.storedEvents(id)).toEqual(events);
  });

  test('are left alone when another process owns them, and when they had ended', async () => {
    const id = await orphan();
    await recover({ instanceId: 'someone-else' });
    expect(await world.row(id)).toMatchObject({ status: 'collecting' });
    await world.captures.command(world.actor, id, { type: 'cancel' });
    await world.ended(id);
    await recoverAll();
    expect(await world.row(id)).toMatchObject({ status: 'cancelled' });
  });

  test('are found by their call, whatever process had them and whatever their account', async () => {
    const id = await orphan();
    const other = await World.start(db);
    const foreign = await other.collecting();
    await recover({ callId: world.call.callId });
    expect(await world.row(id)).toMatchObject({ status: 'interrupted' });
    expect(await other.row(foreign.id)).toMatchObject({ status: 'collecting' });
  });

  test('of all accounts are found by their process', async () => {
    const worlds = await Promise.all([1, 2].map(async () => await World.start(db, { instanceId: 'shared' })));
    const ids = await Promise.all(worlds.map(async (one) => (await one.collecting()).id));
    await Promise.all(worlds.map(async (one) => await one.captures.settle(1000)));
    await recover({ instanceId: 'shared' });
    for (const [n, one] of worlds.entries()) {
      expect(await one.row(ids[n] ?? '')).toMatchObject({ status: 'interrupted' });
    }
  });

  test('are logged without anything that was keyed', async () => {
    const id = await orphan();
    await recoverAll();
    const lines = world.logged.filter((line) => line.includes('interrupted by a crash'));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(id);
    expect(lines[0]).not.toContain('40120010');
  });
});

describe('a payment that the process had under way', () => {
  /** A process that dies while the provider has the card. */
  async function paying(): Promise<string> {
    world.provider.onPay = async () => await new Promise(() => undefined);
    const { id } = await world.collecting();
    world.calls.masking.keys(CARD);
    await world.captures.command(world.actor, id, { type: 'submit' });
    await until(() => world.provider.requests.length === 1);
    await world.captures.get(world.actor, id);
    await until(async () => (await world.row(id)).status === 'processing');
    return id;
  }

  test('is unknown, and so is its attempt', async () => {
    const id = await paying();
    await recoverAll();
    expect(await world.attempts(id)).toMatchObject([
      { state: 'unknown', failure: 'unknown_outcome', finished: true },
    ]);
    expect((await world.row(id)).view).toMatchObject({
      status: 'interrupted',
      payment: { status: 'unknown' },
    });
    expect(await world.payment(id)).toMatchObject({ status: 'unknown' });
    expect(world.provider.requests).toHaveLength(1);
  });

  test('is settled by another and recovered at the same moment: neither waits for the other in a circle', async () => {
    const id = await paying();
    const rows = await execute<{ id: string; payment: string }>(
      db.url,
      'select id, payment_id as payment from payment_attempts where capture_id = $1',
      [id],
    );
    const attempt = {
      id: rows[0]?.id ?? '',
      accountId: world.accountId,
      captureId: id,
      paymentId: rows[0]?.payment ?? '',
    };
    let recovering: Promise<void> | undefined;
    const settled = await settle(
      world.payments(),
      { ...attempt, operation: 'charge', amount: 4200 },
      { kind: 'outcome', outcome: PAID },
      {
        // The payment is locked, the attempt not yet: until here recovery comes, and waits.
        guard: async () => {
          recovering = recoverAll();
          await until(async () => (await waiting()) > 0);
        },
      },
    );
    await recovering;
    expect(settled?.payment).toMatchObject({ status: 'captured' });
    expect(await world.payment(id)).toMatchObject({ status: 'captured' });
    expect((await world.row(id)).view).toMatchObject({
      status: 'interrupted',
      payment: { status: 'succeeded' },
    });
  });

  test('is left to its process for a while when that may only have lost the call', async () => {
    const id = await paying();
    await recover({ callId: world.call.callId });
    expect(await world.attempts(id)).toMatchObject([{ state: 'unknown' }]);
    world.provider.onLookup = () => Promise.resolve(PAID);
    await reconcileOnce(world.payments({ instanceId: 'next' }));
    expect(await world.payment(id)).toMatchObject({ status: 'unknown' });
    world.clock.advance(sendLeaseMs(1000));
    await reconcileOnce(world.payments({ instanceId: 'next' }));
    expect(await world.payment(id)).toMatchObject({ status: 'captured' });
  });

  /** What the attempt says when the last event was not written any more. */
  const recorded: [string, PaymentOutcome | 'failed', Record<string, unknown>][] = [
    [
      'succeeded',
      { ...PAID, providerToken: 'tok_1' },
      { status: 'succeeded', provider_reference: 'pay_1', authorization_code: 'A1B2', token: 'tok_1' },
    ],
    [
      'succeeded',
      { result: 'succeeded', providerReference: 'pay_1' },
      { status: 'succeeded', provider_reference: 'pay_1' },
    ],
    [
      'declined',
      { result: 'declined', reason: 'expired_card', rawCode: '54', providerReference: 'pay_2' },
      {
        status: 'declined',
        decline_reason: 'expired_card',
        agent_message: agentMessage('expired_card'),
        provider_reference: 'pay_2',
      },
    ],
    [
      'declined',
      { result: 'declined', reason: 'expired_card', rawCode: '54' },
      {
        status: 'declined',
        decline_reason: 'expired_card',
        agent_message: agentMessage('expired_card'),
      },
    ],
    ['failed', 'failed', { status: 'failed' }],
  ];

  test.each(recorded)(
    'is %s when its attempt says so: the events were behind',
    async (state, outcome, payment) => {
      const id = await paying();
      const [attempt] = await world.attempts(id);
      await db.database.transaction(world.accountId, async (tx) => {
        if (outcome === 'failed') {
          const rows = await tx.query<{ id: string; holder: string }>(
            'select id, holder from payment_attempts where id = $1',
            [attempt?.id],
          );
          for (const row of rows) await failAttempt(tx, row, 'rate_limited', world.clock.now());
        } else await settleAttempt(tx, attempt?.id ?? '', outcome, world.clock.now());
      });
      await recoverAll();
      expect(await world.attempts(id)).toMatchObject([{ state }]);
      const shown = (await world.row(id)).view.payment;
      expect(shown).toEqual({ id: (await world.payment(id))?.id, ...payment });
    },
  );

  test('is unknown even if the capture had not told yet that it was sent', async () => {
    const id = await orphan();
    await db.database.transaction(
      world.accountId,
      async (tx) =>
        await insertAttempt(tx, {
          id: newId('att'),
          accountId: world.accountId,
          captureId: id,
          provider: 'fake',
          providerId: 'default',
          mode: 'test',
          idempotencyKey: newId('att'),
          operation: 'charge',
          amount: { value: 4200, currency: 'EUR' },
          fingerprint: randomBytes(32),
          instanceId: world.instanceId,
          holder: newId('clm'),
          leaseUntil: world.clock.now(),
          createdAt: world.clock.now(),
        }),
    );
    await recoverAll();
    expect((await world.row(id)).view.payment).toEqual({ status: 'unknown' });
  });

  test('has failed when there is no attempt: nothing was sent', async () => {
    const id = await orphan();
    await execute(
      db.url,
      `update captures set status = 'processing', view = view || '{"status":"processing","payment":{"status":"processing"}}'
       where id = $1`,
      [id],
    );
    await recoverAll();
    expect((await world.row(id)).view.payment).toEqual({ status: 'failed' });
  });
});
