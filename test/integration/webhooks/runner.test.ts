import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Database } from '../../../src/db/database.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { createLogger } from '../../../src/kernel/logger.ts';
import { startWebhookRunner } from '../../../src/workflows/webhooks/runner.ts';
import { execute } from '../../support/database.ts';
import { makeBench, type Bench } from './bench.ts';

let bench: Bench;

beforeEach(async () => {
  bench = await makeBench();
});

afterEach(() => bench.close());

/** How many connections the job queue of the bench's database has. */
async function queueConnections(): Promise<number> {
  const [row] = await execute<{ count: number }>(
    bench.db.url,
    `select count(*)::int as count from pg_stat_activity
     where datname = current_database() and application_name = 'hushtone jobs'`,
  );
  return row?.count ?? -1;
}

test('a runner that is stopped has looked for lost deliveries to the end: the database may be closed', async () => {
  const logged: string[] = [];
  const { database: inner, url } = bench.db;
  let open: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  // The look for lost deliveries is under way, and goes on when the test lets it.
  const database: Database = {
    ...inner,
    systemTransaction: async (work) => {
      await gate;
      return await inner.systemTransaction(work);
    },
  };
  const runner = await startWebhookRunner({
    ...bench.deliver,
    database,
    databaseUrl: url,
    concurrency: 1,
    clock: systemClock,
    logger: createLogger('debug', { write: (line: string) => void logged.push(line) }),
  });
  expect(await queueConnections()).toBeGreaterThan(0);
  let stopped = false;
  const stop = async (): Promise<void> => {
    await runner.stop();
    stopped = true;
    await inner.close();
  };
  const stopping = stop();
  await expect.poll(queueConnections, { timeout: 30_000 }).toBe(0);
  // The queue is over, and nothing else but that look can be what is waited for.
  await queueConnections();
  expect(stopped).toBe(false);
  open();
  await stopping;
  expect(logged.filter((line) => line.includes('lost webhook deliveries'))).toEqual([]);
});
