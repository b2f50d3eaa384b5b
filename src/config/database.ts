import { resolve } from 'node:path';
import type { Config } from './config.ts';
import type { SettingReader } from './setting-reader.ts';

export const DATABASE_URL = /^postgres(?:ql)?:\/\/\S+$/;

export function readDatabase(reader: SettingReader, production: boolean): Config['database'] {
  const url = reader.secret('DATABASE_URL', DATABASE_URL);
  if (production && url === undefined) reader.missing('DATABASE_URL', 'in production');
  return {
    ...(url !== undefined && { url }),
    dataDir: resolve(reader.text('DATA_DIR') ?? ''),
    poolSize: reader.integer('DATABASE_POOL_SIZE'),
  };
}
