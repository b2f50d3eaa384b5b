import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ProviderChanges } from '../../../src/workflows/providers/contract.ts';
import { silentLogger } from '../../../src/kernel/logger.ts';
import { createCredentialsRekeyable } from '../../../src/workflows/providers/rekey.ts';
import { execute } from '../../support/database.ts';
import { createTestKind } from '../../support/provider-kind.ts';
import { actorOf, createBench, type Bench, type Gateway } from './bench.ts';

const KEY = 'sk_test_first1234567wxyz';
const LIVE_KEY = 'sk_live_abcdefgh12345678';
const PASSWORD = 'correct horse battery staple';
const HEADER = 'header-secret-value-0001';

let bench: Bench;
let gateway: Gateway;

beforeAll(async () => {
  bench = await createBench();
  gateway = await bench.gateway();
});

afterAll(async () => await bench.close());

let accounts = 0;
const newActor = () => actorOf(`shop_${(accounts += 1)}`);

const REQUEST = {
  kind: 'scripted',
  name: 'Main',
  mode: 'test' as const,
  configuration: {
    secret_key: KEY,
    merchant_account: 'Shop',
    login: { username: 'user', password: PASSWORD },
    headers: [{ name: 'x-tenant', value: HEADER }],
  },
};

interface AuditRow {
  readonly operation: string;
  readonly object: { readonly id: string };
  readonly before?: Record<string, unknown>;
  readonly after?: Record<string, unknown>;
}

async function auditOf(accountId: string): Promise<AuditRow[]> {
  const rows = await execute<{ record: string }>(
    bench.db.url,
    'select record from audit_records where account_id = $1 order by sequence',
    [accountId],
  );
  return rows.map(({ record }) => JSON.parse(record) as AuditRow);
}

describe('a configuration', () => {
  test('is told without its secrets, and never again', async () => {
    const actor = newActor();
    const created = await gateway.desk.create(actor, REQUEST);
    expect(created).toMatchObject({ kind: 'scripted', name: 'Main', mode: 'test', state: 'active' });
    expect(created.configuration).toEqual({
      secret_key: { set: true, hint: 'wxyz' },
      merchant_account: 'Shop',
      login: { username: 'user', password: { set: true, hint: 'aple' } },
      headers: [{ name: 'x-tenant', value: { set: true, hint: '0001' } }],
    });
    expect(await gateway.desk.get(actor, created.id)).toEqual(created);
    expect(await gateway.desk.list(actor)).toEqual([created]);
  });

  test('has its secrets nowhere in the database, the audit trail and the log', async () => {
    const actor = newActor();
    const { id } = await gateway.desk.create(actor, REQUEST);
    await gateway.desk.update(actor, id, { configuration: { secret_key: 'sk_test_other123456789' } });
    await gateway.directory.route(actor.accountId, { mode: 'test', purpose: 'tokenize' });
    const tables = await execute<{ name: string }>(
      bench.db.url,
      `select tablename as name from pg_tables where schemaname = 'public'`,
    );
    expect(tables.length).toBeGreaterThan(15);
    let everything = bench.log.join('\n');
    for (const { name } of tables) {
      const rows = await execute(bench.db.url, `select t::text as row from ${name} t`);
      everything += JSON.stringify(rows);
    }
    expect(everything).toContain(id);
    for (const secret of [KEY, 'other123456789', PASSWORD, HEADER]) {
      for (const form of [
        secret,
        Buffer.from(secret).toString('hex'),
        Buffer.from(secret).toString('base64'),
      ]) {
        expect(everything).not.toContain(form);
      }
    }
  });

  test('is changed by what is named; a secret that is sent as it was shown stays', async () => {
    const actor = newActor();
    const created = await gateway.desk.create(actor, REQUEST);
    const { configuration } = created;
    const updated = await gateway.desk.update(actor, created.id, {
      name: 'Renamed',
      configuration: { ...configuration, merchant_account: 'Other', login: null },
    });
    expect(updated).toMatchObject({
      name: 'Renamed',
      configuration: { merchant_account: 'Other', secret_key: { set: true, hint: 'wxyz' } },
    });
    expect(updated.configuration).not.toHaveProperty('login');
    await gateway.directory.find(actor.accountId, created.id);
    expect(gateway.kind.connected.at(-1)?.configuration).toEqual({
      secret_key: KEY,
      merchant_account: 'Other',
      headers: [{ name: 'x-tenant', value: HEADER }],
    });
    const secrets = await execute(
      bench.db.url,
      'select pointer, version from provider_secrets where provider_id = $1 order by 1',
      [created.id],
    );
    expect(secrets).toEqual([
      { pointer: '/headers/0/value', version: 1 },
      { pointer: '/secret_key', version: 1 },
    ]);
  });

  test('that replaces a secret destroys the old one', async () => {
    const actor = newActor();
    const { id } = await gateway.desk.create(actor, REQUEST);
    const read = async () =>
      await execute<{ pointer: string; version: number; ciphertext: Buffer }>(
        bench.db.url,
        `select pointer, version, ciphertext from provider_secrets where provider_id = $1 order by 1`,
        [id],
      );
    const before = await read();
    await gateway.desk.update(actor, id, { configuration: { secret_key: 'sk_test_second99999999' } });
    const after = await read();
    expect(after.map(({ pointer, version }) => [pointer, version])).toEqual([
      ['/headers/0/value', 1],
      ['/login/password', 1],
      ['/secret_key', 2],
    ]);
    expect(after.slice(0, 2)).toEqual(before.slice(0, 2));
    expect(after[2]?.ciphertext.equals(before[2]?.ciphertext ?? Buffer.of())).toBe(false);
  });

  test('of the configuration only, secrets included, gives it another number', async () => {
    const actor = newActor();
    const { id } = await gateway.desk.create(actor, REQUEST);
    const after = async (changes: ProviderChanges): Promise<number> => {
      await gateway.desk.update(actor, id, changes);
      const routed = await gateway.directory.find(actor.accountId, id);
      const rows = await execute<{ version: number }>(
        bench.db.url,
        'select configuration_version as version from providers where id = $1',
        [id],
      );
      expect(routed?.pinned?.().configurationVersion).toBe(rows[0]?.version);
      return rows[0]?.version ?? 0;
    };
    expect(await after({ name: 'Other' })).toBe(1);
    expect(await after({ state: 'disabled' })).toBe(1);
    expect(await after({ state: 'active', configuration: {} })).toBe(1);
    expect(await after({ configuration: { ...REQUEST.configuration } })).toBe(1);
    expect(await after({ configuration: { secret_key: { set: true } } })).toBe(1);
    expect(await after({ configuration: { secret_key: 'sk_test_second99999999' } })).toBe(2);
    expect(await after({ configuration: { merchant_account: 'Other' } })).toBe(3);
    expect(await after({ configuration: { login: null } })).toBe(4);
    expect(await after({ configuration: { ...REQUEST.configuration } })).toBe(5);
  });

  test('is on record, before and after, with the places of its secrets only', async () => {
    const actor = newActor();
    const { id } = await gateway.desk.create(actor, {
      ...REQUEST,
      configuration: { ...REQUEST.configuration, merchant_account: '123456789012345' },
    });
    await gateway.desk.update(actor, id, { state: 'disabled' });
    await gateway.desk.update(actor, id, {
      state: 'active',
      configuration: { secret_key: 'sk_test_second99999999' },
    });
    await gateway.desk.update(actor, id, { name: 'Other' });
    await gateway.desk.remove(actor, id);
    const records = await auditOf(actor.accountId);
    expect(records.map(({ operation }) => operation)).toEqual([
      'provider.create',
      'provider.disable',
      'provider.enable',
      'provider.update',
      'provider.delete',
    ]);
    expect(records.every(({ object }) => object.id === id)).toBe(true);
    expect(records[0]?.after).toMatchObject({
      name: 'Main',
      configuration: { merchant_account: '•••2345' },
      sealed: ['/headers/0/value v1', '/login/password v1', '/secret_key v1'],
    });
    expect(records[2]?.before?.['sealed']).toContain('/secret_key v1');
    expect(records[2]?.after?.['sealed']).toContain('/secret_key v2');
  });
});

describe('what is refused leaves nothing behind', () => {
  const refused: [string, Record<string, unknown>, string][] = [
    ['a kind that there is not', { kind: 'carrier_pigeon' }, 'provider_kind_unknown'],
    [
      'a live key in test mode',
      { configuration: { secret_key: LIVE_KEY, merchant_account: 'Shop' } },
      'wrong_mode',
    ],
    ['a test key in live mode', { mode: 'live' }, 'wrong_mode'],
    ['a configuration that does not fit', { configuration: { secret_key: KEY } }, 'provider_configuration'],
    [
      'a configuration that does not connect',
      { configuration: { secret_key: KEY, merchant_account: 'refused' } },
      'provider_configuration',
    ],
    [
      'a secret that is too long',
      {
        configuration: {
          ...REQUEST.configuration,
          login: { username: 'u', password: 'x'.repeat(5000) },
        },
      },
      'provider_configuration',
    ],
    [
      'a mask where no secret was',
      { configuration: { secret_key: { set: true }, merchant_account: 'Shop' } },
      'provider_configuration',
    ],
    ['a name like a card number', { name: '4242 4242 4242 4242' }, 'provider_name_like_card'],
  ];

  test.each(refused)('%s, in a new one', async (_name, change, code) => {
    const actor = newActor();
    await expect(gateway.desk.create(actor, { ...REQUEST, ...change })).rejects.toMatchObject({
      code,
    });
    expect(await gateway.desk.list(actor)).toEqual([]);
    expect(await auditOf(actor.accountId)).toEqual([]);
  });

  test.each<[Record<string, unknown>, string]>([
    [{ configuration: { secret_key: LIVE_KEY } }, 'wrong_mode'],
    [{ configuration: { secret_key: null } }, 'provider_configuration'],
    [{ configuration: { merchant_account: 'refused' } }, 'provider_configuration'],
    [
      {
        configuration: {
          headers: [
            { name: 'a', value: { set: true } },
            { name: 'b', value: { set: true } },
          ],
        },
      },
      'provider_configuration',
    ],
    [{ name: '4242424242424242' }, 'provider_name_like_card'],
  ])('%o, in a change', async (changes, code) => {
    const actor = newActor();
    const created = await gateway.desk.create(actor, REQUEST);
    await expect(gateway.desk.update(actor, created.id, changes)).rejects.toMatchObject({ code });
    expect(await gateway.desk.get(actor, created.id)).toEqual(created);
    expect(await auditOf(actor.accountId)).toHaveLength(1);
  });

  test('the database itself keeps kind, mode and the deleted', async () => {
    const actor = newActor();
    const { id } = await gateway.desk.create(actor, REQUEST);
    const alter = async (sql: string) => await execute(bench.db.url, sql, [id]);
    await expect(alter(`update providers set mode = 'live', version = 2 where id = $1`)).rejects.toThrow(
      /mode/,
    );
    await expect(alter(`update providers set name = 'x' where id = $1`)).rejects.toThrow(/version/);
    await gateway.desk.update(actor, id, { configuration: { merchant_account: 'Other' } });
    // Another configuration without a number of its own, one that was used already, and one that leaves some out.
    for (const change of [`configuration = '{}'`, 'configuration_version = 1', 'configuration_version = 4']) {
      await expect(
        alter(`update providers set ${change}, version = version + 1 where id = $1`),
      ).rejects.toThrow(/number of its own/);
    }
    await gateway.desk.remove(actor, id);
    await expect(
      alter(`update providers set deleted_at = null, version = version + 1 where id = $1`),
    ).rejects.toThrow(/deleted/);
  });

  test('more than fifty of them', async () => {
    const actor = newActor();
    for (let count = 0; count < 50; count += 1) await gateway.desk.create(actor, REQUEST);
    await expect(gateway.desk.create(actor, REQUEST)).rejects.toMatchObject({ code: 'providers_too_many' });
    // One that is deleted makes room for one, not for all that come at the same moment, whichever process they ask.
    const [first] = await gateway.desk.list(actor);
    await gateway.desk.remove(actor, first?.id ?? '');
    const other = await bench.gateway();
    const desks = [gateway.desk, other.desk, gateway.desk, other.desk];
    const asked = await Promise.allSettled(desks.map(async (desk) => await desk.create(actor, REQUEST)));
    const answers = asked.map((answer) =>
      answer.status === 'fulfilled' ? 'made' : (answer.reason as { code?: unknown }).code,
    );
    expect(answers.map(String).sort()).toEqual(['made', ...Array<string>(3).fill('providers_too_many')]);
    expect(await gateway.desk.list(actor)).toHaveLength(50);
  });

  test('what another account has', async () => {
    const [owner, other] = [newActor(), newActor()];
    const { id } = await gateway.desk.create(owner, REQUEST);
    const missing = { code: 'provider_not_found', kind: 'not_found' };
    await expect(gateway.desk.get(other, id)).rejects.toMatchObject(missing);
    await expect(gateway.desk.update(other, id, { name: 'x' })).rejects.toMatchObject(missing);
    await expect(gateway.desk.remove(other, id)).rejects.toMatchObject(missing);
    await expect(gateway.desk.check(other, id)).rejects.toMatchObject(missing);
    await gateway.desk.remove(owner, id);
    await expect(gateway.desk.get(owner, id)).rejects.toMatchObject(missing);
    expect(await gateway.desk.list(owner)).toEqual([]);
  });
});

describe('rules', () => {
  test('are replaced as a whole, read in their order and on record', async () => {
    const actor = newActor();
    const { id } = await gateway.desk.create(actor, REQUEST);
    expect(await gateway.desk.routing(actor)).toEqual({ rules: [] });
    const rules = [
      { mode: 'test' as const, currencies: ['EUR'], amount_from: 1, amount_to: 9, providers: [id] },
      { mode: 'test' as const, brands: ['visa'], purposes: ['charge' as const], providers: [id] },
      { mode: 'test' as const, brands: ['visa'], providers: [id] },
    ];
    const set = await gateway.desk.setRouting(actor, { rules });
    expect(set.rules.map(({ id: ruleId, ...rule }) => [ruleId.slice(0, 5), rule])).toEqual(
      rules.map((rule) => ['rule_', rule]),
    );
    expect(await gateway.desk.routing(actor)).toEqual(set);
    await expect(gateway.desk.remove(actor, id)).rejects.toMatchObject({ code: 'provider_routed' });
    await gateway.desk.setRouting(actor, { rules: [] });
    await gateway.desk.remove(actor, id);
    const records = await auditOf(actor.accountId);
    expect(records.filter(({ operation }) => operation === 'provider.routing')).toMatchObject([
      { before: { rules: [] }, after: { rules: set.rules } },
      { before: { rules: set.rules }, after: { rules: [] } },
    ]);
  });

  test('that cannot be are refused, and those before stay', async () => {
    const actor = newActor();
    const { id } = await gateway.desk.create(actor, REQUEST);
    const live = await gateway.desk.create(actor, {
      ...REQUEST,
      mode: 'live',
      configuration: { ...REQUEST.configuration, secret_key: LIVE_KEY },
    });
    const standing = await gateway.desk.setRouting(actor, { rules: [{ mode: 'test', providers: [id] }] });
    const others = await gateway.desk.create(newActor(), REQUEST);
    const refused: [Parameters<typeof gateway.desk.setRouting>[1]['rules'][number], string][] = [
      [{ mode: 'test', providers: [others.id] }, 'routing_provider_unknown'],
      [{ mode: 'test', providers: ['default'] }, 'routing_provider_unknown'],
      [{ mode: 'test', providers: [id, live.id] }, 'routing_modes_mixed'],
      [{ mode: 'live', providers: [id] }, 'routing_modes_mixed'],
      [{ mode: 'test', amount_from: 5, providers: [id] }, 'routing_amount_unclear'],
      [
        { mode: 'test', currencies: ['EUR'], amount_from: 5, amount_to: 4, providers: [id] },
        'routing_amount_unclear',
      ],
    ];
    for (const [rule, code] of refused) {
      const rules = [{ mode: 'test' as const, providers: [id] }, rule];
      await expect(gateway.desk.setRouting(actor, { rules })).rejects.toMatchObject({
        code,
        message: expect.stringContaining('rules/1') as string,
      });
    }
    expect(await gateway.desk.routing(actor)).toEqual(standing);
  });
});

describe('a check', () => {
  test('tells what the provider says', async () => {
    const findings = [{ code: 'moto_not_enabled', message: 'MOTO is not enabled.' }] as const;
    const kind = createTestKind('sandbox', findings);
    const provider = kind.connect({}, 'test', {} as never);
    const { desk } = await bench.gateway({ id: 'default', kind: 'sandbox', mode: 'test', provider });
    const actor = newActor();
    expect(await desk.check(actor, 'default')).toMatchObject({ ok: false, findings });
    const { id } = await desk.create(actor, REQUEST);
    expect(await desk.check(actor, id)).toMatchObject({
      provider_id: id,
      ok: true,
      findings: [],
      mode: 'test',
    });
  });

  test('finds a configuration that cannot be used any more', async () => {
    const actor = newActor();
    const { id } = await gateway.desk.create(actor, REQUEST);
    await execute(
      bench.db.url,
      `delete from provider_secrets where provider_id = $1 and pointer = '/secret_key'`,
      [id],
    );
    expect(await gateway.desk.check(actor, id)).toMatchObject({
      ok: false,
      findings: [{ code: 'configuration_refused', message: expect.stringContaining('secret_key') as string }],
    });
  });
});

test('rotation moves credentials to the new key, of deleted providers too, and every process goes on', async () => {
  const actor = newActor();
  const standing = await gateway.desk.create(actor, REQUEST);
  const deleted = await gateway.desk.create(actor, REQUEST);
  await gateway.desk.remove(actor, deleted.id);
  const { database } = bench.db;
  const rekeyable = createCredentialsRekeyable({ database, ring: gateway.ring, logger: silentLogger });
  const activeKey = () =>
    gateway.ring.list().find(({ purpose, state }) => purpose === 'provider_credentials' && state === 'active')
      ?.id ?? '';
  const old = activeKey();
  const count = await rekeyable.remaining(old);
  expect(count).toBeGreaterThanOrEqual(6);
  await bench.keys.registry(rekeyable).rotate('provider_credentials');
  let moved = 0;
  for (let batch = await rekeyable.moveBatch(4); batch > 0; batch = await rekeyable.moveBatch(4))
    moved += batch;
  expect(moved).toBe(count);
  expect(activeKey()).not.toBe(old);
  expect(await rekeyable.remaining(old)).toBe(0);
  expect(await rekeyable.remaining(activeKey())).toBe(count);
  const fresh = await bench.gateway();
  for (const id of [standing.id, deleted.id]) {
    await fresh.directory.find(actor.accountId, id);
    expect(fresh.kind.connected.at(-1)?.configuration).toEqual(REQUEST.configuration);
  }
});
