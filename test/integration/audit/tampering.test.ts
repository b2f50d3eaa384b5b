import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { beforeEach, describe, expect, test, afterEach } from 'vitest';
import { canonicalJson } from '../../../src/audit/canonical-json.ts';
import { hashOf, GENESIS_HASH, type AuditRecord } from '../../../src/audit/chain.ts';
import { checkpointSigner, checkpointVerifier } from '../../../src/audit/checkpoint.ts';
import { createCheckpointStore } from '../../../src/audit/checkpoint-store.ts';
import { makeCheckpoints } from '../../../src/audit/checkpointing.ts';
import { auditSource, findAuditedAccounts } from '../../../src/audit/record-store.ts';
import { appendAudit } from '../../../src/audit/store.ts';
import { verifyChain, type AuditFault, type VerifiedChain } from '../../../src/audit/verify.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { createTestDatabase, execute, type TestDatabase } from '../../support/database.ts';

const ACCOUNT = 'acc_a';
const { privateKey } = generateKeyPairSync('ed25519');
const publicKey = createPublicKey(privateKey);

let db: TestDatabase;

beforeEach(async () => {
  db = await createTestDatabase();
  await append(6);
});
afterEach(() => db.close());

async function append(count: number): Promise<void> {
  await db.database.transaction(ACCOUNT, async (tx) => {
    await appendAudit(
      tx,
      Array.from({ length: count }, (_, index) => ({
        accountId: ACCOUNT,
        actor: { kind: 'client' as const, clientId: 'desk', subject: 'agent-1' },
        operation: 'capture.submit' as const,
        object: { type: 'capture', id: `cap_${index}` },
        result: 'done' as const,
      })),
    );
  });
}

async function checkpoint(): Promise<void> {
  const sign = await checkpointSigner(privateKey);
  await makeCheckpoints({ store: createCheckpointStore(db.database), sign, clock: systemClock });
}

async function keptCheckpoint(): Promise<string> {
  const [latest] = await createCheckpointStore(db.database).latest(ACCOUNT);
  return latest?.jws ?? '';
}

async function verify(...keptCheckpoints: string[]): Promise<VerifiedChain | AuditFault> {
  const verifyCheckpoint = await checkpointVerifier([publicKey]);
  return await verifyChain(auditSource(db.database, ACCOUNT), {
    accountId: ACCOUNT,
    verifyCheckpoint,
    keptCheckpoints,
  });
}

/** As the owner of the tables, past every trigger: the most that a forger can do in the database. */
const forge = async (sql: string, values: unknown[] = []): Promise<unknown[]> =>
  await execute(db.url, sql, values);

async function recordAt(sequence: number): Promise<{ record: string; hash: string }> {
  const [row] = await execute<{ record: string; hash: string }>(
    db.url,
    'select record, hash from audit_records where account_id = $1 and sequence = $2',
    [ACCOUNT, sequence],
  );
  return row ?? { record: '', hash: '' };
}

/** Changes a record and hashes it and all after it anew, the head included. */
async function rewriteFrom(sequence: number, change: Partial<AuditRecord>): Promise<void> {
  let previous = sequence === 1 ? GENESIS_HASH : (await recordAt(sequence - 1)).hash;
  const [{ last } = { last: 0 }] = await execute<{ last: number }>(
    db.url,
    'select max(sequence)::int as last from audit_records where account_id = $1',
    [ACCOUNT],
  );
  for (let at = sequence; at <= last; at += 1) {
    const content = JSON.parse((await recordAt(at)).record) as AuditRecord;
    const changed = { ...content, previous_hash: previous, ...(at === sequence && change) };
    const record = canonicalJson(changed);
    previous = hashOf(record);
    await forge('update audit_records set record = $3, hash = $4 where account_id = $1 and sequence = $2', [
      ACCOUNT,
      at,
      record,
      previous,
    ]);
  }
  await forge('update audit_heads set hash = $2 where account_id = $1', [ACCOUNT, previous]);
}

test('a trail that nobody touched is sound', async () => {
  await checkpoint();
  await append(2);
  expect(await verify(await keptCheckpoint())).toMatchObject({
    accountId: ACCOUNT,
    records: 8,
    checkpoints: 2,
    lastCheckpoint: 6,
    head: { sequence: 8, hash: (await recordAt(8)).hash },
  });
});

test('so is one that is longer than a page', async () => {
  await append(1100);
  await checkpoint();
  expect(await verify()).toMatchObject({ records: 1106, checkpoints: 1 });
});

test('so is one that has not begun', async () => {
  const verifyCheckpoint = await checkpointVerifier([publicKey]);
  const empty = verifyChain(auditSource(db.database, 'acc_b'), { accountId: 'acc_b', verifyCheckpoint });
  await expect(empty).resolves.toMatchObject({ records: 0, checkpoints: 0 });
});

describe('edited', () => {
  test('content', async () => {
    await forge(`update audit_records set record = replace(record, 'agent-1', 'agent-2') where sequence = 3`);
    expect(await verify()).toMatchObject({ sequence: 3, fault: 'edited' });
  });

  test('a hash', async () => {
    await forge(`update audit_records set hash = $1 where sequence = 4`, [GENESIS_HASH]);
    expect(await verify()).toMatchObject({ sequence: 4, fault: 'edited' });
  });

  test.each([1, 3, 5])('content and its hash, of record %d', async (sequence) => {
    const record = (await recordAt(sequence)).record.replace('agent-1', 'agent-2');
    await forge('update audit_records set record = $2, hash = $3 where sequence = $1', [
      sequence,
      record,
      hashOf(record),
    ]);
    expect(await verify()).toMatchObject({ sequence, fault: 'edited' });
  });

  test('the last record and its hash', async () => {
    const record = (await recordAt(6)).record.replace('agent-1', 'agent-2');
    await forge('update audit_records set record = $1, hash = $2 where sequence = 6', [
      record,
      hashOf(record),
    ]);
    expect(await verify()).toMatchObject({ sequence: 6, fault: 'edited' });
  });

  test('a record that is no longer canonical', async () => {
    const record = (await recordAt(2)).record.replace('{"account_id"', '{ "account_id"');
    await forge('update audit_records set record = $1, hash = $2 where sequence = 2', [
      record,
      hashOf(record),
    ]);
    expect(await verify()).toMatchObject({ sequence: 2, fault: 'edited' });
  });

  test('the first of several is named', async () => {
    await forge(`update audit_records set record = replace(record, 'agent-1', 'x') where sequence in (2, 5)`);
    expect(await verify()).toMatchObject({ sequence: 2, fault: 'edited' });
  });
});

describe('deleted', () => {
  test('in the middle', async () => {
    await forge('delete from audit_records where sequence = 3');
    expect(await verify()).toMatchObject({ sequence: 3, fault: 'missing' });
  });

  test('at the start', async () => {
    await forge('delete from audit_records where sequence <= 2');
    expect(await verify()).toMatchObject({ sequence: 1, fault: 'missing' });
  });
});

describe('reordered', () => {
  test('two records change places', async () => {
    const [third, fourth] = [await recordAt(3), await recordAt(4)];
    const put = 'update audit_records set record = $2, hash = $3 where sequence = $1';
    await forge(put, [3, fourth.record, fourth.hash]);
    await forge(put, [4, third.record, third.hash]);
    expect(await verify()).toMatchObject({
      sequence: 3,
      fault: 'moved',
      detail: 'record 4 lies in its place',
    });
  });

  test('a record of another account lies in the place of one', async () => {
    const { record } = await recordAt(3);
    const foreign = record.replace('"account_id":"acc_a"', '"account_id":"acc_b"');
    await forge('update audit_records set record = $1, hash = $2 where sequence = 3', [
      foreign,
      hashOf(foreign),
    ]);
    expect(await verify()).toMatchObject({ sequence: 3, fault: 'moved' });
  });
});

describe('a truncated tail', () => {
  test('shows by the head', async () => {
    await forge('delete from audit_records where sequence > 4');
    expect(await verify()).toMatchObject({ sequence: 5, fault: 'truncated' });
  });

  test('shows by the last checkpoint when the head was set back', async () => {
    await checkpoint();
    await forge('delete from audit_records where sequence > 4');
    await forge('update audit_heads set sequence = 4, hash = $1', [(await recordAt(4)).hash]);
    expect(await verify()).toMatchObject({ sequence: 5, fault: 'truncated' });
  });

  test('shows by a checkpoint that was kept elsewhere when those of the database are gone too', async () => {
    await checkpoint();
    const kept = await keptCheckpoint();
    await forge('delete from audit_checkpoints');
    await forge('delete from audit_records where sequence > 4');
    await forge('update audit_heads set sequence = 4, hash = $1', [(await recordAt(4)).hash]);
    expect(await verify()).toMatchObject({ records: 4 });
    expect(await verify(kept)).toMatchObject({ sequence: 5, fault: 'truncated' });
  });

  test('shows when everything is gone but a checkpoint', async () => {
    await checkpoint();
    await forge('delete from audit_records');
    await forge('delete from audit_heads');
    expect(await findAuditedAccounts(db.database)).toEqual([ACCOUNT]);
    expect(await verify()).toMatchObject({ sequence: 1, fault: 'truncated' });
  });
});

test('a head that was set back shows', async () => {
  await forge('update audit_heads set sequence = 4, hash = $1', [(await recordAt(4)).hash]);
  expect(await verify()).toMatchObject({ sequence: 5, fault: 'head_changed' });
});

describe('hashed anew from a record on', () => {
  const change = { reason: 'nothing_happened' };

  test('shows by the checkpoint after it', async () => {
    await append(1);
    await checkpoint();
    await append(3);
    await rewriteFrom(4, change);
    expect(await verify()).toMatchObject({ sequence: 1, fault: 'rewritten' });
  });

  test('is told to lie after the last checkpoint that agrees', async () => {
    await checkpoint();
    await append(3);
    await checkpoint();
    await rewriteFrom(8, change);
    const found = await verify();
    expect(found).toMatchObject({ sequence: 7, fault: 'rewritten' });
    expect((found as AuditFault).detail).toContain('at record 9');
  });

  test('shows by a kept checkpoint when the forger has made the checkpoints anew too', async () => {
    await checkpoint();
    const kept = await keptCheckpoint();
    await rewriteFrom(2, change);
    await forge('delete from audit_checkpoints');
    await checkpoint();
    expect(await verify()).toMatchObject({ records: 6 });
    expect(await verify(kept)).toMatchObject({ fault: 'rewritten' });
  });

  test('does not help a forger without our key', async () => {
    await checkpoint();
    await rewriteFrom(2, change);
    const { privateKey: other } = generateKeyPairSync('ed25519');
    const sign = await checkpointSigner(other);
    const { hash } = await recordAt(6);
    const jws = await sign({ account: ACCOUNT, sequence: 6, hash, at: '2026-01-01T00:00:00.000Z' });
    await forge('update audit_checkpoints set jws = $1', [jws]);
    expect(await verify()).toMatchObject({ sequence: 6, fault: 'checkpoint_invalid' });
  });
});

test('a checkpoint of another record or account holds nothing', async () => {
  const sign = await checkpointSigner(privateKey);
  const { hash } = await recordAt(6);
  const at = '2026-01-01T00:00:00.000Z';
  await checkpoint();
  for (const wrong of [
    { account: 'acc_b', sequence: 6 },
    { account: ACCOUNT, sequence: 5 },
  ]) {
    await forge('update audit_checkpoints set jws = $1', [await sign({ ...wrong, hash, at })]);
    expect(await verify()).toMatchObject({ sequence: 6, fault: 'checkpoint_invalid' });
  }
});

test('a second checkpoint of the same record changes nothing', async () => {
  await checkpoint();
  const first = await keptCheckpoint();
  await checkpoint();
  expect(await keptCheckpoint()).toBe(first);
  expect(await forge('select count(*)::int as count from audit_checkpoints')).toEqual([{ count: 1 }]);
});
