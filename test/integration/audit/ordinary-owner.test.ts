import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { appendAudit } from '../../../src/audit/store.ts';
import { openDatabase, type Database } from '../../../src/db/database.ts';
import { migrate } from '../../../src/db/migrate.ts';
import { createEmptyDatabase, execute } from '../../support/database.ts';

/** As in production: the user of DATABASE_URL owns the tables and is no superuser. */
const OWNER = 'audit_owner';

let superuser: string;
let database: Database;

beforeAll(async () => {
  superuser = await createEmptyDatabase();
  const name = new URL(superuser).pathname.slice(1);
  // The roles belong to the whole cluster: a first migration makes them, and the owner must be let into them.
  const other = await createEmptyDatabase();
  await migrate(other);
  await execute(superuser, `create role ${OWNER} login password 'owner' nosuperuser nobypassrls`);
  await execute(superuser, `grant hushtone_server, hushtone_system to ${OWNER}`);
  await execute(superuser, `alter database ${name} owner to ${OWNER}`);
  const url = new URL(superuser);
  url.username = OWNER;
  url.password = 'owner';
  await migrate(url.href);
  database = openDatabase({ url: url.href, poolSize: 2 });
});
afterAll(() => database.close());

const append = async (): Promise<void> =>
  await database.transaction('acc_a', async (tx) => {
    await appendAudit(tx, [
      {
        accountId: 'acc_a',
        actor: { kind: 'system' },
        operation: 'capture.status',
        object: { type: 'capture', id: 'cap_1' },
        result: 'done',
      },
    ]);
  });

describe('with an owner that row-level security binds', () => {
  test('records are added and the chain goes on', async () => {
    await append();
    await append();
    const rows = await execute(superuser, 'select account_id, sequence from audit_heads');
    expect(rows).toEqual([{ account_id: 'acc_a', sequence: '2' }]);
  });

  test('the system writes them too', async () => {
    await database.systemTransaction(async (tx) => {
      await appendAudit(tx, [
        {
          accountId: 'acc_b',
          actor: { kind: 'system' },
          operation: 'capture.interrupt',
          object: { type: 'capture', id: 'cap_1' },
          result: 'done',
        },
      ]);
    });
    const rows = await execute(superuser, `select sequence from audit_heads where account_id = 'acc_b'`);
    expect(rows).toEqual([{ sequence: '1' }]);
  });

  test.each([
    'update audit_records set record = record',
    'delete from audit_records',
    'truncate audit_records',
    'update audit_heads set sequence = 1',
    'delete from audit_heads',
    'delete from audit_checkpoints',
  ])('a superuser who is not the owner is refused: %s', async (sql) => {
    await expect(execute(superuser, sql)).rejects.toThrow(/only ever added to/);
  });
});
