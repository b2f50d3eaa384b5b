#!/usr/bin/env node
import { serve } from './app.ts';
import { runAccounts } from './cli/accounts.ts';
import { runClients } from './cli/clients.ts';
import { runAudit } from './cli/audit.ts';
import { runDemo } from './cli/demo.ts';
import { runKeys } from './cli/keys.ts';
import { endThoughLingering } from './cli/lingering.ts';
import { runPayments } from './cli/payments.ts';
import { runProviders } from './cli/providers.ts';
import { runMigrate } from './cli/migrate.ts';
import { asksForHelp, explainUsage, parseOptions } from './cli/subcommands.ts';
import { runToken } from './cli/token.ts';
import { HushtoneError } from './kernel/errors.ts';

const USAGE = `hushtone COMMAND
  serve       run the gateway until it is stopped; it takes no options (settings: docs/settings.md)
  migrate     bring the database's schema up to date
  accounts    the accounts of this gateway; hushtone accounts --help
  clients     who may ask for access tokens; hushtone clients --help
  keys        the keys of the vault, and those that sign access tokens; hushtone keys --help
  payments    what is not known of payments, and settling it by hand; hushtone payments --help
  providers   payment providers: add one, check them; hushtone providers --help
  token       make an access token; hushtone token --help
  audit       verify, export and sign the audit trail; hushtone audit --help
  demo        a whole call with a simulated telephone system; hushtone demo --help
`;

const COMMANDS: Record<string, (args: readonly string[]) => Promise<number>> = {
  serve: runServe,
  migrate: runMigrate,
  accounts: runAccounts,
  clients: runClients,
  keys: runKeys,
  payments: runPayments,
  providers: runProviders,
  token: runToken,
  audit: runAudit,
  demo: runDemo,
};

/** The gateway's settings are in the environment: whoever gives it an option expects something else of it. */
async function runServe(args: readonly string[]): Promise<number> {
  if (asksForHelp(args)) {
    process.stdout.write(USAGE);
    return 0;
  }
  return await explainUsage(USAGE, async () => {
    parseOptions({ options: {} }, args);
    return await serve();
  });
}

async function main(): Promise<number> {
  const [name = '', ...args] = process.argv.slice(2);
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command !== undefined) return await command(args);
  const asked = name === '--help' || name === '-h' || name === 'help';
  const problem = asked || name === '' ? '' : `there is no command ${name}\n`;
  process[asked ? 'stdout' : 'stderr'].write(`${problem}${USAGE}`);
  return asked ? 0 : 2;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`hushtone: ${textOf(error)}\n`);
  process.exitCode = 1;
}
endThoughLingering();

/** Our own errors say what is wrong in words that may be shown; anything else is a fault and needs its stack. */
function textOf(error: unknown): string {
  if (error instanceof HushtoneError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : 'failed';
}
