import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CallRecord } from '../../../src/telephony/contract.ts';
import { createCallJournal } from '../../../src/workflows/call-journal.ts';
import { createTestDatabase, execute, type TestDatabase } from '../../support/database.ts';
import { createTestNumbers } from '../../support/numbers.ts';
import { insertAccount, insertGrant } from '../../support/rows.ts';

const NUMBER = '+15551112222';
const numbers = await createTestNumbers();

let db: TestDatabase;

const recordOf = (accountId: string, callId: string, from = NUMBER): CallRecord => ({
  snapshot: {
    callId,
    accountId,
    state: 'connected',
    bridge: 'dial',
    from,
    to: '+15083084809',
    agentId: 'agent-1',
    transport: 'unknown',
    masked: false,
    startedAt: new Date('2026-03-01T09:30:00Z'),
    connectedAt: new Date('2026-03-01T09:30:04Z'),
  },
  callSid: `sid-${callId}`,
});

beforeAll(async () => {
  db = await createTestDatabase();
  const journal = createCallJournal(db.database, 'one', numbers);
  for (const account of ['acc_a', 'acc_b']) {
    await db.database.transaction(account, async (tx) => await insertAccount(tx, account));
    await journal.save(recordOf(account, `call_${account}`));
    await db.database.transaction(
      account,
      async (tx) => await insertGrant(tx, account, `call_${account}`, `gnt_${account}`),
    );
  }
});

afterAll(async () => await db.close());

/** As the server would, without any of its code: the role and the account's name are all that a statement has. */
const asServer = async (account: string, sql: string, values: unknown[] = []): Promise<object[]> =>
  await db.database.transaction(account, async (tx) => await tx.query(sql, values));

describe('grants, by statements that no code of ours has looked at', () => {
  test('an account sees its own only', async () => {
    expect(await asServer('acc_a', 'select id from capture_grants')).toEqual([{ id: 'gnt_acc_a' }]);
    expect(await asServer('acc_c', 'select id from capture_grants')).toEqual([]);
    expect(await asServer('acc_a', `select id from capture_grants where id = 'gnt_acc_b'`)).toEqual([]);
  });

  test('none is made for another account, nor for its call', async () => {
    const other = db.database.transaction(
      'acc_a',
      async (tx) => await insertGrant(tx, 'acc_b', 'call_acc_b', 'gnt_1'),
    );
    await expect(other).rejects.toThrow(/row-level security/);
    const call = asServer(
      'acc_a',
      `insert into capture_grants
         (id, account_id, agent_id, call_id, purpose, uses, client_id, created_by, created_at, expires_at)
       values ('gnt_2', 'acc_a', 'agent-1', 'call_acc_b', 'charge', 'once', 'c', 's', now(), now() + interval '1 minute')`,
    );
    await expect(call).rejects.toMatchObject({ constraint: 'capture_grants_account_id_call_id_fkey' });
  });

  test("another account's is neither used nor revoked", async () => {
    const changes = ['use_count = use_count + 1', 'revoked_at = now()'];
    for (const change of changes) {
      const changed = await asServer(
        'acc_a',
        `update capture_grants set ${change} where id = 'gnt_acc_b' returning id`,
      );
      expect(changed).toEqual([]);
    }
  });

  test.each([
    'delete from capture_grants',
    'truncate capture_grants',
    `update capture_grants set amount = 1`,
    `update capture_grants set agent_id = 'agent-2'`,
    `update capture_grants set account_id = 'acc_b'`,
    `update capture_grants set expires_at = now() + interval '10 minutes'`,
    `update capture_grants set uses = 'many'`,
  ])('the server may not: %s', async (sql) => {
    await expect(asServer('acc_a', sql)).rejects.toMatchObject({ code: '42501' });
  });

  test('the system role reads and changes nothing', async () => {
    const update = db.database.systemTransaction(
      async (tx) => await tx.query('update capture_grants set use_count = 0'),
    );
    await expect(update).rejects.toMatchObject({ code: '42501' });
  });

  test('one for once is used once, whatever is asked for', async () => {
    await db.database.transaction(
      'acc_a',
      async (tx) => await insertGrant(tx, 'acc_a', 'call_acc_a', 'gnt_once'),
    );
    const use = async (): Promise<object[]> =>
      await asServer(
        'acc_a',
        `update capture_grants set use_count = use_count + 1 where id = 'gnt_once' returning id`,
      );
    await expect(use()).resolves.toHaveLength(1);
    await expect(use()).rejects.toMatchObject({ constraint: 'capture_grants_once' });
    const again = asServer('acc_a', `update capture_grants set use_count = 0 where id = 'gnt_once'`);
    await expect(again).rejects.toMatchObject({ constraint: 'capture_grants_transition' });
  });

  test('a revoked one stays so, and is used no more', async () => {
    await db.database.transaction(
      'acc_a',
      async (tx) => await insertGrant(tx, 'acc_a', 'call_acc_a', 'gnt_gone'),
    );
    const change = async (what: string): Promise<object[]> =>
      await asServer('acc_a', `update capture_grants set ${what} where id = 'gnt_gone'`);
    await change('revoked_at = now()');
    for (const what of ['revoked_at = null', `revoked_at = now() + interval '1 hour'`, 'use_count = 1']) {
      await expect(change(what)).rejects.toMatchObject({ constraint: 'capture_grants_transition' });
    }
  });

  test('none lives longer than fifteen minutes', async () => {
    const attempt = asServer(
      'acc_a',
      `insert into capture_grants
         (id, account_id, agent_id, purpose, uses, client_id, created_by, created_at, expires_at)
       values ('gnt_3', 'acc_a', 'agent-1', 'charge', 'once', 'c', 's', now(), now() + interval '901 seconds')`,
    );
    await expect(attempt).rejects.toMatchObject({ constraint: 'capture_grants_lifetime' });
  });

  test("a capture cannot hang on another account's grant", async () => {
    const attempt = asServer(
      'acc_a',
      `insert into captures (id, account_id, call_id, instance_id, status, spec, view, requested_by, grant_id)
       values ('cap_1', 'acc_a', 'call_acc_a', 'one', 'created', '{}', '{}', 'client', 'gnt_acc_b')`,
    );
    await expect(attempt).rejects.toMatchObject({ constraint: 'captures_account_id_grant_id_fkey' });
  });
});

describe("callers' numbers at rest", () => {
  test('are nowhere in the row', async () => {
    const [row] = await execute<{ text: string; raw: Buffer }>(
      db.url,
      `select t::text as text, caller_number as raw from calls t where id = 'call_acc_a'`,
    );
    for (const part of ['5551112222', '1112222', Buffer.from('1112222').toString('hex')]) {
      expect(row?.text).not.toContain(part);
      expect(row?.raw.toString('latin1')).not.toContain(part);
    }
  });

  test('differ from row to row, and between accounts', async () => {
    const rows = await execute<{ number: Buffer; index: Buffer }>(
      db.url,
      'select caller_number as number, caller_number_index as index from calls',
    );
    expect(new Set(rows.map(({ number }) => number.toString('hex'))).size).toBe(rows.length);
    expect(new Set(rows.map(({ index }) => index.toString('hex'))).size).toBe(2);
  });

  test.each([`'+15551112222'`, `'\\x00'`, `''`, `'\\x01ff'`, `'\\x02ff'`])(
    'cannot be written in the clear: %s',
    async (value) => {
      const attempt = asServer('acc_a', `update calls set caller_number = ${value}`);
      await expect(attempt).rejects.toMatchObject({ constraint: 'calls_caller_number_sealed' });
    },
  );

  test('come back when a call is adopted, and not from a row that was given the number of another', async () => {
    const journal = createCallJournal(db.database, 'two', numbers);
    expect((await journal.findBySid('sid-call_acc_a'))?.snapshot.from).toBe(NUMBER);
    await journal.save(recordOf('acc_a', 'call_victim', '+15553334444'));
    await execute(
      db.url,
      `update calls set caller_number = (select caller_number from calls where id = 'call_acc_b') where id = 'call_victim'`,
    );
    expect((await journal.findBySid('sid-call_victim'))?.snapshot.from).toBe('');
  });

  test('do not keep a call from being adopted with another key, and are not lost by it', async () => {
    const other = await createTestNumbers();
    const adopting = createCallJournal(db.database, 'three', other);
    const record = await adopting.findBySid('sid-call_acc_b');
    expect(record?.snapshot).toMatchObject({ callId: 'call_acc_b', from: '', agentId: 'agent-1' });
    if (record !== undefined) await adopting.save(record);
    const journal = createCallJournal(db.database, 'one', numbers);
    expect((await journal.findBySid('sid-call_acc_b'))?.snapshot.from).toBe(NUMBER);
  });

  test('of a caller who sends none are none', async () => {
    const journal = createCallJournal(db.database, 'one', numbers);
    await journal.save(recordOf('acc_a', 'call_withheld', ''));
    expect((await journal.findBySid('sid-call_withheld'))?.snapshot.from).toBe('');
  });
});
