import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClientDirectory } from '../../../src/access/client-directory-store.ts';
import type { ClientRegistry } from '../../../src/access/client-registry-store.ts';
import type { Database } from '../../../src/db/database.ts';
import { databaseUnavailable } from '../../../src/db/errors.ts';
import { CLIENT, registryOf } from '../../support/authorization.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { HandClock } from '../../support/hand-clock.ts';

const INSIDE = ['192.0.2.0/24'];

const clock = new HandClock();
let db: TestDatabase;
let registry: ClientRegistry;

beforeAll(async () => {
  db = await createTestDatabase();
  registry = registryOf(db, clock);
  await registry.createAccount('acc_a', INSIDE);
  await registry.createAccount('acc_b', []);
});

afterAll(() => db.close());

describe('the networks of a client', () => {
  it('are those of its own account, when another issuer gives two accounts clients of the same name', async () => {
    const networksOf = createClientDirectory(db.database, clock);
    expect(await networksOf({ accountId: 'acc_b', clientId: 'crm' })).toEqual([[], []]);
    expect(await networksOf({ accountId: 'acc_a', clientId: 'crm' })).toEqual([INSIDE, []]);
    expect(await networksOf({ accountId: 'acc_b', clientId: 'crm' })).toEqual([[], []]);
  });

  it('are those of a moment ago for five seconds, and a client that was disabled is refused after them', async () => {
    const { client } = await registry.createClient(CLIENT);
    const networksOf = createClientDirectory(db.database, clock);
    const ask = async () => await networksOf({ accountId: 'acc_a', clientId: client.id });
    expect(await ask()).toEqual([INSIDE, []]);
    await registry.setDisabled(client.id, true);
    clock.pass(4.999);
    expect(await ask()).toEqual([INSIDE, []]);
    clock.pass(0.001);
    await expect(ask()).rejects.toMatchObject({ code: 'client_disabled', kind: 'unauthenticated' });
    await registry.setDisabled(client.id, false);
    await registry.setNetworks(client.id, ['192.0.2.7/32']);
    clock.pass(5);
    expect(await ask()).toEqual([INSIDE, ['192.0.2.7/32']]);
  });

  it('are asked for again at once when the database did not answer', async () => {
    let away = true;
    const shaky: Database = {
      ...db.database,
      transaction: async (accountId, work) => {
        if (away) throw databaseUnavailable(new Error('the connection is lost'));
        return await db.database.transaction(accountId, work);
      },
    };
    const networksOf = createClientDirectory(shaky, clock);
    const ask = async () => await networksOf({ accountId: 'acc_a', clientId: 'crm' });
    await expect(ask()).rejects.toMatchObject({ code: 'database_unavailable' });
    away = false;
    expect(await ask()).toEqual([INSIDE, []]);
  });
});
