import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import { Client } from 'pg';
import { HushtoneError } from '../kernel/errors.ts';
import { databaseUnavailable, isConnectionFailure } from './errors.ts';
import { migrateJobQueue } from './job-queue.ts';

const MIGRATIONS_TABLE = 'hushtone_migrations';
const MIGRATION_FILE = /^\d{4}_[a-z0-9_]+\.sql$/;

/** What node-pg-migrate passes over: everything that is not a migration, such as the dump of the schema. */
const NOT_A_MIGRATION = String.raw`(?!\d{4}_[a-z0-9_]+\.sql$).*`;

const CONNECT_TIMEOUT_MS = 5_000;

/** The package's root is two folders up from `src/db` and three from `dist/src/db`. */
async function migrationsDirectory(): Promise<string> {
  for (const path of ['../../migrations/', '../../../migrations/']) {
    const directory = fileURLToPath(new URL(path, import.meta.url));
    const entries = await readdir(directory).catch(() => []);
    if (entries.some((entry) => MIGRATION_FILE.test(entry))) return directory;
  }
  throw new HushtoneError('migrations_missing', 'internal', 'the folder `migrations` is not in the package');
}

/** By the system's code or SQLSTATE; what the server says itself may quote what the settings hold. */
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens at its address',
  ENOTFOUND: 'its host has no address',
  EAI_AGAIN: 'its host cannot be looked up',
  '28P01': 'it refuses the user or the password',
  '28000': 'it refuses the user or the password',
  '3D000': 'the server has no database of this name',
  '42501': 'the user may not connect to it',
};

/** Why a connection was not made, as the end of a sentence; empty when that cannot be told. */
function reasonOf(error: unknown): string {
  const { code } = error as { readonly code?: unknown };
  const reason = typeof code === 'string' && Object.hasOwn(REASONS, code) ? REASONS[code] : undefined;
  return reason === undefined ? '' : `: ${reason} (DATABASE_URL)`;
}

async function connected<T>(databaseUrl: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({
    connectionString: databaseUrl,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    application_name: 'hushtone migrate',
  });
  client.on('error', () => undefined); // a lost connection rejects the statement that runs on it
  try {
    await client.connect();
  } catch (error) {
    throw databaseUnavailable(error, `the database is not reachable${reasonOf(error)}`);
  }
  try {
    return await work(client);
  } catch (error) {
    throw isConnectionFailure(error) ? databaseUnavailable(error) : error;
  } finally {
    await client.end().catch(() => undefined); // already gone: nothing is left to close
  }
}

const ignore = (): void => undefined;

/**
 * Brings the schema up to date and resolves with the names of the migrations that were applied, none if it was. All
 * of them are one transaction. Several processes may do so at once: an advisory lock lets one work while the others
 * wait. The job queue brings its own schema up to date first. Rejects with `database_unavailable` or
 * `migration_failed`.
 */
export async function migrate(databaseUrl: string): Promise<string[]> {
  const dir = await migrationsDirectory();
  return connected(databaseUrl, async (dbClient) => {
    try {
      await migrateJobQueue(databaseUrl);
      const applied = await runner({
        dbClient,
        dir,
        ignorePattern: NOT_A_MIGRATION,
        migrationsTable: MIGRATIONS_TABLE,
        direction: 'up',
        checkOrder: true,
        singleTransaction: true,
        advisoryLockMode: 'wait',
        // Its messages quote whole statements; the error below says what matters.
        logger: { debug: ignore, info: ignore, warn: ignore, error: ignore },
      });
      return applied.map(({ name }) => name);
    } catch (error) {
      if (isConnectionFailure(error)) throw error;
      throw new HushtoneError('migration_failed', 'internal', 'a migration failed; nothing was changed', {
        cause: error,
      });
    }
  });
}

/** The names of the migrations that the database has not seen yet, in order. */
export async function pendingMigrations(databaseUrl: string): Promise<string[]> {
  const entries = await readdir(await migrationsDirectory());
  const known = entries.filter((entry) => MIGRATION_FILE.test(entry)).map((entry) => entry.slice(0, -4));
  return connected(databaseUrl, async (client) => {
    const table = await client.query<{ exists: boolean }>('select to_regclass($1) is not null as exists', [
      MIGRATIONS_TABLE,
    ]);
    if (table.rows[0]?.exists !== true) return known.sort();
    const { rows } = await client.query<{ name: string }>(`select name from ${MIGRATIONS_TABLE}`);
    const applied = new Set(rows.map(({ name }) => name));
    return known.filter((name) => !applied.has(name)).sort();
  });
}
