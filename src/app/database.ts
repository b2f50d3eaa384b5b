import type { Config } from '../config/config.ts';
import { openDatabase, type Database } from '../db/database.ts';
import { startEmbeddedPostgres } from '../db/embedded.ts';
import { migrate } from '../db/migrate.ts';
import type { HealthReport } from '../workflows/contract.ts';
import { ensureAccount } from '../workflows/stores/account-store.ts';
import type { Startup, StartupWithDatabase } from './startup.ts';

/** The database of the configuration, or the embedded one, with the schema and the accounts that the routes name. */
export async function startDatabase(startup: Startup): Promise<StartupWithDatabase> {
  const { config, logger, stopper } = startup;
  const { url, dataDir, poolSize } = config.database;
  let databaseUrl = url?.reveal();
  if (databaseUrl === undefined) {
    const embedded = await startEmbeddedPostgres({ dataDir, logger });
    stopper.add('the embedded PostgreSQL', async () => await embedded.stop());
    databaseUrl = embedded.url;
  }
  await migrate(databaseUrl);
  const database = openDatabase({ url: databaseUrl, poolSize, logger });
  stopper.add('the database', async () => await database.close());
  await ensureRoutedAccounts(config, database);
  return { ...startup, database, databaseUrl };
}

/** Every row belongs to an account: those that the routes name must be there before the first call. */
async function ensureRoutedAccounts(config: Config, database: Database): Promise<void> {
  const accounts = new Set(Object.values(config.routes).map(({ accountId }) => accountId));
  for (const accountId of accounts) {
    await database.transaction(accountId, async (db) => await ensureAccount(db, accountId));
  }
}

/** Whether requests can be served now. Never rejects. */
export async function readiness(database: Database): Promise<HealthReport> {
  try {
    await database.ping();
    return { status: 'ok', checks: { database: 'ok' } };
  } catch {
    return { status: 'unavailable', checks: { database: 'unavailable' } };
  }
}
