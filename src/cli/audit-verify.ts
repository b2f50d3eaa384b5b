import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { checkpointVerifier } from '../audit/checkpoint.ts';
import { auditSource, findAuditedAccounts } from '../audit/record-store.ts';
import { verifyChain, type AuditFault, type VerifiedChain } from '../audit/verify.ts';
import type { AuditConfig } from '../config/config.ts';
import { readEnvironment } from '../config/environment.ts';
import { loadAuditSettings } from '../config/load-config.ts';
import { HushtoneError } from '../kernel/errors.ts';
import { withDatabase } from './with-database.ts';

export interface VerifyArguments {
  readonly account?: string;
  readonly publicKeys: readonly string[];
  /** A file of checkpoints that were kept outside the database, one a line. */
  readonly checkpoints?: string;
}

/** `hushtone audit verify`: 0 when every chain is sound, 1 when one is not, or the account that was named has none. */
export async function runAuditVerify(args: VerifyArguments): Promise<number> {
  const audit = loadAuditSettings(readEnvironment());
  const verifyCheckpoint = await checkpointVerifier(await publicKeys(audit, args.publicKeys));
  const keptCheckpoints = await linesOf(args.checkpoints);
  return await withDatabase(async (database) => {
    const accounts = args.account === undefined ? await findAuditedAccounts(database) : [args.account];
    let isSound = true;
    for (const accountId of accounts) {
      const source = auditSource(database, accountId);
      const found = await verifyChain(source, { accountId, verifyCheckpoint, keptCheckpoints });
      process.stdout.write(`${describe(found)}\n`);
      // Who named an account that has no record has mistyped it, or has lost the records: neither is a sound chain.
      if ('fault' in found || found.records === 0) isSound = false;
    }
    if (accounts.length === 0) process.stdout.write('no account has an audit record\n');
    return isSound ? 0 : 1;
  });
}

function describe(found: VerifiedChain | AuditFault): string {
  if ('fault' in found) {
    return `${found.accountId}: BROKEN at record ${found.sequence}: ${found.fault}: ${found.detail}`;
  }
  const { accountId, records, checkpoints, lastCheckpoint } = found;
  if (records === 0) return `${accountId}: there is no audit record of this account`;
  const signed =
    checkpoints === 0
      ? 'no checkpoint holds its end'
      : `signed up to record ${lastCheckpoint} (checkpoints: ${checkpoints})`;
  return `${accountId}: sound: ${records} records, ${signed}`;
}

async function publicKeys(audit: AuditConfig, files: readonly string[]): Promise<KeyObject[]> {
  const keys: KeyObject[] = [];
  if (audit.signingKey !== undefined) keys.push(createPublicKey(createPrivateKey(audit.signingKey.reveal())));
  for (const file of files) keys.push(await readPublicKey(file));
  if (keys.length > 0) return keys;
  throw new HushtoneError(
    'audit_key_missing',
    'invalid',
    'checkpoints cannot be checked without a key: set AUDIT_SIGNING_KEY_FILE or give --public-key',
  );
}

async function readPublicKey(file: string): Promise<KeyObject> {
  try {
    const key = createPublicKey(await readFile(file, 'utf8'));
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch {
    // Said below: whatever it is, it is no such key.
  }
  throw new HushtoneError('audit_key_invalid', 'invalid', `${file} holds no Ed25519 public key (PEM)`);
}

async function linesOf(file: string | undefined): Promise<string[]> {
  if (file === undefined) return [];
  try {
    const text = await readFile(file, 'utf8');
    return text.split('\n').flatMap((line) => line.trim() || []);
  } catch (cause) {
    throw new HushtoneError('audit_checkpoints_unreadable', 'invalid', `${file} cannot be read`, { cause });
  }
}
