import * as fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Database } from '../../../src/db/database.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { CARD, Follower, range, until, World } from './world.ts';

let db: TestDatabase;
let world: World;

beforeAll(async () => {
  db = await createTestDatabase({ poolSize: 6 });
});
afterAll(() => db.close());
beforeEach(async () => {
  world = await World.start(db);
});

const cancel = async (id: string): Promise<void> =>
  void (await world.captures.command(world.actor, id, { type: 'cancel' }));

describe('following a capture', () => {
  test('tells what was before and what comes, once each, and then its end', async () => {
    const { id } = await world.collecting();
    world.calls.masking.keys('4012');
    const follower = await Follower.of(world, id);
    expect(follower.sequences).toEqual(range(1, follower.events.length));
    expect(follower.events.at(-1)?.capture.fields[0]?.digits).toBe(4);
    world.calls.masking.keys('00');
    expect(follower.events.at(-1)?.capture.fields[0]?.digits).toBe(6);
    await cancel(id);
    await world.ended(id);
    expect(follower.events).toEqual(await world.storedEvents(id));
    expect(follower).toMatchObject({ ended: 1, late: 0 });
  });

  test('after an event tells only later ones', async () => {
    const { id } = await world.collecting();
    world.calls.masking.keys('4012');
    const all = await Follower.of(world, id);
    const seen = all.sequences.at(-2) ?? 0;
    const follower = await Follower.of(world, id, seen);
    expect(follower.sequences).toEqual([seen + 1]);
    await cancel(id);
    expect(follower.sequences).toEqual(range(seen + 1, seen + 2));
    await world.ended(id);
  });

  test('that was closed is told nothing more', async () => {
    const { id } = await world.collecting();
    const follower = await Follower.of(world, id);
    const before = follower.events.length;
    follower.subscription?.close();
    follower.subscription?.close();
    world.calls.masking.keys(CARD);
    await cancel(id);
    await world.ended(id);
    expect(follower.events).toHaveLength(before);
    expect(follower.ended).toBe(0);
  });

  test('a capture that is over tells all of it and ends at once', async () => {
    const { id } = await world.collecting();
    world.calls.masking.keys(CARD);
    await cancel(id);
    await world.ended(id);
    const follower = await Follower.of(world, id);
    expect(follower.events).toEqual(await world.storedEvents(id));
    expect(follower).toMatchObject({ ended: 1, late: 0 });
  });

  test('a capture that is over, by a client that saw its end, ends at once and tells nothing', async () => {
    const { id } = await world.collecting();
    await cancel(id);
    await world.ended(id);
    const last = (await world.storedEvents(id)).length;
    const follower = await Follower.of(world, id, last);
    expect(follower).toMatchObject({ events: [], ended: 1 });
  });

  test('a capture whose masking is still being undone, by a client that saw its end, ends at once', async () => {
    const { id } = await world.collecting();
    let release: () => void = () => undefined;
    world.calls.masking.releaseGate = new Promise((resolve) => (release = resolve));
    const first = await Follower.of(world, id);
    await cancel(id);
    expect(first.ended).toBe(1);
    const again = await Follower.of(world, id, first.events.at(-1)?.sequence);
    expect(again).toMatchObject({ events: [], ended: 1 });
    release();
    await world.ended(id);
    expect([first.ended, again.ended]).toEqual([1, 1]);
  });

  test('with a number that does not exist yet waits for the end', async () => {
    const { id } = await world.collecting();
    const follower = await Follower.of(world, id, 999_999_999);
    world.calls.masking.keys('4012');
    expect(follower).toMatchObject({ events: [], ended: 0 });
    await cancel(id);
    expect(follower).toMatchObject({ events: [], ended: 1 });
    await world.ended(id);
  });

  test('a capture of another process tells what is written and ends, so that the client asks again', async () => {
    const { id } = await world.collecting();
    world.calls.masking.keys('4012');
    await world.captures.settle(1000);
    const other = world.desk(undefined, 'second');
    const follower = await Follower.of(world, id, 0, other);
    expect(follower.events).toEqual(await world.storedEvents(id));
    expect(follower.ended).toBe(1);
  });

  test('a listener that throws ends its own subscription and nobody else’s', async () => {
    const { id } = await world.collecting();
    const good = await Follower.of(world, id);
    const last = good.events.at(-1)?.sequence ?? 0;
    await world.captures.follow(
      world.actor,
      id,
      last,
      () => {
        throw new Error('broken client');
      },
      () => undefined,
    );
    expect(() => world.calls.masking.keys('4012')).not.toThrow();
    expect(good.events.at(-1)?.sequence).toBe(last + 4);
  });

  test('a long capture is told page by page', async () => {
    const { id } = await world.collecting();
    await world.captures.command(world.actor, id, { type: 'pause' });
    const strays = 1100;
    for (let n = 0; n < strays; n += 1) world.calls.masking.keys('1');
    const follower = await Follower.of(world, id);
    expect(follower.events.at(-1)?.capture.stray_keys).toBe(strays);
    expect(follower.sequences).toEqual(range(1, follower.events.length));
    expect(follower.events.length).toBeGreaterThan(strays);
  });
});

describe('a key that is pressed while the past is read', () => {
  test.each(['before', 'after'] as const)('%s the reading is told once', async (moment) => {
    let press = (): void => undefined;
    const database: Database = {
      ...db.database,
      transaction: (accountId, work) =>
        db.database.transaction(
          accountId,
          async (tx) =>
            await work({
              query: async (text, values) => {
                const reads = text.includes('FROM capture_events');
                if (reads && moment === 'before') press();
                const rows = await tx.query<never>(text, values);
                if (reads && moment === 'after') press();
                return rows;
              },
            }),
        ),
    };
    world = await World.start(db, { database });
    const { id } = await world.collecting();
    let pressed = 0;
    press = () => {
      pressed += 1;
      world.calls.masking.keys('4');
    };
    const follower = await Follower.of(world, id);
    press = () => undefined;
    expect(pressed).toBe(1);
    expect(follower.sequences).toEqual(range(1, follower.events.length));
    expect(follower.events.at(-1)?.capture.fields[0]?.digits).toBe(1);
    await cancel(id);
    await world.ended(id);
    expect(follower.events).toEqual(await world.storedEvents(id));
  });
});

test('whenever clients come, none misses an event or gets one twice', { timeout: 120_000 }, async () => {
  const client = fc.record({ afterKeys: fc.nat(30), afterTurns: fc.nat(6), lastSeen: fc.nat(40) });
  await fc.assert(
    fc.asyncProperty(
      fc.array(client, { minLength: 1, maxLength: 8 }),
      fc.array(fc.nat(3), { minLength: 30, maxLength: 30 }),
      async (clients, pauses) => {
        world = await World.start(db);
        const { id } = await world.collecting();
        const coming: { lastSeen: number; follower: Promise<Follower> }[] = [];
        const come = (keys: number): void => {
          for (const { afterKeys, afterTurns, lastSeen } of clients) {
            if (afterKeys !== keys) continue;
            coming.push({
              lastSeen,
              follower: turns(afterTurns).then(async () => await Follower.of(world, id, lastSeen)),
            });
          }
        };
        for (const [keys, pause] of pauses.entries()) {
          come(keys);
          world.calls.masking.keys('*1234567890'.charAt(keys % 11));
          // Long enough, now and then, for a client to be in the middle of its replay.
          if (pause === 3) await db.database.ping();
          else await turns(pause);
        }
        await cancel(id);
        come(30);
        const followers = await Promise.all(coming.map(async ({ follower }) => await follower));
        await world.ended(id);
        const last = (await world.storedEvents(id)).length;
        expect(last).toBeGreaterThan(20);
        for (const [n, { lastSeen }] of coming.entries()) {
          expect(followers[n]?.sequences).toEqual(range(lastSeen + 1, last));
          expect(followers[n]).toMatchObject({ ended: 1, late: 0 });
        }
      },
    ),
    { numRuns: 25 },
  );
});

async function turns(count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

describe('settling before the process stops', () => {
  test('waits for a payment that is under way, its events and the release of its lock', async () => {
    let pay: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (pay = resolve));
    world.provider.onPay = async () => {
      await gate;
      return { result: 'succeeded', providerReference: 'pay_1' };
    };
    const { id } = await world.collecting();
    world.calls.masking.keys(CARD);
    await world.captures.command(world.actor, id, { type: 'submit' });
    await until(() => world.provider.requests.length === 1);
    let settled = false;
    const settling = world.captures.settle(3000).then(() => (settled = true));
    await turns(20);
    expect(settled).toBe(false);
    pay();
    await settling;
    expect(await world.row(id)).toMatchObject({ status: 'succeeded', ended: true });
    expect(world.calls.masking.released).toBe(1);
    expect(world.clock.pending).toBe(0);
  });

  test('leaves a capture that collects locked, with its events written', async () => {
    const { id } = await world.collecting();
    world.calls.masking.keys('4012');
    await world.captures.settle(3000);
    expect(world.calls.masking.released).toBe(0);
    expect((await world.row(id)).view).toEqual(await world.captures.get(world.actor, id));
  });

  test('waits no longer than it may', async () => {
    world.provider.onPay = async () => await new Promise(() => undefined);
    const { id } = await world.collecting();
    world.calls.masking.keys(CARD);
    await world.captures.command(world.actor, id, { type: 'submit' });
    const settling = world.captures.settle(3000);
    world.clock.advance(3000);
    await expect(settling).resolves.toBeUndefined();
  });
});
