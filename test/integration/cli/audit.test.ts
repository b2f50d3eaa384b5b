import { execFile } from 'node:child_process';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { ExportManifest } from '../../../src/audit/export.ts';
import { appendAudit } from '../../../src/audit/store.ts';
import { runAudit } from '../../../src/cli/audit.ts';
import { createDevelopmentPki, type DevelopmentPki } from '../../../src/pki/development.ts';
import { createTestDatabase, execute, type TestDatabase } from '../../support/database.ts';

const openssl = async (...args: string[]): Promise<unknown> => await promisify(execFile)('openssl', args);

let folder: string;
let pki: DevelopmentPki;
let db: TestDatabase;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hushtone-audit-'));
  pki = await createDevelopmentPki(join(folder, 'pki'));
}, 60_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

beforeEach(async () => {
  db = await createTestDatabase();
  vi.stubEnv('DATABASE_URL', db.url);
  vi.stubEnv('AUDIT_SIGNING_KEY_FILE', pki.auditSigningKey);
  vi.stubEnv('AUDIT_EXPORT_CERT_FILE', pki.audit.certificate);
  vi.stubEnv('AUDIT_EXPORT_KEY_FILE', pki.audit.key);
  for (const accountId of ['acc_a', 'acc_b']) {
    await db.database.transaction(accountId, async (tx) => {
      await appendAudit(
        tx,
        [1, 2, 3, 4, 5].map((number) => ({
          accountId,
          actor: { kind: 'client' as const, subject: 'agent-1' },
          operation: 'capture.cancel' as const,
          object: { type: 'capture', id: `cap_${number}` },
          result: 'done' as const,
          at: new Date(Date.UTC(2026, 2, number)),
        })),
      );
    });
  }
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await db.close();
});

interface Run {
  readonly code: number;
  readonly out: string;
}

async function hushtone(...args: string[]): Promise<Run> {
  let out = '';
  const take = (text: string | Uint8Array): boolean => {
    out += text.toString();
    return true;
  };
  const spies = [process.stdout, process.stderr].map((stream) =>
    vi.spyOn(stream, 'write').mockImplementation(take),
  );
  try {
    return { code: await runAudit(args), out };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

describe('verify', () => {
  test('tells that every chain is sound, and how far a signature holds it', async () => {
    await hushtone('checkpoint', '--account', 'acc_b');
    expect(await hushtone('verify')).toEqual({
      code: 0,
      out:
        'acc_a: sound: 5 records, no checkpoint holds its end\n' +
        'acc_b: sound: 5 records, signed up to record 5 (checkpoints: 1)\n',
    });
  });

  test('names account, record and fault, and fails', async () => {
    await execute(db.url, `delete from audit_records where account_id = 'acc_b' and sequence = 3`);
    const { code, out } = await hushtone('verify');
    expect(code).toBe(1);
    expect(out).toBe(
      'acc_a: sound: 5 records, no checkpoint holds its end\n' +
        'acc_b: BROKEN at record 3: missing: it is not there, and later ones are\n',
    );
    expect((await hushtone('verify', '--account', 'acc_a')).code).toBe(0);
    expect((await hushtone('verify', '--account', 'acc_b')).code).toBe(1);
  });

  test('holds the database to checkpoints that were kept elsewhere', async () => {
    const { out: printed } = await hushtone('checkpoint');
    expect(printed.trimEnd().split('\n')).toHaveLength(2);
    const kept = join(folder, 'kept.txt');
    await writeFile(kept, printed);
    for (const table of ['audit_records', 'audit_heads', 'audit_checkpoints']) {
      await execute(db.url, `delete from ${table} where account_id = 'acc_a'`);
    }
    // Of an account that is gone from the database whole, the database says nothing: it is missed only when it is named.
    expect((await hushtone('verify')).code).toBe(0);
    expect(await hushtone('verify', '--account', 'acc_a')).toEqual({
      code: 1,
      out: 'acc_a: there is no audit record of this account\n',
    });
    const { code, out } = await hushtone('verify', '--account', 'acc_a', '--checkpoints', kept);
    expect(code).toBe(1);
    expect(out).toContain('acc_a: BROKEN at record 1: truncated');
  });

  test('needs a key, and takes an earlier one beside it', async () => {
    await hushtone('checkpoint');
    const { privateKey } = generateKeyPairSync('ed25519');
    const next = join(folder, 'next.pem');
    await writeFile(next, privateKey.export({ type: 'pkcs8', format: 'pem' }));
    vi.stubEnv('AUDIT_SIGNING_KEY_FILE', next);
    expect((await hushtone('verify')).out).toContain('BROKEN at record 5: checkpoint_invalid');
    const earlier = join(folder, 'earlier.pub.pem');
    await openssl('pkey', '-in', pki.auditSigningKey, '-pubout', '-out', earlier);
    expect((await hushtone('verify', '--public-key', earlier)).code).toBe(0);
    vi.stubEnv('AUDIT_SIGNING_KEY_FILE', '');
    await expect(hushtone('verify')).rejects.toMatchObject({ code: 'audit_key_missing' });
    await expect(hushtone('verify', '--public-key', pki.audit.certificate)).rejects.toMatchObject({
      code: 'audit_key_invalid',
    });
  });
});

describe('export', () => {
  test('writes the records and a manifest that openssl takes for signed', async () => {
    const out = join(folder, 'export');
    const run = await hushtone('export', '--account', 'acc_a', '--out', out);
    expect(run).toMatchObject({ code: 0, out: expect.stringContaining('6 records') as string });
    expect((await readdir(out)).sort()).toEqual([
      'acc_a.manifest.json',
      'acc_a.manifest.p7s',
      'acc_a.ndjson',
    ]);
    const records = await readFile(join(out, 'acc_a.ndjson'));
    const manifest = JSON.parse(await readFile(join(out, 'acc_a.manifest.json'), 'utf8')) as ExportManifest;
    expect(manifest).toMatchObject({ records: 6, first_sequence: 1, last_sequence: 6, filter: {} });
    expect(manifest.sha256).toBe(createHash('sha256').update(records).digest('base64url'));
    expect(records.toString()).toContain('"operation":"audit.export"');

    const verify = (content: string): Promise<unknown> =>
      openssl(
        'cms',
        '-verify',
        '-binary',
        '-inform',
        'DER',
        '-in',
        join(out, 'acc_a.manifest.p7s'),
        '-content',
        content,
        '-CAfile',
        pki.ca.certificate,
        '-out',
        '/dev/null',
      );
    await verify(join(out, 'acc_a.manifest.json'));
    const changed = join(folder, 'changed.json');
    await writeFile(changed, JSON.stringify({ ...manifest, records: 5 }));
    await expect(verify(changed)).rejects.toThrow(/[Vv]erification failure/);
  });

  test('is limited by time, and says so when it is not signed', async () => {
    vi.stubEnv('AUDIT_EXPORT_CERT_FILE', '');
    vi.stubEnv('AUDIT_EXPORT_KEY_FILE', '');
    const out = join(folder, 'limited');
    const times = ['--from', '2026-03-02T00:00:00Z', '--to', '2026-03-04T00:00:00Z'];
    const run = await hushtone('export', '--account', 'acc_a', '--out', out, ...times);
    expect(run.out).toContain('2 records');
    expect(run.out).toContain('not signed');
    expect((await readdir(out)).sort()).toEqual(['acc_a.manifest.json', 'acc_a.ndjson']);
  });

  test('overwrites nothing', async () => {
    const out = join(folder, 'again');
    await hushtone('export', '--account', 'acc_a', '--out', out);
    const again = hushtone('export', '--account', 'acc_a', '--out', out);
    await expect(again).rejects.toMatchObject({ code: 'export_file' });
  });

  test('takes no account id that would be a path, and no time that is none', async () => {
    const out = join(folder, 'wrong');
    await expect(hushtone('export', '--account', '../x', '--out', out)).rejects.toMatchObject({
      code: 'account_invalid',
    });
    const nowhere = hushtone('export', '--account', 'acc_a', '--out', '/dev/null/here');
    await expect(nowhere).rejects.toMatchObject({ code: 'export_file' });
    const wrongTime = hushtone('export', '--account', 'acc_a', '--out', out, '--from', 'yesterday');
    await expect(wrongTime).rejects.toMatchObject({ code: 'time_invalid' });
  });
});

test('an account without a record is not told as one whose chain is sound, and is no success to a script', async () => {
  const { code, out } = await hushtone('verify', '--account', 'acc_none');
  expect([code, out]).toEqual([1, 'acc_none: there is no audit record of this account\n']);
});

test.each([[[]], [['verify', 'more']], [['export']], [['--nonsense']]])('%o gets the usage', async (args) => {
  const { code, out } = await hushtone(...args);
  expect([code, out]).toEqual([2, expect.stringContaining('hushtone audit COMMAND')]);
});
