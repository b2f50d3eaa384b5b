import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AppendRecords } from '../../../src/access/access-record-store.ts';
import type { AccessRecord } from '../../../src/access/access-record.ts';
import { ClientRegistry, type ClientRequest } from '../../../src/access/client-registry-store.ts';
import { appendAudit } from '../../../src/audit/store.ts';
import { CLIENT, registryOf } from '../../support/authorization.ts';
import { createTestDatabase, execute, type TestDatabase } from '../../support/database.ts';
import { HandClock } from '../../support/hand-clock.ts';

const clock = new HandClock();
let db: TestDatabase;
let registry: ClientRegistry;

beforeAll(async () => {
  db = await createTestDatabase();
  registry = registryOf(db, clock);
  await registry.createAccount('acc_a', []);
  await registry.createAccount('acc_b', ['10.1.2.3/8', '2001:db8::1']);
});

afterAll(() => db.close());

/** How many in this database wait for a lock that another holds. */
async function waiting(): Promise<number> {
  const [row] = await execute<{ count: number }>(
    db.url,
    `select count(*)::int as count from pg_stat_activity
     where datname = current_database() and wait_event_type = 'Lock'`,
  );
  return row?.count ?? -1;
}

const codeOf = async (work: Promise<unknown>): Promise<unknown> =>
  await work.then(
    () => 'none',
    (error: unknown) => (error as { code?: unknown }).code,
  );

describe('accounts', () => {
  it('are listed with their networks, in the form of blocks', async () => {
    const accounts = await registry.listAccounts();
    expect(accounts.map(({ id, networks }) => ({ id, networks }))).toEqual([
      { id: 'acc_a', networks: [] },
      { id: 'acc_b', networks: ['10.0.0.0/8', '2001:db8::1/128'] },
    ]);
  });

  it('are made once, and under a fit name only', async () => {
    expect(await codeOf(registry.createAccount('acc_a', []))).toBe('account_exists');
    expect(await codeOf(registry.createAccount('a b', []))).toBe('account_invalid');
    expect(await codeOf(registry.createAccount('acc_c', ['10.0.0.0/33']))).toBe('network_invalid');
    expect(await codeOf(registry.setAccountNetworks('acc_c', []))).toBe('account_not_found');
  });

  it('whose networks two change at once are on record as each of them has found them', async () => {
    await registry.createAccount('acc_two', []);
    const records: AccessRecord[] = [];
    let written: () => void = () => undefined;
    let goOn: () => void = () => undefined;
    const firstHasWritten = new Promise<void>((resolve) => (written = resolve));
    const mayCommit = new Promise<void>((resolve) => (goOn = resolve));
    const append: AppendRecords = async (tx, appended) => {
      const isFirst = records.length === 0;
      records.push(...appended);
      await appendAudit(tx, appended);
      if (!isFirst) return;
      written();
      await mayCommit;
    };
    const both = new ClientRegistry({ database: db.database, append, clock, operator: 'tester' });
    const first = both.setAccountNetworks('acc_two', ['192.0.2.0/24']);
    await firstHasWritten;
    const second = both.setAccountNetworks('acc_two', ['198.51.100.0/24']);
    // The second has begun, and cannot go on until the first has ended.
    await expect.poll(waiting, { timeout: 30_000 }).toBe(1);
    goOn();
    await Promise.all([first, second]);
    expect(records).toMatchObject([
      { before: { networks: [] }, after: { networks: ['192.0.2.0/24'] } },
      { before: { networks: ['192.0.2.0/24'] }, after: { networks: ['198.51.100.0/24'] } },
    ]);
  });
});

describe('clients', () => {
  it.each<[Partial<ClientRequest>, string]>([
    [{ accountId: 'acc_none' }, 'account_not_found'],
    [{ name: '' }, 'client_name_invalid'],
    [{ name: '4242424242424242' }, 'client_name_invalid'],
    [{ roles: [] }, 'role_unknown'],
    [{ roles: ['root'] }, 'role_unknown'],
    [{ scopes: ['everything'] }, 'scope_unknown'],
    [{ scopes: [] }, 'scope_unknown'],
    [{ networks: ['localhost'] }, 'network_invalid'],
    [{ secretDays: 0 }, 'secret_lifetime'],
    [{ secretDays: 731 }, 'secret_lifetime'],
    [{ secretDays: Number.NaN }, 'secret_lifetime'],
    [{ keys: { keys: [{ kty: 'oct', k: 'x' }] } }, 'client_keys_invalid'],
  ])('are not made with %j', async (change, code) => {
    expect(await codeOf(registry.createClient({ ...CLIENT, ...change }))).toBe(code);
  });

  it('are listed with when their secrets end, and without what they are', async () => {
    const { client, secret } = await registry.createClient({ ...CLIENT, accountId: 'acc_b' });
    const [listed, ...others] = await registry.listClients('acc_b');
    expect(others).toEqual([]);
    expect(listed?.client).toEqual(client);
    expect(listed?.secrets).toEqual([
      {
        id: secret?.id,
        createdAt: clock.now(),
        expiresAt: new Date(clock.now().getTime() + 365 * 86_400_000),
      },
    ]);
  });

  it('that there are not cannot be changed', async () => {
    for (const id of ['cli_00000000000000000000000000', '', 'x\u0000']) {
      expect(await codeOf(registry.setDisabled(id, true))).toBe('client_not_found');
      expect(await codeOf(registry.rotateSecret(id, { secretDays: 1, overlapDays: 1 }))).toBe(
        'client_not_found',
      );
    }
  });

  it('get one of two secrets that are asked for at once, when one is valid already', async () => {
    const { client } = await registry.createClient(CLIENT);
    const lifetime = { secretDays: 1, overlapDays: 1 };
    const codes = await Promise.all(
      [1, 2].map(async () => await codeOf(registry.rotateSecret(client.id, lifetime))),
    );
    expect(codes.map(String).sort()).toEqual(['client_secrets_full', 'none']);
  });

  it('keep an earlier end of the secret that is replaced', async () => {
    const { client, secret } = await registry.createClient({ ...CLIENT, secretDays: 1 });
    const { others } = await registry.rotateSecret(client.id, { secretDays: 30, overlapDays: 7 });
    expect(others.map(({ id, expiresAt }) => ({ id, expiresAt }))).toEqual([
      { id: secret?.id, expiresAt: secret?.expiresAt },
    ]);
  });

  it('get a secret for which another ends sooner, and the record tells which', async () => {
    const { client, secret } = await registry.createClient(CLIENT);
    const { secret: next, others } = await registry.rotateSecret(client.id, {
      secretDays: 1,
      overlapDays: 0.5,
    });
    const [end] = others.map(({ expiresAt }) => expiresAt);
    expect(end !== undefined && end < (secret?.expiresAt ?? new Date(0))).toBe(true);
    const rows = await execute<{ after: Record<string, unknown> }>(
      db.url,
      `select record::jsonb -> 'after' as after from audit_records
        where object_id = $1 and operation = 'client.secret.create' order by sequence`,
      [client.id],
    );
    expect(rows.map(({ after }) => after)).toEqual([
      { secret_id: secret?.id, expires_at: secret?.expiresAt.toISOString() },
      {
        secret_id: next.id,
        expires_at: next.expiresAt.toISOString(),
        shortened: [secret?.id],
        shortened_until: end?.toISOString(),
      },
    ]);
  });

  it('lose a secret once: the second time changes nothing', async () => {
    const { client, secret } = await registry.createClient(CLIENT);
    await registry.revokeSecret(client.id, secret?.id ?? '');
    await registry.revokeSecret(client.id, secret?.id ?? '');
    expect(await codeOf(registry.revokeSecret(client.id, 'sec_x'))).toBe('secret_not_found');
    expect(await operationsOf(client.id)).toEqual([
      'client.create',
      'client.secret.create',
      'client.secret.revoke',
    ]);
    const [row] = await execute<{ after: Record<string, unknown> }>(
      db.url,
      `select record::jsonb -> 'after' as after from audit_records
        where object_id = $1 and operation = 'client.secret.revoke'`,
      [client.id],
    );
    expect(row?.after).toEqual({ secret_id: secret?.id, revoked_at: clock.now().toISOString() });
  });

  it('have every change on record, with what it was and what it is', async () => {
    const { client } = await registry.createClient(CLIENT);
    await registry.setNetworks(client.id, ['192.0.2.0/24']);
    await registry.setDisabled(client.id, true);
    await registry.setDisabled(client.id, true);
    await registry.setDisabled(client.id, false);
    expect(await operationsOf(client.id)).toEqual([
      'client.create',
      'client.secret.create',
      'client.update',
      'client.disable',
      'client.enable',
    ]);
    const [row] = await execute<{ record: Record<string, unknown> }>(
      db.url,
      `select record::jsonb as record from audit_records where object_id = $1 and operation = 'client.update'`,
      [client.id],
    );
    expect(row?.record).toMatchObject({
      actor: { kind: 'operator', subject: 'tester' },
      before: { networks: [] },
      after: { networks: ['192.0.2.0/24'] },
    });
  });

  it('are not changed when the record cannot be written', async () => {
    const { client } = await registry.createClient(CLIENT);
    const mute = new ClientRegistry({
      database: db.database,
      append: async () => await Promise.reject(new Error('no record')),
      clock,
      operator: 'tester',
    });
    await expect(mute.setDisabled(client.id, true)).rejects.toThrow('no record');
    const listed = await registry.listClients('acc_a');
    expect(listed.find((one) => one.client.id === client.id)?.client.disabledAt).toBeUndefined();
  });
});

async function operationsOf(clientId: string): Promise<string[]> {
  const rows = await execute<{ operation: string }>(
    db.url,
    'select operation from audit_records where object_id = $1 order by sequence',
    [clientId],
  );
  return rows.map(({ operation }) => operation);
}

describe('what the database itself keeps apart', () => {
  it.each([
    'select hash from client_secrets',
    'select * from client_assertions',
    'insert into clients select * from clients',
    `update clients set roles = '{admin}'`,
  ])('the role that looks clients up over all accounts may not: %s', async (sql) => {
    await expect(db.database.systemTransaction(async (tx) => await tx.query(sql))).rejects.toMatchObject({
      code: '42501',
    });
  });

  it.each(['delete from clients', 'delete from client_secrets', 'select * from login_failures'])(
    'the role of an account may not: %s',
    async (sql) => {
      await expect(db.database.transaction('acc_a', async (tx) => await tx.query(sql))).rejects.toMatchObject(
        {
          code: '42501',
        },
      );
    },
  );

  it('an account sees and changes no client of another', async () => {
    const { client } = await registry.createClient({ ...CLIENT, accountId: 'acc_b' });
    const seen = await db.database.transaction('acc_a', async (tx) => {
      const clients = await tx.query('select id from clients where id = $1', [client.id]);
      const secrets = await tx.query('select id from client_secrets where client_id = $1', [client.id]);
      const changed = await tx.query(`update clients set roles = '{admin}' where id = $1 returning id`, [
        client.id,
      ]);
      return [...clients, ...secrets, ...changed];
    });
    expect(seen).toEqual([]);
    const smuggled = db.database.transaction(
      'acc_a',
      async (tx) =>
        await tx.query(
          `insert into client_secrets (id, account_id, client_id, hash, created_at)
           values ('sec_00000000000000000000000000', 'acc_a', $1, '$argon2id$x', now())`,
          [client.id],
        ),
    );
    await expect(smuggled).rejects.toMatchObject({ code: '23503' });
  });
});
