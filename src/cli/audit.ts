import { parseArgs } from 'node:util';
import { runAuditCheckpoint } from './audit-checkpoint.ts';
import { runAuditExport } from './audit-export.ts';
import { runAuditVerify } from './audit-verify.ts';

const USAGE = `hushtone audit COMMAND
  verify      [--account ID] [--public-key FILE …] [--checkpoints FILE]
              follow the chain of one account, or of all, and name the first record that is broken; then exit with 1
  export      --account ID --out DIRECTORY [--from TIME] [--to TIME]
              the records as NDJSON with a manifest, signed when AUDIT_EXPORT_CERT_FILE is set
  checkpoint  [--account ID]
              sign where the chains stand and print the last checkpoint of each, to be kept elsewhere

  --account      an account's id; default: every account
  --public-key   a public key (PEM) of checkpoints besides that of AUDIT_SIGNING_KEY_FILE, such as an earlier one
  --checkpoints  a file of checkpoints that were kept outside the database, one a line
  --from, --to   RFC 3339 times: not before, and before
Settings: DATABASE_URL or DATA_DIR, and those of the group Audit.
`;

const OPTIONS = {
  account: { type: 'string' },
  'public-key': { type: 'string', multiple: true },
  checkpoints: { type: 'string' },
  out: { type: 'string' },
  from: { type: 'string' },
  to: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;

/** Undefined when the arguments are not those of the usage. */
function readArguments(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch {
    return undefined;
  }
}

/** `hushtone audit`: the audit trail, for operators and assessors. */
export async function runAudit(args: readonly string[]): Promise<number> {
  const read = readArguments(args);
  const [command, ...rest] = read?.positionals ?? [];
  if (read !== undefined && rest.length === 0 && !read.values.help) {
    const { account, out, from, to, checkpoints, 'public-key': publicKeys = [] } = read.values;
    const one = account !== undefined && { account };
    const kept = checkpoints !== undefined && { checkpoints };
    if (command === 'verify') return await runAuditVerify({ ...one, ...kept, publicKeys });
    if (command === 'checkpoint') return await runAuditCheckpoint({ ...one });
    if (command === 'export' && account !== undefined && out !== undefined) {
      const times = { ...(from !== undefined && { from }), ...(to !== undefined && { to }) };
      return await runAuditExport({ account, out, ...times });
    }
  }
  const asked = read?.values.help === true;
  process[asked ? 'stdout' : 'stderr'].write(USAGE);
  return asked ? 0 : 2;
}
