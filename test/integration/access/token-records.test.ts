import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClientRegistry } from '../../../src/access/client-registry-store.ts';
import type { Client } from '../../../src/access/client.ts';
import { sourceOf } from '../../../src/access/login-lock.ts';
import { createTokenRecords } from '../../../src/access/token-endpoint-store.ts';
import type { TokenRecords } from '../../../src/access/token-endpoint.ts';
import { appendAudit } from '../../../src/audit/store.ts';
import { CLIENT, registryOf } from '../../support/authorization.ts';
import { createTestDatabase, execute, type TestDatabase } from '../../support/database.ts';
import { HandClock } from '../../support/hand-clock.ts';

const DAY = 86_400;
const ASKER = { address: '192.0.2.1', requestId: 'req_1' };
const ISSUED = { scopes: ['calls:read'] };

const clock = new HandClock();
let db: TestDatabase;
let registry: ClientRegistry;
let records: TokenRecords;

beforeAll(async () => {
  db = await createTestDatabase({ poolSize: 8 });
  registry = registryOf(db, clock);
  await registry.createAccount('acc_a', []);
  records = createTokenRecords(db.database, appendAudit, clock);
});

afterAll(() => db.close());

async function newClient(): Promise<{ client: Client; secretId: string }> {
  const { client, secret } = await registry.createClient({ ...CLIENT, secretDays: 1 });
  if (secret === undefined) throw new Error('the client has no secret');
  return { client, secretId: secret.id };
}

/** What the trail has of tokens for the client. */
async function tokensOf({ id }: Client): Promise<string[]> {
  const rows = await execute<{ operation: string }>(
    db.url,
    `select operation from audit_records where object_id = $1 and operation like 'token.%' order by sequence`,
    [id],
  );
  return rows.map(({ operation }) => operation);
}

describe('a secret that was right when it was looked at', () => {
  it('gives a token, on record', async () => {
    const { client, secretId } = await newClient();
    expect(await records.settle(client, { secretId }, ISSUED, ASKER)).toBe(true);
    expect(await tokensOf(client)).toEqual(['token.issue']);
  });

  it('is worth nothing, and leaves no record of a token, when it was revoked a moment later', async () => {
    const { client, secretId } = await newClient();
    await registry.revokeSecret(client.id, secretId);
    expect(await records.settle(client, { secretId }, ISSUED, ASKER)).toBe(false);
    expect(await tokensOf(client)).toEqual([]);
  });

  it('is worth nothing when its time was over a moment later', async () => {
    const { client, secretId } = await newClient();
    clock.pass(DAY - 1);
    expect(await records.settle(client, { secretId }, ISSUED, ASKER)).toBe(true);
    clock.pass(1);
    expect(await records.settle(client, { secretId }, ISSUED, ASKER)).toBe(false);
    expect(await tokensOf(client)).toEqual(['token.issue']);
  });
});

describe('failures of one source in the same moment', () => {
  it('count each, so that nobody guesses more often by guessing at once', async () => {
    const source = sourceOf('cli_00000000000000000000000000', ASKER.address);
    const AT_ONCE = 12;
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        await records.fail(source, undefined, 'client_unknown', ASKER);
      }),
    );
    expect(await records.failuresOf(source)).toMatchObject({ failures: AT_ONCE });
  });
});
