import { rm } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { openDatabase } from '../../../src/db/database.ts';
import { migrate, pendingMigrations } from '../../../src/db/migrate.ts';
import { startEmbeddedPostgres } from '../../../src/db/embedded.ts';
import { createEmptyDatabase, execute, makeDataDir } from '../../support/database.ts';
import { dumpSchema } from '../../support/schema-dump.ts';
import { insertAccount } from '../../support/rows.ts';

const FIRST = '0001_calls_captures_attempts';

test('an empty database is brought up to date once', async () => {
  const url = await createEmptyDatabase();
  expect(await pendingMigrations(url)).toContain(FIRST);
  expect(await migrate(url)).toContain(FIRST);
  expect(await pendingMigrations(url)).toEqual([]);
  expect(await migrate(url)).toEqual([]);
});

test('several instances at once: one migrates, the others wait and find it done', async () => {
  const url = await createEmptyDatabase();
  const applied = await Promise.all([migrate(url), migrate(url), migrate(url)]);
  expect(applied.filter((names) => names.includes(FIRST))).toHaveLength(1);
  expect(await pendingMigrations(url)).toEqual([]);
});

test('databases of one cluster migrate at once, though roles are shared', async () => {
  const urls = [await createEmptyDatabase(), await createEmptyDatabase()];
  const applied = await Promise.all(urls.map((url) => migrate(url)));
  expect(applied.flat().filter((name) => name === FIRST)).toHaveLength(2);
  expect(await dumpSchema(urls[0] ?? '')).toBe(await dumpSchema(urls[1] ?? ''));
});

test('the owner of the database need not be a superuser, and the server works as that user', async () => {
  const url = new URL(await createEmptyDatabase());
  await migrate(await createEmptyDatabase()); // the roles are there, as an operator would have made them
  await execute(url.href, `create role merchant_owner login password 'pw'`);
  await execute(url.href, 'grant hushtone_server, hushtone_system to merchant_owner');
  await execute(url.href, `alter database ${url.pathname.slice(1)} owner to merchant_owner`);
  url.username = 'merchant_owner';
  url.password = 'pw';
  await migrate(url.href);
  const database = openDatabase({ url: url.href, poolSize: 1 });
  try {
    await database.transaction('acc_x', (tx) => insertAccount(tx, 'acc_x'));
    const seen = await database.systemTransaction((tx) => tx.query('select id from accounts'));
    expect(seen).toEqual([{ id: 'acc_x' }]);
    // The owner itself, member of both roles, sees nothing as long as it has taken none of them on.
    expect(await execute(url.href, 'select id from accounts')).toEqual([]);
  } finally {
    await database.close();
  }
});

test('an owner that may make roles needs no operator', async () => {
  const dataDir = await makeDataDir();
  const postgres = await startEmbeddedPostgres({ dataDir, disposable: true });
  try {
    const url = new URL(postgres.url);
    await execute(url.href, `create role maker login createrole password 'pw'`);
    await execute(url.href, 'create database made owner maker');
    url.username = 'maker';
    url.password = 'pw';
    url.pathname = '/made';
    await migrate(url.href);
    const database = openDatabase({ url: url.href, poolSize: 1 });
    await expect(database.ping()).resolves.toBeUndefined();
    await expect(database.systemTransaction((tx) => tx.query('select 1 as one'))).resolves.toHaveLength(1);
    await database.close();
  } finally {
    await postgres.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
});

test('an owner that may neither make nor take on the roles is told so', async () => {
  const dataDir = await makeDataDir();
  const postgres = await startEmbeddedPostgres({ dataDir, disposable: true });
  try {
    const url = new URL(postgres.url);
    await execute(url.href, `create role plain login password 'pw'`);
    await execute(url.href, 'create database made owner plain');
    url.username = 'plain';
    url.password = 'pw';
    url.pathname = '/made';
    const failure = await migrate(url.href).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: 'migration_failed',
      cause: { message: expect.stringContaining('hushtone_server') as string },
    });
  } finally {
    await postgres.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
});

test('a database that cannot be reached is database_unavailable', async () => {
  const url = new URL(await createEmptyDatabase());
  url.password = 'wrong';
  await expect(migrate(url.href)).rejects.toMatchObject({ code: 'database_unavailable' });
  await expect(pendingMigrations(url.href)).rejects.toMatchObject({ code: 'database_unavailable' });
});

test('a migration that fails changes nothing and says so', async () => {
  const url = await createEmptyDatabase();
  await execute(url, 'create table payment_attempts (id text)');
  await expect(migrate(url)).rejects.toMatchObject({ code: 'migration_failed' });
  const tables = await execute(url, `select 1 from information_schema.tables where table_name = 'captures'`);
  expect(tables).toEqual([]);
});
