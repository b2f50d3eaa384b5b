import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';

/** What a running server says of itself in `postmaster.pid`. */
export interface Postmaster {
  readonly pid: number;
  readonly port: number;
  readonly isReady: boolean;
}

/** A running server of a data directory, known to be that because it has answered. */
export interface LiveServer {
  readonly pid: number;
  readonly port: number;
  /** The Node process that started it, as a setting on the server's command line. */
  readonly ownerPid: number;
}

const POLL_MS = 20;
const CONNECT_TIMEOUT_MS = 2_000;

/** Does a process of this number exist, ours or not? */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Lines of the file: pid, data directory, start time, port, socket directory, address, shared memory, status. */
export async function readPostmaster(data: string): Promise<Postmaster | undefined> {
  const text = await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '');
  const [pid, , , port, , , , status] = text.split('\n');
  if (pid === undefined || !/^\d+$/.test(pid)) return undefined;
  return { pid: Number(pid), port: Number(port), isReady: status?.trim() === 'ready' };
}

export function urlOf(port: number, password: string, database = 'postgres'): string {
  return `postgres://postgres:${password}@127.0.0.1:${port}/${database}`;
}

/** Asks the server at this port which data directory it serves; undefined when it does not answer or is another. */
async function ask(data: string, port: number, password: string): Promise<LiveServer | undefined> {
  const client = new Client({
    connectionString: urlOf(port, password),
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  });
  client.on('error', () => undefined); // whoever listens there may be no PostgreSQL at all
  try {
    await client.connect();
    const { rows } = await client.query<{ directory: string; owner: string }>(
      `select current_setting('data_directory') as directory, current_setting('hushtone.owner_pid') as owner`,
    );
    const found = await readPostmaster(data);
    const [row] = rows;
    if (row?.directory !== data || found === undefined) return undefined;
    return { pid: found.pid, port, ownerPid: Number(row.owner) };
  } catch {
    return undefined;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/**
 * After a reboot the number in a left-over file may be any process's, and a dead server may wait for a parent that
 * never asks: Linux tells both (proc_pid_stat(5)). Elsewhere the server is believed to be alive.
 */
async function isGone(pid: number): Promise<boolean> {
  if (!isAlive(pid)) return true;
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const [, name, state] = /^\d+ \((.*)\) (\S)/.exec(text) ?? [];
  return name !== undefined && (name !== 'postgres' || state === 'Z');
}

/**
 * The server that runs on this data directory; waits for one that is just starting or stopping. Undefined when there
 * is none, or when it does not answer within `patienceMs`. Removes the `postmaster.pid` of a server that is gone.
 */
export async function findServer(
  data: string,
  password: string,
  patienceMs: number,
): Promise<LiveServer | undefined> {
  const deadline = performance.now() + patienceMs;
  do {
    const postmaster = await readPostmaster(data);
    if (postmaster === undefined) return undefined;
    if (await isGone(postmaster.pid)) {
      await rm(join(data, 'postmaster.pid'), { force: true });
      return undefined;
    }
    if (postmaster.isReady) {
      const server = await ask(data, postmaster.port, password);
      if (server !== undefined) return server;
    }
    await delay(POLL_MS);
  } while (performance.now() < deadline);
  return undefined;
}

/** Fast shutdown: open transactions are rolled back, the data is whole. Then, past all patience, an immediate one. */
export async function stopServer(data: string, pid: number, patienceMs = 10_000): Promise<void> {
  await end(data, pid, ['SIGINT', 'SIGQUIT'], patienceMs);
}

/** Immediate shutdown: the next start recovers what was committed. */
export async function killServer(data: string, pid: number, patienceMs = 10_000): Promise<void> {
  await end(data, pid, ['SIGQUIT'], patienceMs);
}

async function end(
  data: string,
  pid: number,
  signals: readonly NodeJS.Signals[],
  patienceMs: number,
): Promise<void> {
  // The file goes last of all, and a server whose parent was killed may stay as an entry in the process table.
  const isStopped = async (): Promise<boolean> =>
    (await readPostmaster(data))?.pid !== pid || (await isGone(pid));
  for (const signal of signals) {
    try {
      process.kill(pid, signal);
    } catch {
      return; // already gone
    }
    const deadline = performance.now() + patienceMs;
    while (performance.now() < deadline) {
      if (await isStopped()) return;
      await delay(POLL_MS);
    }
  }
}
