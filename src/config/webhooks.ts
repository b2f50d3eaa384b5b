import { Secret } from '../secrets/secret.ts';
import type { Config } from './config.ts';
import type { SettingReader } from './setting-reader.ts';

const WEBHOOKS_KEYS = /^[0-9a-fA-F]{64}(?:,[0-9a-fA-F]{64})*$/;

export function readWebhooks(reader: SettingReader, production: boolean): Config['webhooks'] {
  const keys = reader.secret('WEBHOOKS_KEY', WEBHOOKS_KEYS);
  if (production && keys === undefined) reader.missing('WEBHOOKS_KEY', 'in production');
  return {
    ...(keys !== undefined && {
      keys: keys
        .reveal()
        .split(',')
        .map((key) => new Secret(key)),
    }),
    allowPrivate: reader.choice('WEBHOOK_ALLOW_PRIVATE') === 'true',
    concurrency: reader.integer('WEBHOOK_CONCURRENCY'),
  };
}
