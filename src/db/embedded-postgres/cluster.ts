import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HushtoneError } from '../../kernel/errors.ts';
import type { ServerUser } from './server-user.ts';

/** Lies within the data directory, so that a cluster and its password come and go together. */
const PASSWORD_FILE = 'hushtone-password';

/** Only what the programs need: nothing of this process's own environment, which may hold secrets. */
export const SERVER_ENVIRONMENT: NodeJS.ProcessEnv = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };

export interface ClusterOptions {
  readonly home: string;
  readonly initdb: string;
  readonly user: ServerUser | undefined;
  /** Skip flushing to the disk: for clusters that no one will miss. */
  readonly disposable: boolean;
}

export interface Cluster {
  readonly data: string;
  readonly password: string;
}

async function readCluster(data: string): Promise<Cluster | undefined> {
  const password = await readFile(join(data, PASSWORD_FILE), 'utf8').catch(() => undefined);
  return password === undefined ? undefined : { data, password };
}

async function runInitdb(options: ClusterOptions, data: string, passwordFile: string): Promise<void> {
  const child = spawn(
    options.initdb,
    [
      `--pgdata=${data}`,
      `--pwfile=${passwordFile}`,
      '--username=postgres',
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      ...(options.disposable ? ['--no-sync'] : []),
    ],
    { ...options.user, cwd: options.home, env: SERVER_ENVIRONMENT, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
  const code = await new Promise((done, fail) => child.once('error', fail).once('close', done));
  if (code !== 0) throw new Error(`initdb: ${output.trim()}`);
}

async function create(options: ClusterOptions, made: string): Promise<void> {
  const { user } = options;
  const password = randomBytes(24).toString('base64url');
  const passwordFile = `${made}.password`;
  try {
    await chmod(made, 0o700);
    await writeFile(passwordFile, password, { mode: 0o600, flag: 'wx' });
    if (user !== undefined) {
      await chown(made, user.uid, user.gid);
      await chown(passwordFile, user.uid, user.gid);
    }
    await runInitdb(options, made, passwordFile);
    // initdb wants an empty directory, so the password moves in afterwards.
    await rename(passwordFile, join(made, PASSWORD_FILE));
  } finally {
    await rm(passwordFile, { force: true });
  }
}

/**
 * The cluster in `home`, made on first use. It is made beside its place and then moved there, so that it is whole or
 * not there, and of two processes that make it at once one wins and the other takes the winner's.
 */
export async function ensureCluster(options: ClusterOptions): Promise<Cluster> {
  const data = join(options.home, 'data');
  const existing = await readCluster(data);
  if (existing !== undefined) return existing;
  const made = await mkdtemp(`${data}.new-`);
  try {
    await create(options, made);
    await rename(made, data);
  } catch (cause) {
    const winner = await readCluster(data);
    if (winner !== undefined) return winner;
    throw new HushtoneError(
      'embedded_postgres_failed',
      'unavailable',
      `the embedded PostgreSQL could not be set up in ${options.home}`,
      { cause },
    );
  } finally {
    await rm(made, { recursive: true, force: true });
  }
  const cluster = await readCluster(data);
  if (cluster !== undefined) return cluster;
  throw new HushtoneError(
    'embedded_postgres_failed',
    'unavailable',
    `${data} was taken away while it was made`,
  );
}
