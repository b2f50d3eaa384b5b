import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ClientRegistry } from '../../../src/access/client-registry-store.ts';
import {
  askForToken,
  CLIENT,
  createTokenHttp,
  newKeyRing,
  registryOf,
  secretForm,
} from '../../support/authorization.ts';
import { createTestDatabase, execute, type TestDatabase } from '../../support/database.ts';
import { HandClock } from '../../support/hand-clock.ts';
import type { TestHttp } from '../../support/http.ts';

const DAY = 86_400;

const clock = new HandClock();
let db: TestDatabase;
let http: TestHttp;
let registry: ClientRegistry;

beforeAll(async () => {
  db = await createTestDatabase();
  registry = registryOf(db, clock);
  await registry.createAccount('acc_a', []);
  http = await createTokenHttp(db, clock, newKeyRing());
});

afterAll(async () => {
  await http.close();
  await db.close();
});

it.each<[string, (clientId: string, secretId: string) => Promise<void>]>([
  ['secret_revoked', async (clientId, secretId) => await registry.revokeSecret(clientId, secretId)],
  ['secret_expired', async () => clock.pass(DAY)],
])('the record of a refused secret says why: %s', async (reason, change) => {
  const { client, secret } = await registry.createClient({ ...CLIENT, secretDays: 1 });
  if (secret === undefined) throw new Error('the client has no secret');
  const ask = async (): Promise<number> =>
    (await askForToken(http, secretForm(client.id, secret.secret))).statusCode;
  expect(await ask()).toBe(200);
  await change(client.id, secret.id);
  expect(await ask()).toBe(401);
  const rows = await execute<{ result: string; reason: string | null }>(
    db.url,
    `select result, record::jsonb ->> 'reason' as reason from audit_records
     where object_id = $1 and operation like 'token.%' order by sequence`,
    [client.id],
  );
  expect(rows).toEqual([
    { result: 'done', reason: null },
    { result: 'refused', reason },
  ]);
});
