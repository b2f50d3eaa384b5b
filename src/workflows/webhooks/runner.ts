import { startJobQueue, type Task } from '../../db/job-queue.ts';
import { HushtoneError } from '../../kernel/errors.ts';
import type { Timer } from '../../kernel/clock.ts';
import { deliver, recoverDeliveries, type DeliverOptions } from './deliver.ts';

/** Deliveries that have lost their job are looked for this often. */
const RECOVER_EVERY_MS = 60_000;

export interface WebhookRunnerOptions extends DeliverOptions {
  readonly databaseUrl: string;
  /** Attempts that are under way at once in this process. */
  readonly concurrency: number;
}

export interface WebhookRunner {
  /** Waits for the attempts that are under way, and for the look for lost deliveries: then the database may be closed. */
  stop(): Promise<void>;
}

/** What the job queue runs, by the name that the database function `enqueue_webhook_delivery` gives. */
export function webhookTasks(options: DeliverOptions): Readonly<Record<string, Task>> {
  return {
    webhook_delivery: async (payload) => {
      const { account_id: accountId, delivery_id: deliveryId } = (payload ?? {}) as Record<string, unknown>;
      if (typeof accountId !== 'string' || typeof deliveryId !== 'string') {
        throw new HushtoneError('job_invalid', 'internal', 'a webhook job names no delivery');
      }
      await deliver(options, accountId, deliveryId);
    },
  };
}

/** Delivers webhooks in this process, beside any others on the same database. */
export async function startWebhookRunner(options: WebhookRunnerOptions): Promise<WebhookRunner> {
  const { databaseUrl, concurrency, clock, logger } = options;
  const queue = await startJobQueue({
    url: databaseUrl,
    tasks: webhookTasks(options),
    concurrency,
    clock,
    logger,
  });
  let timer: Timer | undefined;
  let stopped = false;
  const round = async (): Promise<void> => {
    try {
      await recoverDeliveries(options);
    } catch (error) {
      logger.error('lost webhook deliveries were not looked for', { error });
    }
    if (!stopped) {
      timer = clock.after(RECOVER_EVERY_MS, () => {
        latest = round();
      });
    }
  };
  let latest = round();
  return {
    async stop() {
      stopped = true;
      timer?.cancel();
      try {
        await queue.stop();
      } finally {
        await latest;
      }
    },
  };
}
