import { runAuditCheckpoint } from './audit-checkpoint.ts';
import { runAuditExport } from './audit-export.ts';
import { runAuditVerify } from './audit-verify.ts';
import {
  asksForHelp,
  explainUsage,
  findCommand,
  parseOptions,
  type Options,
  type Subcommand,
} from './subcommands.ts';

const USAGE = `hushtone audit COMMAND
  verify      [--account ID] [--public-key FILE …] [--checkpoints FILE]
              follow the chain of one account, or of all, and name the first record that is broken; then exit with 1,
              and when the account that was named has no record
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

const TEXT = { type: 'string' } as const;

/** The options of each command, and what it does with them. */
const COMMANDS: Readonly<
  Record<string, { options: Subcommand['options']; run(options: Options): Promise<number> }>
> = {
  verify: {
    options: { account: TEXT, 'public-key': { type: 'string', multiple: true }, checkpoints: TEXT },
    run: async (options) =>
      await runAuditVerify({
        ...given(options, 'account'),
        ...given(options, 'checkpoints'),
        publicKeys: options.texts('public-key'),
      }),
  },
  checkpoint: {
    options: { account: TEXT },
    run: async (options) => await runAuditCheckpoint(given(options, 'account')),
  },
  export: {
    options: { account: TEXT, out: TEXT, from: TEXT, to: TEXT },
    run: async (options) =>
      await runAuditExport({
        account: options.required('account'),
        out: options.required('out'),
        ...given(options, 'from'),
        ...given(options, 'to'),
      }),
  },
};

/** The option as a member, or none when it was not given. */
function given<Name extends string>(options: Options, name: Name): Partial<Record<Name, string>> {
  const value = options.text(name);
  return value === undefined ? {} : ({ [name]: value } as Record<Name, string>);
}

/** `hushtone audit`: the audit trail, for operators and assessors. */
export async function runAudit(args: readonly string[]): Promise<number> {
  const [name = '', ...rest] = args;
  if (asksForHelp(args)) {
    process.stdout.write(USAGE);
    return 0;
  }
  return await explainUsage(USAGE, async () => {
    const command = findCommand(COMMANDS, name);
    return await command.run(parseOptions(command, rest));
  });
}
