import { readdir, readFile } from 'node:fs/promises';
import { beforeAll, expect, test } from 'vitest';
import { migrateJobQueue } from '../../../src/db/job-queue.ts';
import { migrate } from '../../../src/db/migrate.ts';
import { createEmptyDatabase, execute } from '../../support/database.ts';

const MIGRATIONS = new URL('../../../migrations/', import.meta.url);
const BEFORE = '0016_provider_configurations.sql';

/** As a superuser, to write and look behind the scenes. */
let url: string;

/** Attempts by the provider that they went to, from when nobody kept how that was configured. */
const ATTEMPTS = [
  ['att_first', 'prv_unchanged', 'unknown', 1],
  ['att_sent', 'prv_unchanged', 'processing', 1],
  ['att_second', 'prv_changed', 'unknown', null],
  ['att_own', 'default', 'unknown', null],
  ['att_gone', 'prv_gone', 'unknown', null],
] as const;

beforeAll(async () => {
  url = await createEmptyDatabase();
  await migrate(await createEmptyDatabase()); // the roles are there, as an operator would have made them
  const owner = new URL(url);
  await execute(url, `create role configurations_owner login password 'pw'`);
  await execute(url, 'grant hushtone_server, hushtone_system to configurations_owner');
  await execute(url, `alter database ${owner.pathname.slice(1)} owner to configurations_owner`);
  // As the owner of the database, who need not be a superuser: row-level security binds it where it is forced.
  owner.username = 'configurations_owner';
  owner.password = 'pw';
  await migrateJobQueue(owner.href);
  const names = (await readdir(MIGRATIONS)).filter((name) => /^\d{4}_/.test(name)).toSorted();
  const apply = async (some: readonly string[]): Promise<void> => {
    for (const name of some) await execute(owner.href, await readFile(new URL(name, MIGRATIONS), 'utf8'));
  };
  await apply(names.filter((name) => name < BEFORE));
  await execute(url, `insert into accounts (id, account_id) values ('acc', 'acc')`);
  for (const [id, version] of [
    ['prv_unchanged', 1],
    ['prv_changed', 2],
  ] as const) {
    await execute(
      url,
      `insert into providers (id, account_id, kind, name, mode, configuration, version, created_at, updated_at)
       values ($1, 'acc', 'stripe', 'Main', 'test', '{}', $2, now(), now())`,
      [id, version],
    );
  }
  for (const [id, provider, state] of ATTEMPTS) {
    const payment = id.replace('att_', 'pay_');
    await execute(
      url,
      `insert into payments (id, account_id, mode, purpose, status, amount, currency, requested_by, created_at,
         updated_at)
       values ($1, 'acc', 'test', 'charge', 'processing', 4200, 'EUR', 'client', now(), now())`,
      [payment],
    );
    await execute(
      url,
      `insert into payment_attempts (id, account_id, payment_id, provider, provider_id, mode, idempotency_key,
         operation, amount, currency)
       values ($1, 'acc', $2, 'stripe', $3, 'test', $1, 'charge', 4200, 'EUR')`,
      [id, payment, provider],
    );
    if (state === 'unknown') {
      await execute(url, `update payment_attempts set state = 'unknown' where id = $1`, [id]);
    }
  }
  await apply(names.filter((name) => name >= BEFORE));
});

test.each(ATTEMPTS)(
  '%s, which went to %s and is %s, was written under configuration %s',
  async (id, _provider, _state, configuration) => {
    const rows = await execute(
      url,
      'select configuration_version as configuration from payment_attempts where id = $1',
      [id],
    );
    expect(rows).toEqual([{ configuration }]);
  },
);

test('row-level security binds the owner of the tables again', async () => {
  const rows = await execute<{ name: string }>(
    url,
    `select relname as name from pg_class where relname in ('providers', 'payment_attempts')
     and relrowsecurity and relforcerowsecurity order by 1`,
  );
  expect(rows.map(({ name }) => name)).toEqual(['payment_attempts', 'providers']);
});
