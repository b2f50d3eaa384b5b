import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { secretMemoryUse } from '../../../src/secrets/arena.ts';
import { SecretBuffer } from '../../../src/secrets/secret-buffer.ts';
import { createTestDatabase, execute, type TestDatabase } from '../../support/database.ts';
import { World } from './world.ts';

let db: TestDatabase;
let world: World;

beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(() => db.close());
beforeEach(async () => {
  world = await World.start(db);
});

/** Takes all secret memory that is left. */
function takeAll(): SecretBuffer[] {
  const taken: SecretBuffer[] = [];
  for (const capacity of [4096, 1024, 256, 64]) {
    try {
      for (;;) taken.push(new SecretBuffer(capacity));
    } catch (error) {
      if ((error as { code?: string }).code !== 'secret_memory_full') throw error;
    }
  }
  return taken;
}

async function cancel(captureId: string): Promise<void> {
  await world.captures.command(world.actor, captureId, { type: 'cancel' });
  await world.ended(captureId);
}

test('a capture for which there is no secret memory is refused, and nothing of it is left', async () => {
  await World.start(db); // whatever is made once is made by now
  const taken = takeAll();
  expect(secretMemoryUse().takenBytes).toBe(secretMemoryUse().bytes);
  await expect(world.create()).rejects.toMatchObject({ code: 'secret_memory_full', kind: 'unavailable' });
  const rows = await execute(db.url, 'select from captures where account_id = $1', [world.accountId]);
  expect(rows).toEqual([]);
  expect(world.calls.maskings).toEqual([]);
  for (const secret of taken) secret.wipe();
  const { id } = await world.create();
  expect(await world.reaches(id, 'collecting')).toMatchObject({ focus: 'card_number' });
  await cancel(id);
});

test('one that is under way goes on when no memory is left for others', async () => {
  const { id } = await world.collecting();
  const taken = takeAll();
  world.calls.masking.keys('42424242424242');
  expect((await world.captures.get(world.actor, id)).fields[0]).toMatchObject({ digits: 14 });
  for (const secret of taken) secret.wipe();
  await cancel(id);
});

test('one that is refused gives its memory back at once, and one that has ended too', async () => {
  const before = secretMemoryUse().takenBytes;
  const { id } = await world.collecting();
  const running = secretMemoryUse().takenBytes;
  expect(running - before).toBe(3 * 64);
  await expect(world.create()).rejects.toMatchObject({ code: 'capture_running' });
  expect(secretMemoryUse().takenBytes).toBe(running);
  await cancel(id);
  expect(secretMemoryUse().takenBytes).toBe(before);
});
