import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDatabase, type Queryable } from '../../../src/db/database.ts';
import { violatedConstraint } from '../../../src/db/errors.ts';
import { HushtoneError } from '../../../src/kernel/errors.ts';
import {
  createEmptyDatabase,
  createTestDatabase,
  execute,
  type TestDatabase,
} from '../../support/database.ts';
import { insertAccount, insertAttempt, insertCall, insertCapture } from '../../support/rows.ts';

let db: TestDatabase;

beforeAll(async () => {
  db = await createTestDatabase({ poolSize: 2 });
});

afterAll(() => db.close());

const accounts = async (): Promise<unknown[]> =>
  (await execute<{ id: string }>(db.url, 'select id from accounts order by 1')).map((row) => row.id);

test('a transaction whose work resolves is committed', async () => {
  await db.database.transaction('acc_kept', (tx) => insertAccount(tx, 'acc_kept'));
  expect(await accounts()).toContain('acc_kept');
});

test('a transaction whose work rejects is rolled back, and its own error comes through', async () => {
  const attempt = db.database.transaction('acc_lost', async (tx) => {
    await insertAccount(tx, 'acc_lost');
    throw new RangeError('no');
  });
  await expect(attempt).rejects.toThrow(RangeError);
  expect(await accounts()).not.toContain('acc_lost');
});

test('a failed statement that the work let pass does not end as a success', async () => {
  const attempt = db.database.transaction('acc_half', async (tx) => {
    await insertAccount(tx, 'acc_half');
    await tx.query('select 1 / 0').catch(() => undefined);
  });
  await expect(attempt).rejects.toMatchObject({ code: 'transaction_aborted' });
  expect(await accounts()).not.toContain('acc_half');
});

test('nothing of one transaction is left to the next on the same connection', async () => {
  const single = openDatabase({ url: db.url, poolSize: 1 });
  try {
    const read = (tx: Queryable): Promise<unknown[]> =>
      tx.query(`select current_user::text as role, current_setting('hushtone.account_id') as account`);
    expect(await single.transaction('acc_1', read)).toEqual([{ role: 'hushtone_server', account: 'acc_1' }]);
    expect(await single.systemTransaction(read)).toEqual([{ role: 'hushtone_system', account: '' }]);
    expect(await single.transaction('acc_2', read)).toEqual([{ role: 'hushtone_server', account: 'acc_2' }]);
  } finally {
    await single.close();
  }
});

test('a query takes one statement', async () => {
  const attempt = db.database.transaction('acc_1', (tx) => tx.query('commit; reset role'));
  await expect(attempt).rejects.toThrow(/multiple commands/);
});

test('a queryable does not outlive its transaction', async () => {
  let kept: Queryable | undefined;
  await db.database.transaction('acc_1', async (tx) => {
    await tx.query('select 1');
    kept = tx;
  });
  await expect(kept?.query('select 1')).rejects.toMatchObject({ code: 'transaction_ended' });
});

test('a transaction for no account is refused', () => {
  expect(() => db.database.transaction('', () => Promise.resolve())).toThrow(HushtoneError);
});

test('bigint columns are numbers, and one that is no exact number is an error', async () => {
  const read = (value: string): Promise<unknown[]> =>
    db.database.transaction('acc_1', (tx) => tx.query('select $1::bigint as value', [value]));
  expect(await read('9007199254740991')).toEqual([{ value: Number.MAX_SAFE_INTEGER }]);
  await expect(read('9007199254740993')).rejects.toMatchObject({ code: 'number_too_large' });
});

test('ping answers', async () => {
  await expect(db.database.ping()).resolves.toBeUndefined();
});

describe('a database that is not there', () => {
  test('is database_unavailable when nobody listens', async () => {
    const server = createServer();
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as AddressInfo;
    await new Promise((done) => server.close(done));
    const gone = openDatabase({ url: `postgres://u:p@127.0.0.1:${port}/x`, poolSize: 1 });
    await expect(gone.ping()).rejects.toMatchObject({ code: 'database_unavailable', kind: 'unavailable' });
    await gone.close();
  });

  test('is database_unavailable when it is not migrated', async () => {
    const raw = openDatabase({ url: await createEmptyDatabase(), poolSize: 1 });
    const attempt = raw.transaction('acc_1', (tx) => tx.query('select 1 from accounts'));
    await expect(attempt).rejects.toThrow(/accounts/);
    await raw.close();
  });

  test('is database_unavailable when the connection breaks in a transaction; the next one gets a new one', async () => {
    const attempt = db.database.transaction('acc_1', async (tx) => {
      const [row] = await tx.query<{ pid: number }>('select pg_backend_pid() as pid');
      await execute(db.url, 'select pg_terminate_backend($1)', [row?.pid]);
      await tx.query('select 1');
    });
    await expect(attempt).rejects.toMatchObject({ code: 'database_unavailable' });
    await expect(db.database.ping()).resolves.toBeUndefined();
  });

  test('an idle connection that breaks harms nobody', async () => {
    const idle = openDatabase({ url: db.url, poolSize: 1 });
    let pid: number | undefined;
    await idle.transaction('acc_1', async (tx) => {
      pid = (await tx.query<{ pid: number }>('select pg_backend_pid() as pid'))[0]?.pid;
    });
    await execute(db.url, 'select pg_terminate_backend($1, 5000)', [pid]);
    await expect
      .poll(() =>
        idle.ping().then(
          () => 'answers',
          () => 'not yet',
        ),
      )
      .toBe('answers');
    await idle.close();
  });

  test('an error of the work itself is never taken for one of the database', async () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    const attempt = db.database.transaction('acc_1', () => Promise.reject(refused));
    await expect(attempt).rejects.toBe(refused);
  });
});

describe('rules that the tables keep', () => {
  beforeAll(() =>
    db.database.transaction('acc_rules', async (tx) => {
      await insertAccount(tx, 'acc_rules');
      await insertCall(tx, 'acc_rules', 'call_rules');
      await insertCapture(tx, 'acc_rules', 'call_rules', 'cap_rules');
    }),
  );

  const run = (sql: string, values: unknown[] = []): Promise<unknown> =>
    db.database.transaction('acc_rules', (tx) => tx.query(sql, values));

  async function violated(attempt: Promise<unknown>): Promise<string | undefined> {
    return attempt.then(
      () => undefined,
      (error: unknown) => violatedConstraint(error),
    );
  }

  test('one capture at a time is active on a call', async () => {
    const second = db.database.transaction('acc_rules', (tx) =>
      insertCapture(tx, 'acc_rules', 'call_rules', 'cap_second'),
    );
    expect(await violated(second)).toBe('captures_one_active_per_call');
    await run(`update captures set status = 'cancelled', ended_at = now() where id = 'cap_rules'`);
    await db.database.transaction('acc_rules', (tx) =>
      insertCapture(tx, 'acc_rules', 'call_rules', 'cap_third'),
    );
  });

  test('a capture has one of the known states, and an end when it has ended', async () => {
    expect(
      await violated(run(`update captures set status = 'done', ended_at = null where id = 'cap_rules'`)),
    ).toBe('captures_status_check');
    expect(await violated(run(`update captures set ended_at = null where id = 'cap_rules'`))).toBe(
      'captures_end_time',
    );
  });

  test.each(['4242424242424242', 'order 4012001037141112', '123456789012', '12345678901234567890'])(
    'no text column takes the digits of a card number: %s',
    async (text) => {
      const attempt = run(`update captures set reference = $1 where id = 'cap_rules'`, [text]);
      expect(await violated(attempt)).toBe('captures_reference_check');
    },
  );

  test('a reference with fewer digits in a row is taken', async () => {
    await expect(
      run(`update captures set reference = 'INV-2025-12345678901' where id = 'cap_rules'`),
    ).resolves.toEqual([]);
  });

  const legal = new Set([
    'processing succeeded',
    'processing declined',
    'processing failed',
    'processing unknown',
    'unknown succeeded',
    'unknown declined',
    'unknown failed',
  ]);
  const states = ['processing', 'succeeded', 'declined', 'failed', 'unknown'];
  const moves = states.flatMap((from) => states.map((to) => [from, to] as const));

  test.each(moves)('a payment attempt from %s to %s', async (from, to) => {
    const id = `att_${from}_${to}`;
    await db.database.transaction('acc_rules', async (tx) => {
      await insertCall(tx, 'acc_rules', `call_${id}`);
      await insertCapture(tx, 'acc_rules', `call_${id}`, `cap_${id}`);
      await insertAttempt(tx, 'acc_rules', `cap_${id}`, id);
    });
    if (from !== 'processing') await run('update payment_attempts set state = $2 where id = $1', [id, from]);
    const move = run('update payment_attempts set state = $2 where id = $1', [id, to]);
    const isAllowed = from === to || legal.has(`${from} ${to}`);
    expect(await violated(move)).toBe(isAllowed ? undefined : 'payment_attempts_transition');
  });

  test('a payment attempt is written before it is sent', async () => {
    const attempt = run(
      `insert into payment_attempts (id, account_id, capture_id, provider, idempotency_key, operation, state, provider_id, mode)
       values ('att_early', 'acc_rules', 'cap_rules', 'sandbox', 'early', 'tokenize', 'succeeded', 'default', 'test')`,
    );
    expect(await violated(attempt)).toBe('payment_attempts_transition');
  });

  test('an idempotency key is used once', async () => {
    const insert = (id: string): Promise<unknown> =>
      run(
        `insert into payment_attempts
           (id, account_id, capture_id, provider, idempotency_key, operation, provider_id, mode)
         values ($1, 'acc_rules', 'cap_rules', 'sandbox', 'same', 'tokenize', 'default', 'test')`,
        [id],
      );
    await insert('att_same_1');
    await run(`update payment_attempts set state = 'failed' where id = 'att_same_1'`);
    expect(await violated(insert('att_same_2'))).toBe('payment_attempts_idempotency_key_key');
  });
});
