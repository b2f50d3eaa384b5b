import { spawn, type ChildProcess } from 'node:child_process';
import { open, readFile, realpath, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { HushtoneError } from '../kernel/errors.ts';
import { silentLogger, type Logger } from '../kernel/logger.ts';
import { findBinaries } from './embedded-postgres/binaries.ts';
import { ensureCluster, SERVER_ENVIRONMENT, type Cluster } from './embedded-postgres/cluster.ts';
import { makeHome } from './embedded-postgres/home.ts';
import {
  findServer,
  isAlive,
  killServer,
  readPostmaster,
  stopServer,
  urlOf,
} from './embedded-postgres/postmaster.ts';
import { serverUser, type ServerUser } from './embedded-postgres/server-user.ts';

/** A server that another process starts or stops, with a recovery after a crash. */
const PATIENCE_MS = 20_000;

/** A free port can be taken between the look and the use. */
const PORT_ATTEMPTS = 5;

const POLL_MS = 10;

export interface EmbeddedPostgresOptions {
  readonly dataDir: string;
  /** 0 or absent: a free one. A server that already runs keeps its own. */
  readonly port?: number;
  /** For tests and the demo: nothing is flushed to the disk, and stopping removes the data. */
  readonly disposable?: boolean;
  readonly logger?: Logger;
}

export interface EmbeddedPostgres {
  readonly url: string;
  /** Where the cluster lives: below `dataDir`, or in the temporary directory when the server could not get there. */
  readonly directory: string;
  /** Stops the server if this call started it. Idempotent. */
  stop(): Promise<void>;
  /** Ends it as a power cut would: nothing is finished, and what was committed is there at the next start. For tests. */
  kill(): Promise<void>;
}

interface Launch {
  readonly cluster: Cluster;
  readonly postgres: string;
  readonly user: ServerUser | undefined;
  readonly logFile: string;
  readonly disposable: boolean;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done, fail) => server.once('error', fail).listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

async function launch(
  { cluster, postgres, user, logFile, disposable }: Launch,
  port: number,
): Promise<ChildProcess> {
  const log = await open(logFile, 'w', 0o600);
  try {
    const settings = [
      'listen_addresses=127.0.0.1',
      'unix_socket_directories=',
      `hushtone.owner_pid=${process.pid}`,
      // The log gets messages only, no statements and no rows.
      'log_min_error_statement=panic',
      'log_error_verbosity=terse',
      ...(disposable ? ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off'] : []),
    ];
    return spawn(
      postgres,
      ['-D', cluster.data, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])],
      {
        ...user,
        cwd: cluster.data,
        env: SERVER_ENVIRONMENT,
        stdio: ['ignore', log.fd, log.fd],
        // Its own process group: Ctrl+C is for us, and we stop the server when our own work is done.
        detached: true,
      },
    );
  } finally {
    await log.close();
  }
}

/** Resolves when the child answers as the server of its data directory; rejects when it ends before that. */
async function answers(child: ChildProcess, { cluster, logFile }: Launch): Promise<void> {
  let failure: unknown;
  child.once('error', (error) => (failure = error));
  const hasEnded = (): boolean =>
    failure !== undefined || child.exitCode !== null || child.signalCode !== null;
  const deadline = performance.now() + PATIENCE_MS;
  while (!hasEnded() && performance.now() < deadline) {
    const postmaster = await readPostmaster(cluster.data);
    if (postmaster?.isReady === true && postmaster.pid === child.pid) return;
    await delay(POLL_MS);
  }
  const log = await readFile(logFile, 'utf8').catch(() => '');
  child.kill('SIGQUIT');
  throw failure ?? new Error(`postgres: ${log.trim().slice(-500)}`);
}

interface Started {
  readonly pid: number;
  readonly port: number;
}

/** Starts a server, or rejects with `embedded_postgres_failed`. Undefined: another process was quicker. */
async function start(plan: Launch, wantedPort: number, lastPort: number): Promise<Started | undefined> {
  let cause: unknown;
  for (let attempt = 0; attempt < PORT_ATTEMPTS; attempt += 1) {
    const port = wantedPort || (attempt === 0 && lastPort) || (await freePort());
    const child = await launch(plan, port);
    try {
      await answers(child, plan);
      child.unref();
      return { pid: child.pid ?? 0, port };
    } catch (error) {
      cause = error;
      if ((await readPostmaster(plan.cluster.data)) !== undefined) return undefined;
    }
  }
  throw new HushtoneError(
    'embedded_postgres_failed',
    'unavailable',
    'the embedded PostgreSQL does not start',
    {
      cause,
    },
  );
}

/**
 * Starts a PostgreSQL server for development, the demo and tests; production has its own. It listens on 127.0.0.1
 * only, with a random password that stays with the data.
 *
 * A server that already runs on the data is used as it is while the process that started it lives. One whose process
 * was killed is stopped first and started anew on the same port.
 *
 * Rejects with `embedded_postgres_missing`, `embedded_postgres_incomplete`, `embedded_postgres_directory` or
 * `embedded_postgres_failed`.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { dataDir, port = 0, disposable = false, logger = silentLogger } = options;
  const user = await serverUser();
  const home = await makeHome(dataDir, user);
  const directory = await realpath(home.directory);
  if (home.isElsewhere) {
    logger.warn(`PostgreSQL does not run as root and cannot reach ${dataDir}: its data is in ${directory}`);
  }
  const { initdb, postgres } = await findBinaries(user, directory);
  const cluster = await ensureCluster({ home: directory, initdb, user, disposable });
  const plan = { cluster, postgres, user, logFile: join(directory, 'server.log'), disposable };
  const deadline = performance.now() + PATIENCE_MS;
  let lastPort = 0;
  while (performance.now() < deadline) {
    const running = await findServer(cluster.data, cluster.password, PATIENCE_MS);
    if (running !== undefined && isAlive(running.ownerPid)) {
      const url = urlOf(running.port, cluster.password);
      return { url, directory, stop: () => Promise.resolve(), kill: () => Promise.resolve() };
    }
    if (running !== undefined) {
      logger.warn('a database server of a process that was killed is stopped and started anew');
      await stopServer(cluster.data, running.pid);
      lastPort = running.port;
    }
    const started = await start(plan, port, lastPort);
    if (started !== undefined) return own(started, plan, directory);
  }
  throw new HushtoneError(
    'embedded_postgres_failed',
    'unavailable',
    `other processes keep starting and stopping the server in ${directory}`,
  );
}

/** The server goes when this process ends in any way but a SIGKILL. */
function own({ pid, port }: Started, { cluster, disposable }: Launch, directory: string): EmbeddedPostgres {
  const stopAtExit = (): void => {
    try {
      process.kill(pid, 'SIGINT');
    } catch {
      // already gone
    }
  };
  process.once('exit', stopAtExit);
  const stop = async (): Promise<void> => {
    process.off('exit', stopAtExit);
    await stopServer(cluster.data, pid);
    if (disposable) await rm(directory, { recursive: true, force: true });
  };
  const kill = async (): Promise<void> => {
    process.off('exit', stopAtExit);
    await killServer(cluster.data, pid);
  };
  let stopping: Promise<void> | undefined;
  return {
    url: urlOf(port, cluster.password),
    directory,
    stop: () => (stopping ??= stop()),
    kill: () => (stopping ??= kill()),
  };
}
