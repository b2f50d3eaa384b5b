import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { createSecretSeal, type SecretSeal } from '../events/webhooks/secret-seal.ts';
import { createSender } from '../events/webhooks/sender.ts';
import { developmentKey } from '../pki/development-key.ts';
import { AccountStream } from '../workflows/webhooks/account-stream.ts';
import { Webhooks } from '../workflows/webhooks/desk.ts';
import { startWebhookRunner } from '../workflows/webhooks/runner.ts';
import type { StartupWithDatabase } from './startup.ts';

/** What accounts are told: their event streams and their webhooks. */
export async function startEvents(
  startup: StartupWithDatabase,
): Promise<{ readonly webhooks: Webhooks; readonly accountEvents: AccountStream }> {
  const { config, database, databaseUrl, clock, logger, stopper } = startup;
  const { allowPrivate, concurrency } = config.webhooks;
  const seal = await sealOf(config);
  const policy = {
    allowPrivate,
    allowPlainLoopback: allowPrivate && config.environment !== 'production',
  };
  const accountEvents = new AccountStream({ database, databaseUrl, clock, logger });
  await accountEvents.start();
  stopper.add('event streams', async () => await accountEvents.stop());
  const runner = await startWebhookRunner({
    database,
    databaseUrl,
    concurrency,
    seal,
    send: createSender({ policy }),
    clock,
    logger,
    random: Math.random,
  });
  stopper.add('webhooks', async () => await runner.stop());
  return { webhooks: new Webhooks({ database, seal, policy, clock }), accountEvents };
}

async function sealOf({ webhooks, database }: Config): Promise<SecretSeal> {
  const keys = webhooks.keys?.map((key) => key.reveal()) ?? [
    await developmentKey(join(database.dataDir, 'webhooks.key')),
  ];
  return createSecretSeal(keys.map((key) => Buffer.from(key, 'hex')));
}
