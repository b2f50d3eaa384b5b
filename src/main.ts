import { serve } from './app.ts';
import { runDemo } from './cli/demo.ts';
import { runMigrate } from './cli/migrate.ts';
import { runToken } from './cli/token.ts';
import { HushtoneError } from './kernel/errors.ts';

const USAGE = `hushtone COMMAND
  serve       run the gateway (settings: README)
  migrate     bring the database's schema up to date
  token       make an access token; hushtone token --help
  demo        a whole call with a simulated telephone system; hushtone demo --help
`;

const COMMANDS: Record<string, (args: readonly string[]) => Promise<number>> = {
  serve,
  migrate: runMigrate,
  token: runToken,
  demo: runDemo,
};

async function main(): Promise<number> {
  const [name = '', ...args] = process.argv.slice(2);
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command !== undefined) return await command(args);
  const asked = name === '--help' || name === '-h' || name === 'help';
  process[asked ? 'stdout' : 'stderr'].write(USAGE);
  return asked ? 0 : 2;
}

try {
  process.exitCode = await main();
} catch (error) {
  // Our own errors say what is wrong in words that may be shown; anything else is a fault and needs its stack.
  const text =
    error instanceof HushtoneError ? error.message : error instanceof Error ? error.stack : 'failed';
  process.stderr.write(`hushtone: ${text}\n`);
  process.exitCode = 1;
}
