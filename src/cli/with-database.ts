import { readEnvironment } from '../config/environment.ts';
import { loadDatabaseSettings } from '../config/load-config.ts';
import { openDatabase, type Database } from '../db/database.ts';
import { startEmbeddedPostgres } from '../db/embedded.ts';
import { migrate, pendingMigrations } from '../db/migrate.ts';
import { HushtoneError } from '../kernel/errors.ts';

/**
 * Runs `work` on the database of the settings. The embedded one of development is used beside a running server, or
 * started for the time; its schema is brought up to date. Any other must be up to date: rejects with
 * `schema_outdated`.
 */
export async function withDatabase<T>(work: (database: Database) => Promise<T>): Promise<T> {
  const { url, dataDir } = loadDatabaseSettings(readEnvironment());
  const embedded = url === undefined ? await startEmbeddedPostgres({ dataDir }) : undefined;
  const connection = embedded?.url ?? url?.reveal() ?? '';
  try {
    if (embedded !== undefined) await migrate(connection);
    else if ((await pendingMigrations(connection)).length > 0) {
      throw new HushtoneError(
        'schema_outdated',
        'conflict',
        'the schema is not up to date: hushtone migrate',
      );
    }
    const database = openDatabase({ url: connection, poolSize: 2 });
    try {
      return await work(database);
    } finally {
      await database.close();
    }
  } finally {
    await embedded?.stop();
  }
}
