import { readEnvironment } from '../config/environment.ts';
import { loadConfig } from '../config/load-config.ts';
import { migrate } from '../db/migrate.ts';
import { HushtoneError } from '../kernel/errors.ts';

/** `hushtone migrate`: brings the schema of DATABASE_URL up to date. Safe to run from several places at once. */
export async function runMigrate(): Promise<number> {
  const config = loadConfig(readEnvironment());
  if (config.database.url === undefined) {
    throw new HushtoneError(
      'database_url_missing',
      'invalid',
      'DATABASE_URL is not set. The embedded database of development is migrated by serve itself.',
    );
  }
  await migrate(config.database.url.reveal());
  process.stdout.write('the schema is up to date\n');
  return 0;
}
