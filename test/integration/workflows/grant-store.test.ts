import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Queryable } from '../../../src/db/database.ts';
import {
  findEndedGrants,
  insertGrant,
  isGrantStanding,
  revokeGrant,
  useGrant,
} from '../../../src/workflows/stores/grant-store.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { insertAccount } from '../../support/rows.ts';

const ACCOUNT = 'acc_a';
const AGENT = 'agent-1';
const CREATED = new Date('2026-03-01T12:00:00Z');
const EXPIRES = new Date('2026-03-01T12:05:00Z');
const BEFORE = new Date(EXPIRES.getTime() - 1);

let db: TestDatabase;
let count = 0;
let id: string;

const inAccount = async <T>(work: (tx: Queryable) => Promise<T>): Promise<T> =>
  await db.database.transaction(ACCOUNT, work);

beforeAll(async () => {
  db = await createTestDatabase();
  await inAccount(async (tx) => await insertAccount(tx, ACCOUNT));
});

afterAll(() => db.close());

async function grant(uses: 'once' | 'many'): Promise<void> {
  count += 1;
  id = `gnt_${count}`;
  await inAccount(
    async (tx) =>
      await insertGrant(tx, {
        id,
        accountId: ACCOUNT,
        agentId: AGENT,
        purpose: 'tokenize',
        uses,
        useCount: 0,
        clientId: 'client',
        createdBy: 'integrator',
        createdAt: CREATED,
        expiresAt: EXPIRES,
      }),
  );
}

beforeEach(async () => await grant('once'));

const stands = async (agentId: string, at: Date): Promise<boolean> =>
  await inAccount(async (tx) => await isGrantStanding(tx, id, agentId, at));

test('a grant stands for its own agent, up to its last moment', async () => {
  expect(await stands(AGENT, CREATED)).toBe(true);
  expect(await stands(AGENT, BEFORE)).toBe(true);
  expect(await stands(AGENT, EXPIRES)).toBe(false);
  expect(await stands('agent-2', CREATED)).toBe(false);
});

test('a grant that was revoked stands for nobody, and cannot be used', async () => {
  expect(await inAccount(async (tx) => await revokeGrant(tx, id, CREATED))).toBe(true);
  expect(await inAccount(async (tx) => await revokeGrant(tx, id, CREATED))).toBe(false);
  expect(await stands(AGENT, CREATED)).toBe(false);
  expect(await inAccount(async (tx) => await useGrant(tx, id, CREATED))).toBeUndefined();
});

test.each([
  ['once', [1, undefined]],
  ['many', [1, 2]],
] as const)('a grant for %s is used up to its last moment', async (uses, counts) => {
  await grant(uses);
  expect(await inAccount(async (tx) => await useGrant(tx, id, EXPIRES))).toBeUndefined();
  for (const useCount of counts) {
    const used = await inAccount(async (tx) => await useGrant(tx, id, BEFORE));
    expect(used?.useCount).toBe(useCount);
  }
});

test('the grants that have ended are those that were revoked or are over', async () => {
  const standing = id;
  await grant('once');
  const revoked = id;
  await inAccount(async (tx) => await revokeGrant(tx, revoked, CREATED));
  const ended = async (at: Date): Promise<string[]> =>
    await db.database.systemTransaction(async (tx) => await findEndedGrants(tx, [standing, revoked], at));
  expect(await ended(BEFORE)).toEqual([revoked]);
  expect((await ended(EXPIRES)).sort()).toEqual([standing, revoked].sort());
});
