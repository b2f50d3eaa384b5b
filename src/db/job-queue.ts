import { Logger as JobLogger, run, runMigrations, type Runner, type TaskList } from 'graphile-worker';
import { Pool } from 'pg';
import type { Clock, Timer } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import { silentLogger } from '../kernel/logger.ts';

/** A queue whose connection is gone for good is started anew after this long. */
const RESTART_AFTER_MS = 5000;
/** Jobs that were added announce themselves; those that wait for their time are looked for this often. */
const POLL_EVERY_MS = 1000;
/**
 * Beside one for each job that begins or ends at the same moment: one to listen, one to spare. Connections are made
 * when they are needed, and a job that waits for a receiver holds none.
 */
const SPARE_CONNECTIONS = 2;

/** Runs one job. Payloads come from our own SQL; a rejection makes the queue try the job again later. */
export type Task = (payload: unknown) => Promise<void>;

export interface JobQueueOptions {
  readonly url: string;
  readonly tasks: Readonly<Record<string, Task>>;
  /** Jobs that run at once in this process. */
  readonly concurrency: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface JobQueue {
  /** Takes no more jobs and waits for those that run. Idempotent. */
  stop(): Promise<void>;
}

function jobLogger(logger: Logger): JobLogger {
  return new JobLogger(() => (level, message) => {
    const severity: string = level;
    if (severity !== 'error' && severity !== 'warning') return;
    logger.warn('the job queue reports a fault', { error: new Error(message) });
  });
}

function openPool(url: string, concurrency: number, logger: Logger): Pool {
  const pool = new Pool({
    connectionString: url,
    max: concurrency + SPARE_CONNECTIONS,
    keepAlive: true,
    application_name: 'hushtone jobs',
  });
  // A connection that is lost rejects what runs on it; without a listener it would end the process.
  const report = (error: Error): void =>
    logger.warn('a database connection of the job queue was lost', { error });
  pool.on('error', report);
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

/** Brings the queue's own schema, `graphile_worker`, up to date. Several processes may do so at once. */
export async function migrateJobQueue(url: string): Promise<void> {
  const pool = openPool(url, 1, silentLogger);
  try {
    await runMigrations({ pgPool: pool, logger: jobLogger(silentLogger) });
  } finally {
    await pool.end();
  }
}

/** Takes jobs on as they are added, by LISTEN and NOTIFY, until it is stopped. */
export async function startJobQueue(options: JobQueueOptions): Promise<JobQueue> {
  const { url, tasks, concurrency, clock, logger } = options;
  const pool = openPool(url, concurrency, logger);
  const taskList: TaskList = { ...tasks };
  let stopped = false;
  let restart: Timer | undefined;
  let runner: Runner | undefined;

  const begin = async (): Promise<void> => {
    const started = await run({
      pgPool: pool,
      taskList,
      parsedCronItems: [],
      concurrency,
      pollInterval: POLL_EVERY_MS,
      noHandleSignals: true,
      logger: jobLogger(logger),
    });
    runner = started;
    void started.promise.then(again, again);
  };
  const again = (error?: unknown): void => {
    runner = undefined;
    if (stopped) return;
    logger.error('the job queue has stopped and is started again', { error });
    restart = clock.after(RESTART_AFTER_MS, () => void beginAgain());
  };
  const beginAgain = async (): Promise<void> => {
    try {
      await begin();
    } catch (error) {
      again(error);
    }
  };
  const stop = async (): Promise<void> => {
    stopped = true;
    restart?.cancel();
    // It rejects when it has just stopped by itself.
    await runner?.stop().catch(() => undefined);
    await pool.end();
  };

  try {
    await begin();
  } catch (error) {
    await pool.end();
    throw error;
  }
  let stopping: Promise<void> | undefined;
  return { stop: () => (stopping ??= stop()) };
}
