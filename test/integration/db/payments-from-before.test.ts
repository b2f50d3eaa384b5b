import { readdir, readFile } from 'node:fs/promises';
import { beforeAll, expect, test } from 'vitest';
import { migrateJobQueue } from '../../../src/db/job-queue.ts';
import { migrate } from '../../../src/db/migrate.ts';
import { createEmptyDatabase, execute } from '../../support/database.ts';

const MIGRATIONS = new URL('../../../migrations/', import.meta.url);
const BEFORE = '0010_payments.sql';

/** As a superuser, to write and look behind the scenes. */
let url: string;
/** As the owner of the database, who need not be a superuser: row-level security binds it where it is forced. */
let ownerUrl: string;

/** Captures and attempts as they were before there were payments: one capture for each way that it could have ended. */
const CASES: readonly (readonly [
  name: string,
  purpose: string,
  ended: boolean,
  attempt: Readonly<Record<string, string>> | undefined,
  expected: Readonly<Record<string, unknown>>,
])[] = [
  [
    'charged',
    'charge',
    true,
    {
      state: 'succeeded',
      provider_reference: 'chg_1',
      authorization_code: 'A1B2',
      brand: 'visa',
      last4: '4242',
    },
    {
      status: 'captured',
      captured: 4200,
      reference: 'chg_1',
      code: 'A1B2',
      brand: 'visa',
      last4: '4242',
      provider: 'default',
      kind: 'sandbox',
    },
  ],
  [
    'authorized',
    'authorize',
    true,
    { state: 'succeeded', provider_reference: 'chg_2' },
    { status: 'authorized', captured: 0 },
  ],
  [
    'saved',
    'charge_and_save',
    true,
    { state: 'succeeded', provider_reference: 'chg_3', provider_token: 'tok_1' },
    { status: 'captured', token: 'tok_1' },
  ],
  [
    'declined',
    'charge',
    true,
    { state: 'declined', decline_reason: 'expired_card' },
    { status: 'declined', reason: 'expired_card', captured: 0 },
  ],
  [
    'failed',
    'charge',
    true,
    { state: 'failed', failure: 'unavailable' },
    { status: 'failed', failure: 'unavailable' },
  ],
  [
    'unknown',
    'charge',
    true,
    { state: 'unknown', failure: 'unknown_outcome' },
    { status: 'unknown', failure: null },
  ],
  ['underway', 'charge', false, { state: 'processing' }, { status: 'processing' }],
  ['cancelled', 'charge', true, undefined, { status: 'voided', provider: null }],
  ['running', 'charge', false, undefined, { status: 'requires_capture' }],
];

async function apply(names: readonly string[]): Promise<void> {
  for (const name of names) {
    const sql = await readFile(new URL(name, MIGRATIONS), 'utf8');
    await execute(ownerUrl, sql);
  }
}

beforeAll(async () => {
  url = await createEmptyDatabase();
  await migrate(await createEmptyDatabase()); // the roles are there, as an operator would have made them
  const owner = new URL(url);
  await execute(url, `create role shop_owner login password 'pw'`);
  await execute(url, 'grant hushtone_server, hushtone_system to shop_owner');
  await execute(url, `alter database ${owner.pathname.slice(1)} owner to shop_owner`);
  owner.username = 'shop_owner';
  owner.password = 'pw';
  ownerUrl = owner.href;
  await migrateJobQueue(ownerUrl);
  const names = (await readdir(MIGRATIONS)).filter((name) => /^\d{4}_/.test(name)).toSorted();
  await apply(names.filter((name) => name < BEFORE));
  await execute(url, `insert into accounts (id, account_id) values ('acc', 'acc')`);
  for (const [name, purpose, ended, attempt] of CASES) {
    await execute(
      url,
      `insert into calls (id, account_id, call_sid, instance_id, state, bridge, called_number, agent_id)
       values ($1, 'acc', $1, 'one', 'connected', 'dial', '2000', 'agent-1')`,
      [`call_${name}`],
    );
    await execute(
      url,
      `insert into captures (id, account_id, call_id, instance_id, status, purpose, amount, currency, reference, spec,
         view, requested_by, ended_at)
       values ($1, 'acc', $2, 'one', $3, $4, 4200, 'EUR', 'order-1', '{}', '{}', 'client', $5)`,
      [`cap_${name}`, `call_${name}`, ended ? 'failed' : 'processing', purpose, ended ? new Date() : null],
    );
    if (attempt === undefined) continue;
    await execute(
      url,
      `insert into payment_attempts (id, account_id, capture_id, provider, idempotency_key, purpose, amount, currency)
       values ($1, 'acc', $2, 'sandbox', $1, $3, 4200, 'EUR')`,
      [`att_${name}`, `cap_${name}`, purpose],
    );
    for (const [column, value] of Object.entries(attempt)) {
      await execute(url, `update payment_attempts set ${column} = $2 where id = $1`, [`att_${name}`, value]);
    }
  }
  await execute(
    url,
    `insert into captures (id, account_id, call_id, instance_id, status, purpose, spec, view, requested_by, ended_at)
     values ('cap_tokenized', 'acc', 'call_charged', 'one', 'succeeded', 'tokenize', '{}', '{}', 'client', now())`,
  );
  await execute(
    url,
    `insert into payment_attempts (id, account_id, capture_id, provider, idempotency_key, purpose)
     values ('att_tokenized', 'acc', 'cap_tokenized', 'sandbox', 'att_tokenized', 'tokenize')`,
  );
  await apply(names.filter((name) => name >= BEFORE));
});

test.each(CASES)(
  'a capture that was %s has its payment',
  async (name, purpose, _ended, attempt, expected) => {
    const [payment] = await execute<Record<string, unknown>>(
      url,
      `select id, mode, purpose, status, amount::int as amount, currency, amount_captured::int as captured,
            provider_reference as reference, authorization_code as code, brand, last4, provider_id as provider,
            provider_kind as kind, provider_token as token, decline_reason as reason, failure
     from payments where capture_id = $1`,
      [`cap_${name}`],
    );
    expect(payment).toMatchObject({
      id: `pay_${name}`,
      mode: 'test',
      purpose,
      amount: 4200,
      currency: 'EUR',
      ...expected,
    });
    const attempts = await execute(
      url,
      `select operation, provider_id, mode, reference, lease_until <= now() as free from payment_attempts
     where payment_id = $1`,
      [`pay_${name}`],
    );
    const kept = {
      operation: purpose,
      provider_id: 'default',
      mode: 'test',
      reference: 'order-1',
      free: true,
    };
    expect(attempts).toEqual(attempt === undefined ? [] : [kept]);
  },
);

test('a capture that took no money has none, and keeps its attempt', async () => {
  expect(await execute(url, `select id from payments where capture_id = 'cap_tokenized'`)).toEqual([]);
  const attempts = await execute(
    url,
    `select operation, payment_id from payment_attempts where id = 'att_tokenized'`,
  );
  expect(attempts).toEqual([{ operation: 'tokenize', payment_id: null }]);
});

test('row-level security binds the owner of the tables again', async () => {
  const rows = await execute<{ name: string }>(
    url,
    `select relname as name from pg_class where relname in ('captures', 'payment_attempts', 'payments')
     and relrowsecurity and relforcerowsecurity order by 1`,
  );
  expect(rows.map(({ name }) => name)).toEqual(['captures', 'payment_attempts', 'payments']);
});
