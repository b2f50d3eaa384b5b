import { readEnvironment } from '../config/environment.ts';
import { loadDatabaseUrl } from '../config/load-config.ts';
import { migrate } from '../db/migrate.ts';
import { asksForHelp, explainUsage, parseOptions } from './subcommands.ts';

const USAGE = `hushtone migrate
Brings the schema of DATABASE_URL up to date, and says what it did. It takes no options, and may run in several places
at once. The embedded database of development needs it not: \`hushtone serve\` migrates that.
`;

/**
 * `hushtone migrate`: brings the schema of DATABASE_URL up to date. Safe to run from several places at once. The
 * embedded database of development needs no such command: `serve` migrates it.
 */
export async function runMigrate(args: readonly string[]): Promise<number> {
  if (asksForHelp(args)) {
    process.stdout.write(USAGE);
    return 0;
  }
  return await explainUsage(USAGE, async () => {
    parseOptions({ options: {} }, args);
    const applied = await migrate(loadDatabaseUrl(readEnvironment()).reveal());
    const what = applied.length === 0 ? 'it was already' : `applied ${applied.join(', ')}`;
    process.stdout.write(`the schema is up to date: ${what}\n`);
    return 0;
  });
}
