import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Database } from '../../../src/db/database.ts';
import { databaseUnavailable } from '../../../src/db/errors.ts';
import { ProviderError } from '../../../src/payments/errors.ts';
import { reconcileOnce } from '../../../src/workflows/reconcile.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { createTestDatabase, execute, type TestDatabase } from '../../support/database.ts';
import { PAID } from './fakes.ts';
import { CARD, Follower, range, until, World } from './world.ts';

let db: TestDatabase;
let world: World;

beforeAll(async () => {
  db = await createTestDatabase({ poolSize: 4 });
});
afterAll(() => db.close());
beforeEach(async () => {
  world = await World.start(db);
});
afterEach(async () => await setDatabase('up'));

/** `down`: every connection is cut and none is let in. */
async function setDatabase(state: 'up' | 'down'): Promise<void> {
  const admin = new URL(db.url);
  const name = admin.pathname.slice(1);
  admin.pathname = '/postgres';
  await execute(admin.href, `alter database ${name} allow_connections ${state === 'up'}`);
  if (state === 'up') return;
  await execute(admin.href, 'select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [
    name,
  ]);
  await expect(db.database.ping()).rejects.toMatchObject({ code: 'database_unavailable' });
}

/** Lets the writer try again until everything is there. */
async function written(captureId: string, last: number): Promise<void> {
  await until(async () => {
    world.clock.advance(5000);
    return (await world.storedEvents(captureId)).length >= last;
  });
}

const failures = (): number => world.logged.filter((line) => line.includes('events not written')).length;

describe('the database goes away while a capture collects', () => {
  test('the capture goes on, followers are told, and every event is written in the end', async () => {
    const { id } = await world.collecting({ timeout_seconds: 1800 });
    const follower = await Follower.of(world, id);
    await setDatabase('down');
    world.calls.masking.keys('4012');
    await until(() => failures() > 0);
    world.calls.masking.keys('0010');
    expect(follower.events.at(-1)?.capture.fields[0]?.digits).toBe(8);
    expect(await world.captures.get(world.actor, id)).toMatchObject({ fields: [{ digits: 8 }, {}, {}] });
    const answer = world.captures
      .command(world.actor, id, { type: 'cancel' })
      .catch((error: unknown) => error);
    expect(await world.captures.get(world.actor, id)).toMatchObject({ status: 'cancelled' });
    const before = failures();
    world.clock.advance(500);
    await until(() => failures() > before);
    expect(world.calls.masking.released).toBe(1);
    // It is not acknowledged: its audit record is not there. It has happened all the same.
    world.clock.advance(9500);
    expect(await answer).toMatchObject({ code: 'record_pending', kind: 'unavailable' });

    await setDatabase('up');
    const last = follower.events.at(-1)?.sequence ?? 0;
    await written(id, last);
    const row = await world.ended(id);
    expect(row).toMatchObject({ status: 'cancelled', ended: true });
    expect(row.evidence).toMatchObject({ keys_delivered: 8 });
    expect((await world.storedEvents(id)).map(({ sequence }) => sequence)).toEqual(range(1, last));
    expect(world.clock.pending).toBe(0);
  });

  test('nothing is sent to the provider without the row of its attempt', async () => {
    const { id } = await world.collecting({ timeout_seconds: 1800 });
    world.calls.masking.keys(CARD);
    await world.reaches(id, 'ready');
    await world.captures.settle(1000);
    await setDatabase('down');
    const submitted = world.captures.command(world.actor, id, { type: 'submit' });
    expect(await world.reaches(id, 'failed')).toMatchObject({
      reason: 'internal_error',
      payment: { status: 'failed' },
    });
    await until(() => failures() > 0);
    await setDatabase('up');
    world.clock.advance(100);
    // Acknowledged once its audit record is written.
    expect(await submitted).toMatchObject({ status: 'processing' });
    expect(await world.audited(id)).toContain('capture.submit');
    await until(() => (world.clock.advance(5000), !world.captures.isCaptured(world.call.callId)));
    expect(world.provider.requests).toEqual([]);
    expect(await world.attempts(id)).toEqual([]);
    expect(await world.row(id)).toMatchObject({ status: 'failed', reason: 'internal_error' });
  });

  test('nothing is created, and no call is locked', async () => {
    await setDatabase('down');
    await expect(world.create()).rejects.toMatchObject({ code: 'database_unavailable', kind: 'unavailable' });
    expect(world.calls.maskings).toEqual([]);
    // There is no row to withdraw: the transaction never came to its commit.
    expect(world.clock.pending).toBe(0);
    await setDatabase('up');
    expect(await world.create()).toMatchObject({ status: 'securing' });
  });

  test('a follower that comes meanwhile gets everything once it is back', async () => {
    const { id } = await world.collecting({ timeout_seconds: 1800 });
    await setDatabase('down');
    world.calls.masking.keys('40120');
    await until(() => failures() > 0);
    const coming = Follower.of(world, id);
    world.calls.masking.keys('01037');
    await setDatabase('up');
    await until(() => (world.clock.advance(5000), failures() > 0));
    const follower = await coming;
    world.calls.masking.keys('14');
    expect(follower.sequences).toEqual(range(1, follower.events.length));
    expect(follower.events.at(-1)?.capture.fields[0]?.digits).toBe(12);
  });
});

/** A database that loses the answers of some commits: the work is done, and its caller is told that it is not known. */
function losingAnswers(inner: Database, loses: (transaction: number) => boolean): Database {
  let count = 0;
  return {
    ...inner,
    transaction: async (accountId, work) => {
      count += 1;
      const lost = loses(count);
      const result = await inner.transaction(accountId, work);
      if (lost) throw databaseUnavailable(new Error('connection lost in commit'));
      return result;
    },
  };
}

describe('the answer to a commit is lost', () => {
  test('events that are there already are not taken for a fault, and none is written twice', async () => {
    let losing = false;
    const database = losingAnswers(db.database, () => losing);
    const lossy = await World.start(db, { database });
    const { id } = await lossy.collecting();
    losing = true;
    lossy.calls.masking.keys('4012');
    await until(() => lossy.logged.join('').includes('events not written'));
    losing = false;
    const cancelled = lossy.captures.command(lossy.actor, id, { type: 'cancel' });
    lossy.clock.advance(100);
    expect(await cancelled).toMatchObject({ status: 'cancelled' });
    expect(await lossy.ended(id)).toMatchObject({ status: 'cancelled', ended: true });
    const events = await lossy.storedEvents(id);
    expect(events.map(({ sequence }) => sequence)).toEqual(range(1, events.length));
    // What goes with the events, in the same transaction, is there once as well.
    expect((await lossy.audited(id)).filter((operation) => operation === 'capture.cancel')).toHaveLength(1);
    expect((await lossy.told(id)).filter((type) => type === 'capture.cancelled')).toHaveLength(1);
    expect(await lossy.create()).toMatchObject({ status: 'securing' });
  });
});

describe('the answer to the commit of a new capture is lost', () => {
  test('the client is told that it failed, and the row that nobody runs does not block the call', async () => {
    let losing = true;
    const lossy = await World.start(db, { database: losingAnswers(db.database, () => losing) });
    await expect(lossy.create()).rejects.toMatchObject({ code: 'database_unavailable' });
    losing = false;
    const again = await until(async () => await lossy.create().catch(() => undefined));
    expect(again).toMatchObject({ status: 'securing' });
  });
});

describe('the outcome of a payment cannot be written', () => {
  /** A database that refuses every change of an attempt. */
  function refusingAttempts(inner: Database, refuses: () => boolean): Database {
    return {
      ...inner,
      transaction: (accountId, work) =>
        inner.transaction(
          accountId,
          async (tx) =>
            await work({
              query: async (text, values) => {
                if (refuses() && text.includes('UPDATE payment_attempts')) throw databaseUnavailable('gone');
                return await tx.query(text, values);
              },
            }),
        ),
    };
  }

  test.each([
    ['an outcome', () => Promise.resolve(PAID), 'succeeded'],
    ['that there is none', () => Promise.reject(new ProviderError('unknown_outcome', 'x')), 'failed'],
  ] as const)(
    '%s: the client is told, and the attempt is reconciled later, not paid again',
    async (_, pay, status) => {
      let refusing = true;
      const broken = await World.start(db, { database: refusingAttempts(db.database, () => refusing) });
      broken.provider.onPay = pay;
      const { id } = await broken.collecting();
      broken.calls.masking.keys(CARD);
      await broken.captures.command(broken.actor, id, { type: 'submit' });
      const row = await until(async () => {
        broken.clock.advance(100);
        return !broken.captures.isCaptured(broken.call.callId) && (await broken.row(id));
      });
      expect(row.status).toBe(status);
      expect(await broken.attempts(id)).toMatchObject([{ state: 'processing', finished: false }]);

      refusing = false;
      broken.provider.onLookup = () => Promise.resolve(PAID);
      // The process that holds it is dead: its clock stands still, and the reconciler's goes on.
      const clock = new ManualClock(new Date(broken.clock.now().getTime() + 600_000).toISOString());
      expect(await reconcileOnce(broken.payments({ clock }))).toBe(1);
      expect(await broken.attempts(id)).toMatchObject([{ state: 'succeeded', reference: 'pay_1' }]);
      expect((await broken.row(id)).view.payment).toMatchObject({
        status: 'succeeded',
        provider_reference: 'pay_1',
      });
      expect(broken.provider.requests).toHaveLength(1);
    },
  );
});
