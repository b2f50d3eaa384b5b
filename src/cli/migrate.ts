import { readEnvironment } from '../config/environment.ts';
import { loadDatabaseUrl } from '../config/load-config.ts';
import { migrate } from '../db/migrate.ts';

/**
 * `hushtone migrate`: brings the schema of DATABASE_URL up to date. Safe to run from several places at once. The
 * embedded database of development needs no such command: `serve` migrates it.
 */
export async function runMigrate(): Promise<number> {
  const applied = await migrate(loadDatabaseUrl(readEnvironment()).reveal());
  const what = applied.length === 0 ? 'it was already' : `applied ${applied.join(', ')}`;
  process.stdout.write(`the schema is up to date: ${what}\n`);
  return 0;
}
