import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { forms, scanProcessMemory } from '../residue/process-memory.ts';
import type { Stack } from '../stack/stack.ts';

export interface Searched {
  readonly place: string;
  /** What was looked through: rows, lines, files, bytes. */
  readonly amount: string;
  readonly found: number;
}

/** Files larger than this are read in part only; nothing of ours is. */
const LARGEST_FILE_BYTES = 64 * 1024 * 1024;

const count = (text: Buffer | string, needles: readonly Uint8Array[]): number => {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text;
  return needles.filter((needle) => bytes.includes(Buffer.from(needle))).length;
};

/** Looks for a card number in everything that a capture could have touched, as ASCII, UTF-16 and BCD. */
export async function searchEverywhere(
  stack: Stack,
  cardNumber: string,
  streams: readonly string[],
  directories: readonly string[],
): Promise<Searched[]> {
  const needles = forms([...cardNumber].map(Number));
  const log = stack.gateway().log;
  return [
    { place: 'gateway log', amount: `${log.length} lines`, found: count(log.join('\n'), needles) },
    {
      place: 'event stream',
      amount: `${streams.join('').length} characters`,
      found: count(streams.join('\n'), needles),
    },
    await searchDatabase(stack.databaseUrl, needles),
    ...(await Promise.all(directories.map(async (directory) => await searchFiles(directory, needles)))),
    {
      place: 'gateway memory',
      amount: `process ${stack.gateway().pid}`,
      found: scanProcessMemory(stack.gateway().pid, needles).length,
    },
  ];
}

async function searchDatabase(url: string, needles: readonly Uint8Array[]): Promise<Searched> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows: tables } = await client.query<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
       WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
    );
    let found = 0;
    let rowCount = 0;
    for (const { name } of tables) {
      const { rows } = await client.query<{ line: string }>(`SELECT t::text AS line FROM ${name} t`);
      rowCount += rows.length;
      for (const { line } of rows) found += count(line, needles);
    }
    return { place: 'database', amount: `${tables.length} tables, ${rowCount} rows`, found };
  } finally {
    await client.end();
  }
}

async function searchFiles(directory: string, needles: readonly Uint8Array[]): Promise<Searched> {
  const names = await readdir(directory, { recursive: true });
  let found = 0;
  let files = 0;
  for (const name of names) {
    const path = join(directory, name);
    const about = await stat(path).catch(() => undefined);
    if (about === undefined || !about.isFile() || about.size > LARGEST_FILE_BYTES) continue;
    files += 1;
    found += count(await readFile(path).catch(() => Buffer.alloc(0)), needles);
  }
  return { place: `files of ${directory}`, amount: `${files} files`, found };
}
