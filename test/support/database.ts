import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, inject } from 'vitest';
import { openDatabase, type Database } from '../../src/db/database.ts';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../src/db/embedded.ts';
import { execute, makeDataDir, TEMPLATE, urlOf } from './postgres.ts';

export { execute, makeDataDir } from './postgres.ts';

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

async function startServer(): Promise<TestServer> {
  const dataDir = await makeDataDir();
  // Everything with its owner and mode: the server runs as another user than root.
  await promisify(execFile)('cp', ['--archive', join(inject('postgresTemplate'), 'postgres'), dataDir]);
  const postgres = await startEmbeddedPostgres({ dataDir, disposable: true });
  return { postgres, dataDir };
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
