import { closeSync, openSync, readdirSync, readlinkSync, statSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { Finder } from './finder.ts';
import type { Needle } from './needles.ts';
import { scanMemoryWith } from './process-memory.ts';
import { atOnce, inTurns, scanRange, type Steps } from './scan.ts';

/** One thing that was found. */
export interface Finding {
  /** The needle's name: what it is of, and in which form. Never a digit of it. */
  readonly what: string;
  /** `the database`, `memory`, … */
  readonly place: string;
  /** Where in that place: a table, a file and the byte in it, an address. */
  readonly at: string;
}

/** One place that was looked through. */
export interface Searched {
  readonly place: string;
  /** What was looked through: rows, lines, files, bytes. */
  readonly amount: string;
  readonly findings: readonly Finding[];
  /** The same in words. Empty: nothing. */
  readonly found: readonly string[];
}

const NEW_LINE = Buffer.from('\n');

/** What is looked for, prepared once for all places. */
export class Search {
  readonly needles: readonly Needle[];
  readonly finder: Finder;

  constructor(needles: readonly Needle[]) {
    this.needles = needles;
    this.finder = new Finder(needles.map(({ bytes }) => bytes));
  }

  nameOf(needle: number): string {
    return this.needles[needle]?.name ?? 'something';
  }

  /** The names of the needles in a piece of text or memory. */
  in(content: Buffer | string): string[] {
    const hits = this.finder.find(typeof content === 'string' ? Buffer.from(content) : content);
    return [...new Set(hits.map(({ needle }) => this.nameOf(needle)))];
  }
}

/** A finding in each of `at` for the names of the needles that were found there. */
type Found = readonly { readonly what: string; readonly at: string }[];

function searched(place: string, amount: string, found: Found): Searched {
  return {
    place,
    amount,
    findings: found.map(({ what, at }) => ({ what, place, at })),
    found: found.map(({ what, at }) => (at === '' ? what : `${what}, ${at}`)),
  };
}

export function searchText(place: string, unit: string, texts: readonly string[], search: Search): Searched {
  const found = search.in(texts.join('\n')).map((what) => ({ what, at: '' }));
  return searched(place, `${texts.length} ${unit}`, found);
}

/** What went over a connection: one piece for each direction. */
export function searchBytes(place: string, pieces: readonly Buffer[], search: Search): Searched {
  const found = pieces.flatMap((piece, index) =>
    search.finder
      .find(piece)
      .map(({ needle, at }) => ({ what: search.nameOf(needle), at: `in piece ${index} at byte ${at}` })),
  );
  const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
  return searched(place, `${bytes} bytes`, found);
}

/**
 * Every row of every table, as text and as the bytes of each column, and what the server tells of its running queries.
 * `directory` is where the server keeps its files; all that the rows are made of has been written there. The user must
 * be the server's superuser.
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
       WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
       UNION ALL SELECT 'pg_catalog.pg_stat_activity' UNION ALL SELECT 'pg_catalog.pg_largeobject' ORDER BY name`,
    );
    const found: { what: string; at: string }[] = [];
    let rowCount = 0;
    for (const { name } of tables) {
      const { contents, count } = await contentsOf(client, name);
      rowCount += count;
      found.push(...search.in(contents).map((what) => ({ what, at: `in ${name}` })));
    }
    await client.query('CHECKPOINT');
    const { rows: settings } = await client.query<{ data_directory: string }>('SHOW data_directory');
    return {
      rows: searched('the database', `${tables.length} tables, ${rowCount} rows`, found),
      directory: settings[0]?.data_directory ?? '',
    };
  } finally {
    await client.end();
  }
}

/** As text, and in binary, as a bytea's own bytes and numbers are only there. */
async function contentsOf(client: Client, table: string): Promise<{ contents: Buffer; count: number }> {
  const { rows } = await client.query<{ line: string; record: Buffer }>(
    `SELECT t::text AS line, record_send(t) AS record FROM ${table} t`,
  );
  return {
    contents: Buffer.concat(rows.flatMap(({ line, record }) => [Buffer.from(line), NEW_LINE, record])),
    count: rows.length,
  };
}

/** Every file below a directory, or one file. What does not exist holds nothing; files that go away meanwhile are passed over. */
export async function searchFiles(directory: string, search: Search): Promise<Searched> {
  const found: { what: string; at: string }[] = [];
  let files = 0;
  for (const path of pathsBelow(directory)) {
    const inFile = await inTurns(searchFile(path, search));
    if (inFile === undefined) continue;
    files += 1;
    found.push(...inFile.map(({ what, at }) => ({ what, at: `in ${path} ${at}` })));
  }
  return searched(`the files of ${directory}`, `${files} files`, found);
}

function pathsBelow(path: string): string[] {
  if (unlessGone(() => statSync(path))?.isDirectory() !== true) return [path];
  const names = unlessGone(() => readdirSync(path, { recursive: true, encoding: 'utf8' })) ?? [];
  return names.map((name) => join(path, name));
}

/** The files that a process has open, also those that have no name any more, and memory that it keeps as a file. */
export async function searchOpenFiles(place: string, pid: number, search: Search): Promise<Searched> {
  const found: { what: string; at: string }[] = [];
  let files = 0;
  for (const name of unlessGone(() => readdirSync(`/proc/${pid}/fd`)) ?? []) {
    const path = `/proc/${pid}/fd/${name}`;
    const target = unlessGone(() => readlinkSync(path));
    if (target === undefined || target.startsWith('/dev/')) continue;
    const inFile = await inTurns(searchFile(path, search));
    if (inFile === undefined) continue;
    files += 1;
    found.push(...inFile.map(({ what, at }) => ({ what, at: `in ${target} ${at}` })));
  }
  return searched(place, `${files} open files`, found);
}

/** Undefined for what is no file, or none any more. */
function* searchFile(path: string, search: Search): Steps<Found | undefined> {
  const about: Stats | undefined = unlessGone(() => statSync(path));
  if (about === undefined || !about.isFile()) return undefined;
  const file = unlessGone(() => openSync(path, 'r'));
  if (file === undefined) return undefined;
  try {
    const hits = yield* scanRange(file, { start: 0, end: about.size }, search.finder);
    return hits.map(({ needle, at }) => ({ what: search.nameOf(needle), at: `at byte ${at}` }));
  } finally {
    closeSync(file);
  }
}

function unlessGone<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The memory of a running process; see `scanProcessMemory`. All at once. */
export function searchMemory(place: string, pid: number, search: Search): Searched {
  return atOnce(searchMemoryInSteps(place, pid, search));
}

/** The same in steps, for a process that has other work to do meanwhile. */
export function* searchMemoryInSteps(place: string, pid: number, search: Search): Steps<Searched> {
  const residue = yield* scanMemoryWith(pid, search.finder);
  const found = residue.map(({ needle, address }) => ({
    what: search.nameOf(needle),
    at: `at 0x${address.toString(16)}`,
  }));
  return searched(place, `process ${pid}`, found);
}
