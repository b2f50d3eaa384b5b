import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, type QueryResultRow } from 'pg';
import { afterAll } from 'vitest';
import { openDatabase, type Database } from '../../src/db/database.ts';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../src/db/embedded.ts';
import { migrate } from '../../src/db/migrate.ts';

const TEMPLATE = 'hushtone_template';

interface TestServer {
  readonly postgres: EmbeddedPostgres;
  readonly dataDir: string;
}

export interface TestDatabase {
  /** As a superuser, whom row-level security does not bind: for looking behind the scenes. */
  readonly url: string;
  readonly database: Database;
  close(): Promise<void>;
}

let server: Promise<TestServer> | undefined;
let count = 0;

/** A temporary directory that the server's user can pass through even when the tests run as root. */
export async function makeDataDir(): Promise<string> {
  const dataDir = await mkdtemp(join(tmpdir(), 'hushtone-test-'));
  await chmod(dataDir, 0o711);
  return dataDir;
}

async function startServer(): Promise<TestServer> {
  const dataDir = await makeDataDir();
  const postgres = await startEmbeddedPostgres({ dataDir, disposable: true });
  await execute(postgres.url, `create database ${TEMPLATE}`);
  await migrate(urlOf(postgres, TEMPLATE));
  return { postgres, dataDir };
}

function urlOf(postgres: EmbeddedPostgres, name: string): string {
  const url = new URL(postgres.url);
  url.pathname = `/${name}`;
  return url.href;
}

/** Runs SQL as it stands, on a connection of its own. */
export async function execute<T extends object>(
  url: string,
  sql: string,
  values: unknown[] = [],
): Promise<T[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<T & QueryResultRow>(sql, values);
    return rows;
  } finally {
    await client.end();
  }
}

async function createDatabase(template: string): Promise<string> {
  server ??= startServer();
  const { postgres } = await server;
  count += 1;
  const name = `test_${count}`;
  await execute(postgres.url, `create database ${name} template ${template}`);
  return urlOf(postgres, name);
}

/** A database without any table, on this test file's server. */
export function createEmptyDatabase(): Promise<string> {
  return createDatabase('template0');
}

/** A migrated database of its own, on a server that this test file starts with the first one and stops at its end. */
export async function createTestDatabase(options: { poolSize?: number } = {}): Promise<TestDatabase> {
  const url = await createDatabase(TEMPLATE);
  const database = openDatabase({ url, poolSize: options.poolSize ?? 4 });
  return { url, database, close: () => database.close() };
}

afterAll(async () => {
  if (server === undefined) return;
  const { postgres, dataDir } = await server;
  await postgres.stop();
  await rm(dataDir, { recursive: true, force: true });
});
