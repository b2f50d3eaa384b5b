import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, type QueryResultRow } from 'pg';

/** Of a server for tests: the database that those of the tests are copies of. */
export const TEMPLATE = 'hushtone_template';

/** A temporary directory that the server's user can pass through even when the tests run as root. */
export async function makeDataDir(): Promise<string> {
  const dataDir = await mkdtemp(join(tmpdir(), 'hushtone-test-'));
  await chmod(dataDir, 0o711);
  return dataDir;
}

/** Another database on the same server. */
export function urlOf(postgres: { readonly url: string }, name: string): string {
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
