import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { Finder } from './finder.ts';
import type { Needle } from './needles.ts';
import { scanProcessMemory } from './process-memory.ts';

/** One place that was looked through. */
export interface Searched {
  readonly place: string;
  /** What was looked through: rows, lines, files, bytes. */
  readonly amount: string;
  /** The needles that were found, each with where. Empty: nothing. */
  readonly found: readonly string[];
}

/** A larger file cannot be read in one piece. PostgreSQL splits its own at 1 GiB. */
const LARGEST_FILE_BYTES = 1024 ** 3;

/** What is looked for, prepared once for all places. */
export class Search {
  readonly needles: readonly Needle[];
  readonly #finder: Finder;

  constructor(needles: readonly Needle[]) {
    this.needles = needles;
    this.#finder = new Finder(needles.map(({ bytes }) => bytes));
  }

  /** The names of the needles in a piece of text or memory. */
  in(content: Buffer | string): string[] {
    const hits = this.#finder.find(typeof content === 'string' ? Buffer.from(content) : content);
    return [...new Set(hits.map(({ needle }) => this.needles[needle]?.name ?? ''))];
  }
}

export function searchText(place: string, unit: string, texts: readonly string[], search: Search): Searched {
  return { place, amount: `${texts.length} ${unit}`, found: search.in(texts.join('\n')) };
}

/**
 * Every row of every table as text. `directory` is where the server keeps its files; all that the rows are made of has
 * been written there. The user must be the server's superuser.
 */
export async function searchDatabase(
  url: string,
  search: Search,
): Promise<{ readonly rows: Searched; readonly directory: string }> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows: tables } = await client.query<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
       WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY name`,
    );
    const found: string[] = [];
    let rowCount = 0;
    for (const { name } of tables) {
      const { rows } = await client.query<{ line: string }>(`SELECT t::text AS line FROM ${name} t`);
      rowCount += rows.length;
      const inTable = search.in(rows.map(({ line }) => line).join('\n'));
      found.push(...inTable.map((needle) => `${needle}, in ${name}`));
    }
    await client.query('CHECKPOINT');
    const { rows: settings } = await client.query<{ data_directory: string }>('SHOW data_directory');
    return {
      rows: { place: 'the database', amount: `${tables.length} tables, ${rowCount} rows`, found },
      directory: settings[0]?.data_directory ?? '',
    };
  } finally {
    await client.end();
  }
}

/** Every file below a directory. One that does not exist holds nothing; files that go away meanwhile are passed over. */
export async function searchFiles(directory: string, search: Search): Promise<Searched> {
  const names = await readdir(directory, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const found: string[] = [];
  let files = 0;
  for (const name of names) {
    const path = join(directory, name);
    const about = await stat(path).catch(() => undefined);
    if (about === undefined || !about.isFile()) continue;
    if (about.size > LARGEST_FILE_BYTES) throw new Error(`${path} is too large to be searched`);
    const content = await readFile(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return Buffer.alloc(0);
      throw error;
    });
    files += 1;
    found.push(...search.in(content).map((needle) => `${needle}, in ${path}`));
  }
  return { place: `the files of ${directory}`, amount: `${files} files`, found };
}

/** The memory of a running process; see `scanProcessMemory`. */
export function searchMemory(place: string, pid: number, { needles }: Search): Searched {
  const found = scanProcessMemory(
    pid,
    needles.map(({ bytes }) => bytes),
  );
  return {
    place,
    amount: `process ${pid}`,
    found: found.map(
      ({ needle, address }) => `${needles[needle]?.name ?? 'something'}, at 0x${address.toString(16)}`,
    ),
  };
}
