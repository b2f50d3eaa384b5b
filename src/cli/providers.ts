import { readFile } from 'node:fs/promises';
import { text as textOf } from 'node:stream/consumers';
import { findAccount } from '../access/account-store.ts';
import type { Database } from '../db/database.ts';
import { HushtoneError } from '../kernel/errors.ts';
import type { Mode, ProviderConfiguration } from '../payments/kind.ts';
import { PROVIDER_KINDS } from '../payments/registry.ts';
import { operator } from './operator.ts';
import { runProvidersCheck } from './providers-check.ts';
import {
  asksForHelp,
  explainUsage,
  parseOptions,
  runSubcommand,
  UsageError,
  type Options,
  type Subcommand,
} from './subcommands.ts';
import { withProviders } from './with-providers.ts';

const USAGE = `hushtone providers COMMAND
  check  [--account ID] [--provider ID]
         ask each provider something harmless and print a line that says what is wrong; then exit with 1
  list   --account ID
         the providers of an account, without their secrets
  add    --account ID --kind KIND --name NAME --mode test|live [--file FILE]
         configure a provider; its configuration is JSON, from the file or from standard input, where secrets belong:
         arguments are seen by everyone on this machine
Kinds: ${PROVIDER_KINDS.map(({ kind }) => kind).join(' ')}
Settings: DATABASE_URL or DATA_DIR, and those of the groups Keys of the vault and Payment provider.
`;

const text = { type: 'string' } as const;

function modeOf(options: Options): Mode {
  const mode = options.required('mode');
  if (mode === 'test' || mode === 'live') return mode;
  throw new UsageError('--mode is test or live');
}

async function readConfiguration(file: string | undefined): Promise<ProviderConfiguration> {
  const source = file ?? 'standard input';
  let content: string;
  try {
    content = file === undefined ? await textOf(process.stdin) : await readFile(file, 'utf8');
  } catch (cause) {
    throw new HushtoneError('configuration_unreadable', 'invalid', `${source} cannot be read`, { cause });
  }
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch {
    // No cause: what cannot be parsed may be a secret, and the parser quotes it.
    throw new HushtoneError('configuration_unreadable', 'invalid', `${source} holds no JSON`);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as ProviderConfiguration;
  }
  throw new HushtoneError('configuration_unreadable', 'invalid', `${source} holds no JSON object`);
}

/** Nothing is made because an id was mistyped. */
async function refuseUnknownAccount(database: Database, accountId: string): Promise<void> {
  const account = await database.transaction(accountId, async (db) => await findAccount(db, accountId));
  if (account !== undefined) return;
  throw new HushtoneError('account_not_found', 'not_found', `there is no account ${accountId}`);
}

const COMMANDS: Record<string, Subcommand> = {
  list: {
    options: { account: text },
    run: async (options) => {
      const accountId = options.required('account');
      return await withProviders(async ({ desk, database }) => {
        await refuseUnknownAccount(database, accountId);
        return { providers: await desk.list({ accountId, operator: operator() }) };
      });
    },
  },
  add: {
    options: { account: text, kind: text, name: text, mode: text, file: text },
    run: async (options) => {
      const accountId = options.required('account');
      const kind = options.required('kind');
      const name = options.required('name');
      const mode = modeOf(options);
      const configuration = await readConfiguration(options.text('file'));
      return await withProviders(async ({ desk, database }) => {
        await refuseUnknownAccount(database, accountId);
        return await desk.create({ accountId, operator: operator() }, { kind, name, mode, configuration });
      });
    },
  },
};

/** `hushtone providers`: prints JSON, and `check` a line for each provider. */
export async function runProviders(args: readonly string[]): Promise<number> {
  const [command, ...rest] = args;
  if (command !== 'check' || asksForHelp(args)) return await runSubcommand(USAGE, COMMANDS, args);
  return await explainUsage(USAGE, async () => {
    const options = parseOptions({ options: { account: text, provider: text } }, rest);
    return await runProvidersCheck({
      account: options.text('account'),
      provider: options.text('provider'),
    });
  });
}
