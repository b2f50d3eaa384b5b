import { hostname } from 'node:os';
import type { Config } from './config.ts';
import type { SettingReader } from './setting-reader.ts';

const INSTANCE_ID = /^[A-Za-z0-9._-]{1,255}$/;

/** What names this process in the records. */
export function readInstance(reader: SettingReader): Pick<Config, 'instanceId' | 'instanceIdIsHostName'> {
  const given = reader.text('INSTANCE_ID', INSTANCE_ID);
  return { instanceId: given ?? hostname(), instanceIdIsHostName: given === undefined };
}

/** Whole pages, whatever their size: the largest of Linux has 64 KiB. */
export function readSecretMemory(reader: SettingReader): number {
  const kibibytes = reader.integer('SECRET_MEMORY_KIB');
  if (kibibytes % 64 !== 0) reader.report('SECRET_MEMORY_KIB', `${kibibytes} is no multiple of 64`);
  return kibibytes * 1024;
}
