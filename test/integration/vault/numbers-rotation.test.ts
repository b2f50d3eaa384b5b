import { createCipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { silentLogger } from '../../../src/kernel/logger.ts';
import { Secret } from '../../../src/secrets/secret.ts';
import type { CallJournal, CallRecord } from '../../../src/telephony/contract.ts';
import { createCallJournal } from '../../../src/workflows/call-journal.ts';
import { createEarlierNumbers } from '../../../src/workflows/earlier-numbers.ts';
import { createNumbers, type Numbers } from '../../../src/workflows/numbers.ts';
import { createNumbersRekeyable } from '../../../src/workflows/numbers-rekey.ts';
import { findCallsFrom } from '../../../src/workflows/stores/call-store.ts';
import { createTestDatabase, execute, type TestDatabase } from '../../support/database.ts';
import { createTestKeyRing, type TestKeyRing } from '../../support/key-ring.ts';
import { insertAccount } from '../../support/rows.ts';

const NUMBER = '+15551112222';

let db: TestDatabase;
let keys: TestKeyRing;
let numbers: Numbers;
let journal: CallJournal;

const recordOf = (callId: string, from = NUMBER): CallRecord => ({
  snapshot: {
    callId,
    accountId: 'acc_a',
    state: 'connected',
    bridge: 'dial',
    from,
    to: '+15083084809',
    agentId: 'agent-1',
    transport: 'unknown',
    masked: false,
    startedAt: new Date('2026-03-01T09:30:00Z'),
  },
  callSid: `sid-${callId}`,
});

beforeEach(async () => {
  db = await createTestDatabase({ poolSize: 6 });
  keys = await createTestKeyRing(db);
  numbers = createNumbers({ keyRing: keys.keyRing, logger: silentLogger });
  journal = createCallJournal(db.database, 'one', numbers);
  await db.database.transaction('acc_a', async (tx) => await insertAccount(tx, 'acc_a'));
});

afterEach(async () => {
  await keys.close();
  await db.close();
});

const rekeyable = (earlierKey?: Secret) =>
  createNumbersRekeyable({
    database: db.database,
    keyRing: keys.keyRing,
    ...(earlierKey && { earlierKey }),
    logger: silentLogger,
  });

/** The calls that a search finds. */
async function found(by = numbers): Promise<string[]> {
  const indexes = await by.indexes(NUMBER, 'acc_a');
  const calls = await db.database.transaction(
    'acc_a',
    async (tx) => await findCallsFrom(tx, indexes, { limit: 100 }, by),
  );
  return calls.map(({ callId, from }) => `${callId} ${from}`).sort();
}

describe("callers' numbers when their key is rotated", () => {
  test('are found and read at every moment, and the old key is free at the end', async () => {
    for (const id of ['call_1', 'call_2', 'call_3']) await journal.save(recordOf(id));
    const registry = keys.registry(rekeyable());
    const { active, previous } = await registry.rotate('phone_numbers');
    await keys.keyRing.refresh();
    await journal.save(recordOf('call_4'));
    const all = ['call_1', 'call_2', 'call_3', 'call_4'].map((id) => `${id} ${NUMBER}`);
    expect(await found()).toEqual(all);
    await expect(registry.retire(previous.id)).rejects.toMatchObject({
      code: 'key_in_use',
      message: expect.stringContaining("3 callers' numbers") as string,
    });

    expect(await rekeyable().moveBatch(2)).toBe(2);
    expect([await rekeyable().remaining(previous.id), await rekeyable().remaining(active.id)]).toEqual([
      1, 3,
    ]);
    expect(await found()).toEqual(all);

    expect(await registry.moveRecords('phone_numbers', 2, () => undefined)).toBe(1);
    await registry.retire(previous.id);
    await registry.destroy(previous.id);
    await keys.keyRing.refresh();
    expect(await found()).toEqual(all);
    expect((await journal.findBySid('sid-call_1'))?.snapshot.from).toBe(NUMBER);
  });

  test('that do not open stay, and keep neither the others from being moved nor their key from being kept', async () => {
    for (const id of ['call_1', 'call_2', 'call_3']) await journal.save(recordOf(id));
    await execute(
      db.url,
      `update calls set caller_number = (select caller_number from calls where id = 'call_1') where id = 'call_2'`,
    );
    const registry = keys.registry(rekeyable());
    const { previous } = await registry.rotate('phone_numbers');
    expect(await registry.moveRecords('phone_numbers', 1, () => undefined)).toBe(2);
    expect(await rekeyable().remaining(previous.id)).toBe(1);
    await expect(registry.retire(previous.id)).rejects.toMatchObject({ code: 'key_in_use' });
  });

  test('from before the key ring are read, found, and moved under it', async () => {
    const key = randomBytes(32);
    const derive = (use: string): Buffer =>
      Buffer.from(hkdfSync('sha256', key, '', `hushtone numbers ${use} v1`, 32));
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', derive('seal'), nonce);
    cipher.setAAD(Buffer.from('number\0acc_a\0call_1'));
    const text = Buffer.concat([cipher.update(NUMBER), cipher.final()]);
    await journal.save(recordOf('call_1', ''));
    await execute(db.url, 'update calls set caller_number = $1, caller_number_index = $2', [
      Buffer.concat([Buffer.of(1), nonce, cipher.getAuthTag(), text]),
      createHmac('sha256', derive('index')).update(`number\0acc_a\0${NUMBER}`).digest(),
    ]);

    const secret = new Secret(key.toString('hex'));
    const both = createNumbers({
      keyRing: keys.keyRing,
      earlier: createEarlierNumbers(secret),
      logger: silentLogger,
    });
    expect(await found()).toEqual([]);
    expect(await found(both)).toEqual([`call_1 ${NUMBER}`]);
    expect(await rekeyable().moveBatch(10)).toBe(0);
    expect(await rekeyable(secret).moveBatch(10)).toBe(1);
    expect(await rekeyable(secret).moveBatch(10)).toBe(0);
    expect(await found()).toEqual([`call_1 ${NUMBER}`]);
  });
});
