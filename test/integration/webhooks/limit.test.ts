import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createSecretSeal } from '../../../src/events/webhooks/secret-seal.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { Webhooks } from '../../../src/workflows/webhooks/desk.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';

const ACTOR = {
  accountId: 'acc_a',
  subject: 'admin',
  clientId: 'client',
  roles: ['admin'],
  scopes: new Set(['webhooks:write']),
  reach: ['account'],
} as const;

let db: TestDatabase;

beforeAll(async () => {
  db = await createTestDatabase({ poolSize: 8 });
});

afterAll(async () => await db.close());

test('an account gets no more than 20 webhooks, however many ask at once', async () => {
  const webhooks = new Webhooks({
    database: db.database,
    seal: createSecretSeal([randomBytes(32)]),
    policy: { allowPrivate: false, allowPlainLoopback: false },
    clock: systemClock,
  });
  const made = await Promise.allSettled(
    Array.from({ length: 30 }, async () => await webhooks.create(ACTOR, { url: 'https://example.com/' })),
  );
  expect(await webhooks.list(ACTOR)).toHaveLength(20);
  const refused = made.filter((one) => one.status === 'rejected');
  expect(refused).toHaveLength(10);
  for (const { reason } of refused) expect(reason).toMatchObject({ code: 'webhooks_too_many' });
});
