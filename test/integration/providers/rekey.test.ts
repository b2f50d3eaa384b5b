import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createLogger } from '../../../src/kernel/logger.ts';
import type { Rekeyable } from '../../../src/vault/rekeyable.ts';
import { createCredentialsRekeyable } from '../../../src/workflows/providers/rekey.ts';
import { execute } from '../../support/database.ts';
import { actorOf, createBench, type Bench, type Gateway } from './bench.ts';

const ACTOR = actorOf('shop');
const KEY = 'sk_test_first1234567wxyz';
const PASSWORD = 'correct horse battery staple';
const REQUEST = {
  kind: 'scripted',
  name: 'Main',
  mode: 'test' as const,
  configuration: {
    secret_key: KEY,
    merchant_account: 'Shop',
    login: { username: 'user', password: PASSWORD },
    headers: [],
  },
};
/** `secret_key` and `login/password`. */
const SECRETS = 2;
const PROVIDERS = 4;

let bench: Bench;
let gateway: Gateway;
let lines: string[];
let credentials: Rekeyable;
let ids: string[];

beforeAll(async () => {
  bench = await createBench();
  gateway = await bench.gateway();
});

afterAll(async () => await bench.close());

beforeEach(async () => {
  lines = [];
  const logger = createLogger('error', { write: (line) => void lines.push(line) });
  credentials = createCredentialsRekeyable({ database: bench.db.database, ring: gateway.ring, logger });
  await execute(bench.db.url, 'delete from provider_secrets');
  ids = [];
  for (let made = 0; made < PROVIDERS; made += 1) ids.push((await gateway.desk.create(ACTOR, REQUEST)).id);
});

/** What a torn page or a wrong restore makes of wrapped keys: they have their length, and open with nothing. */
async function damage(providerIds: readonly string[], pointer?: string): Promise<void> {
  await execute(
    bench.db.url,
    `update provider_secrets set wrapped_key = decode(repeat('00', 40), 'hex')
     where provider_id = any ($1) and ($2::text is null or pointer = $2)`,
    [providerIds, pointer ?? null],
  );
}

async function keysOf(providerId: string | undefined): Promise<unknown[]> {
  const rows = await execute<{ pointer: string; keyId: string }>(
    bench.db.url,
    `select pointer, key_id as "keyId" from provider_secrets where provider_id = $1 order by pointer`,
    [providerId],
  );
  return rows.map(({ pointer, keyId }) => [pointer, keyId]);
}

test('a credential that does not open is set aside, told of, and keeps its key in use', async () => {
  await damage(ids.slice(0, 1), '/secret_key');
  const registry = bench.keys.registry(credentials);
  const { previous, active } = await registry.rotate('provider_credentials');
  const all = PROVIDERS * SECRETS;
  await expect(registry.moveRecords('provider_credentials', 3, () => undefined)).resolves.toBe(all - 1);
  await expect(credentials.remaining(previous.id)).resolves.toBe(1);
  await expect(credentials.remaining(active.id)).resolves.toBe(all - 1);
  // Its neighbour in the same provider was moved.
  expect(await keysOf(ids[0])).toEqual([
    ['/login/password', active.id],
    ['/secret_key', previous.id],
  ]);
  await expect(registry.retire(previous.id)).rejects.toMatchObject({ code: 'key_in_use' });
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    msg: 'a provider credential does not open and stays under its key',
    accountId: 'shop',
    provider: ids[0],
    code: 'sealed_value_invalid',
  });
  expect(lines[0]).not.toMatch(/sk_test|correct horse/);
  const fresh = await bench.gateway();
  await fresh.directory.find('shop', ids[1] ?? '');
  expect(fresh.kind.connected.at(-1)?.configuration).toEqual(REQUEST.configuration);
});

test('a batch of such credentials only does not end the move, and each is told of once', async () => {
  const damaged = ids.slice(0, PROVIDERS - 1);
  await damage(damaged);
  const { previous } = await bench.keys.registry(credentials).rotate('provider_credentials');
  await expect(credentials.moveBatch(1)).resolves.toBe(1);
  await expect(credentials.moveBatch(1)).resolves.toBe(1);
  await expect(credentials.moveBatch(1)).resolves.toBe(0);
  await expect(credentials.remaining(previous.id)).resolves.toBe(damaged.length * SECRETS);
  expect(lines).toHaveLength(damaged.length * SECRETS);
});

test('a key provider that is away is no fault of a credential: nothing is set aside', async () => {
  const { previous } = await bench.keys.registry(credentials).rotate('provider_credentials');
  const failing = createCredentialsRekeyable({
    database: bench.db.database,
    ring: {
      ...gateway.ring,
      list: () => gateway.ring.list(),
      refresh: async () => await gateway.ring.refresh(),
      rewrap: async () => await Promise.reject(new TypeError('the token is away')),
    },
    logger: createLogger('error', { write: (line) => void lines.push(line) }),
  });
  await expect(failing.moveBatch(10)).rejects.toThrow('the token is away');
  expect(lines).toEqual([]);
  await expect(credentials.remaining(previous.id)).resolves.toBe(PROVIDERS * SECRETS);
  await expect(credentials.moveBatch(100)).resolves.toBe(PROVIDERS * SECRETS);
});
