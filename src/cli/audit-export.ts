import { mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exportRecords, manifestBytes, type ExportManifest } from '../audit/export.ts';
import { findAuditRecords, findLatestCheckpoint, type AuditFilter } from '../audit/record-store.ts';
import { appendAudit } from '../audit/store.ts';
import { readEnvironment } from '../config/environment.ts';
import { loadAuditSettings } from '../config/load-config.ts';
import type { Database } from '../db/database.ts';
import { systemClock } from '../kernel/clock.ts';
import { HushtoneError } from '../kernel/errors.ts';
import { createCmsSigner } from '../pki/cms.ts';
import { operator } from './operator.ts';
import { withDatabase } from './with-database.ts';

export interface ExportArguments {
  readonly account: string;
  /** A directory; made when it is not there. */
  readonly out: string;
  readonly from?: string;
  readonly to?: string;
}

const ACCOUNT_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/**
 * `hushtone audit export`: `ACCOUNT.ndjson`, `ACCOUNT.manifest.json` and, with a certificate, `ACCOUNT.manifest.p7s`, a
 * detached CMS of the manifest. No file that is there already is overwritten.
 */
export async function runAuditExport(args: ExportArguments): Promise<number> {
  if (!ACCOUNT_ID.test(args.account)) {
    throw new HushtoneError('account_invalid', 'invalid', 'this is no account id');
  }
  const filter = readFilter(args);
  const { exportIdentity } = loadAuditSettings(readEnvironment());
  const sign =
    exportIdentity &&
    createCmsSigner({ certificate: exportIdentity.certificate, key: exportIdentity.key.reveal() });
  await mkdir(args.out, { recursive: true }).catch((cause: unknown) => {
    throw new HushtoneError('export_file', 'invalid', `${args.out} is no directory that can be made`, {
      cause,
    });
  });
  const fileOf = (kind: string): string => join(args.out, `${args.account}.${kind}`);
  const manifest = await withDatabase(
    async (database) => await writeRecords(database, args, filter, fileOf('ndjson')),
  );
  const bytes = manifestBytes(manifest);
  await writeFile(fileOf('manifest.json'), bytes, { flag: 'wx' });
  if (sign !== undefined) {
    await writeFile(fileOf('manifest.p7s'), sign(bytes, new Date(manifest.made_at)), { flag: 'wx' });
  }
  const how = sign === undefined ? 'not signed: AUDIT_EXPORT_CERT_FILE is not set' : 'signed';
  process.stdout.write(`${manifest.records} records in ${fileOf('ndjson')}, manifest ${how}\n`);
  return 0;
}

function readFilter({ from, to }: ExportArguments): AuditFilter {
  return {
    ...(from !== undefined && { from: momentOf(from) }),
    ...(to !== undefined && { to: momentOf(to) }),
  };
}

function momentOf(text: string): Date {
  const moment = new Date(text);
  if (/^\d{4}-\d{2}-\d{2}T/.test(text) && !Number.isNaN(moment.getTime())) return moment;
  throw new HushtoneError('time_invalid', 'invalid', `${JSON.stringify(text)} is no RFC 3339 time`);
}

async function writeRecords(
  database: Database,
  { account, from, to }: ExportArguments,
  filter: AuditFilter,
  file: string,
): Promise<ExportManifest> {
  const output = await open(file, 'wx').catch((cause: unknown) => {
    throw new HushtoneError('export_file', 'conflict', `${file} is there already, or cannot be made`, {
      cause,
    });
  });
  try {
    await recordExport(database, account);
    const lines = exportRecords({
      accountId: account,
      filter: { ...(from !== undefined && { from }), ...(to !== undefined && { to }) },
      madeAt: systemClock.now(),
      page: async (at, limit) =>
        await database.transaction(
          account,
          async (db) => await findAuditRecords(db, account, filter, { order: 'oldest_first', at, limit }),
        ),
      checkpoint: async () =>
        await database.transaction(account, async (db) => await findLatestCheckpoint(db, account)),
    });
    for (;;) {
      const next = await lines.next();
      if (next.done === true) return next.value;
      await output.write(next.value);
    }
  } finally {
    await output.close();
  }
}

/** An export is on record, and holds its own record. */
async function recordExport(database: Database, accountId: string): Promise<void> {
  await database.transaction(accountId, async (db) => {
    await appendAudit(db, [
      {
        accountId,
        actor: { kind: 'operator', subject: operator() },
        operation: 'audit.export',
        object: { type: 'account', id: accountId },
        result: 'done',
      },
    ]);
  });
}
