import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GENESIS_HASH, hashOf, type AuditRecord } from '../../../src/audit/chain.ts';
import type { AuditEntry } from '../../../src/audit/entry.ts';
import { appendAudit } from '../../../src/audit/store.ts';
import { createTestDatabase, execute, type TestDatabase } from '../../support/database.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase({ poolSize: 8 });
});
afterAll(() => db.close());

const entry = (accountId: string, id: string): AuditEntry => ({
  accountId,
  actor: { kind: 'system' },
  operation: 'capture.status',
  object: { type: 'capture', id },
  result: 'done',
});

interface Row {
  readonly sequence: string;
  readonly record: string;
  readonly hash: string;
}

const rowsOf = async (accountId: string): Promise<Row[]> =>
  await execute<Row>(
    db.url,
    'select sequence, record, hash from audit_records where account_id = $1 order by sequence',
    [accountId],
  );

async function append(accountId: string, ...ids: string[]): Promise<void> {
  await db.database.transaction(accountId, async (tx) => {
    await appendAudit(
      tx,
      ids.map((id) => entry(accountId, id)),
    );
  });
}

test('records follow each other, each with the hash of the one before', async () => {
  await append('acc_chain', 'cap_1', 'cap_2');
  await append('acc_chain', 'cap_3');
  const rows = await rowsOf('acc_chain');
  expect(rows.map(({ sequence }) => Number(sequence))).toEqual([1, 2, 3]);
  let previous = GENESIS_HASH;
  for (const { record, hash } of rows) {
    expect(hash).toBe(hashOf(record));
    expect((JSON.parse(record) as AuditRecord).previous_hash).toBe(previous);
    previous = hash;
  }
  const [head] = await execute(
    db.url,
    `select sequence, hash from audit_heads where account_id = 'acc_chain'`,
  );
  expect(head).toEqual({ sequence: '3', hash: previous });
});

test('a record goes with its change: what is rolled back leaves none', async () => {
  await append('acc_back', 'cap_1');
  const failing = db.database.transaction('acc_back', async (tx) => {
    await appendAudit(tx, [entry('acc_back', 'cap_2')]);
    throw new Error('the change failed');
  });
  await expect(failing).rejects.toThrow('the change failed');
  await append('acc_back', 'cap_3');
  const rows = await rowsOf('acc_back');
  expect(rows.map(({ record }) => (JSON.parse(record) as AuditRecord).object.id)).toEqual(['cap_1', 'cap_3']);
});

test('many writers at once keep one chain without a gap', async () => {
  const writers = Array.from({ length: 8 }, (_, writer) => writer);
  await Promise.all(
    writers.map(async (writer) => {
      for (const act of [1, 2, 3, 4, 5])
        await append('acc_busy', `cap_${writer}_${act}`, `cap_${writer}_${act}b`);
    }),
  );
  const rows = await rowsOf('acc_busy');
  expect(rows.map(({ sequence }) => Number(sequence))).toEqual(Array.from({ length: 80 }, (_, i) => i + 1));
  const previous = rows.map(({ record }) => (JSON.parse(record) as AuditRecord).previous_hash);
  expect(previous).toEqual([GENESIS_HASH, ...rows.slice(0, -1).map(({ hash }) => hash)]);
});

test('the system writes into the chains of several accounts in one transaction', async () => {
  await db.database.systemTransaction(async (tx) => {
    await appendAudit(tx, [entry('acc_two', 'cap_1'), entry('acc_one', 'cap_2'), entry('acc_two', 'cap_3')]);
  });
  expect(await rowsOf('acc_one')).toHaveLength(1);
  expect(await rowsOf('acc_two')).toHaveLength(2);
});

test('hostile text does not lose a record', async () => {
  await db.database.transaction('acc_text', async (tx) => {
    const subject = `a\0b\ud800' "\\ \u2028 😀`;
    await appendAudit(tx, [{ ...entry('acc_text', 'cap_1'), actor: { kind: 'client', subject } }]);
  });
  const [row] = await rowsOf('acc_text');
  expect(row?.hash).toBe(hashOf(row?.record ?? ''));
});

describe('in the role of the server', () => {
  beforeAll(async () => {
    await append('acc_role', 'cap_1', 'cap_2');
    await append('acc_other', 'cap_1');
  });

  test.each([
    `update audit_records set record = record`,
    `delete from audit_records`,
    `truncate audit_records`,
    `update audit_heads set sequence = 1`,
    `insert into audit_heads (account_id, sequence, hash) values ('acc_new', 0, repeat('A', 43))`,
    `delete from audit_heads`,
    `insert into audit_checkpoints (account_id, sequence, jws) values ('acc_role', 1, 'x')`,
    `delete from audit_checkpoints`,
    `alter table audit_records disable trigger all`,
    `select * from audit_head('acc_other')`,
    `select audit_append()`,
  ])('refused: %s', async (sql) => {
    const attempt = db.database.transaction('acc_role', (tx) => tx.query(sql));
    await expect(attempt).rejects.toMatchObject({ code: '42501' });
  });

  test.each(['update audit_records set record = record', 'delete from audit_checkpoints'])(
    'refused in the role of the system too: %s',
    async (sql) => {
      const attempt = db.database.systemTransaction((tx) => tx.query(sql));
      await expect(attempt).rejects.toMatchObject({ code: '42501' });
    },
  );

  test('an account sees its own records only', async () => {
    const seen = await db.database.transaction('acc_role', (tx) =>
      tx.query<{ account_id: string }>('select distinct account_id from audit_records'),
    );
    expect(seen).toEqual([{ account_id: 'acc_role' }]);
  });

  async function insert(record: object, row: { sequence: number; hash?: string }): Promise<unknown> {
    const text = JSON.stringify(record);
    return await db.database.transaction('acc_role', (tx) =>
      tx.query('insert into audit_records (account_id, sequence, record, hash) values ($1, $2, $3, $4)', [
        'acc_role',
        row.sequence,
        text,
        row.hash ?? hashOf(text),
      ]),
    );
  }

  async function third(): Promise<AuditRecord> {
    const [, second] = await rowsOf('acc_role');
    const record = JSON.parse(second?.record ?? '{}') as AuditRecord;
    return { ...record, sequence: 3, previous_hash: second?.hash ?? '' };
  }

  test('a record that does not follow the last one is refused', async () => {
    const record = await third();
    const chain = { constraint: 'audit_records_chain' };
    await expect(insert({ ...record, sequence: 4 }, { sequence: 4 })).rejects.toMatchObject(chain);
    await expect(insert({ ...record, previous_hash: GENESIS_HASH }, { sequence: 3 })).rejects.toMatchObject(
      chain,
    );
    await expect(insert({ ...record, sequence: 1 }, { sequence: 1 })).rejects.toMatchObject(chain);
  });

  test('a record that does not agree with its row is refused', async () => {
    const record = await third();
    const content = { constraint: 'audit_records_content' };
    await expect(insert(record, { sequence: 3, hash: GENESIS_HASH })).rejects.toMatchObject(content);
    await expect(insert({ ...record, account_id: 'acc_other' }, { sequence: 3 })).rejects.toMatchObject(
      content,
    );
    await expect(insert({ ...record, sequence: 4 }, { sequence: 3 })).rejects.toMatchObject(content);
  });

  test('a record with card-like digits is refused by the database too', async () => {
    const record = await third();
    await expect(insert({ ...record, reason: '4242424242424242' }, { sequence: 3 })).rejects.toMatchObject({
      constraint: 'audit_records_digits',
    });
  });
});

test('rights that were granted by mistake do not open the trail', async () => {
  await append('acc_mistake', 'cap_1');
  await execute(
    db.url,
    'grant update, delete, truncate on audit_records, audit_checkpoints to hushtone_server',
  );
  try {
    for (const sql of ['update audit_records set record = record', 'delete from audit_records']) {
      const attempt = db.database.transaction('acc_mistake', (tx) => tx.query(sql));
      await expect(attempt).rejects.toThrow(/only ever added to/);
    }
  } finally {
    await execute(
      db.url,
      'revoke update, delete, truncate on audit_records, audit_checkpoints from hushtone_server',
    );
  }
});
