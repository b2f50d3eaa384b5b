import type { Config } from './config.ts';
import type { SettingReader } from './setting-reader.ts';

const NUMBERS_KEY = /^(?:[0-9a-fA-F]{64}|[A-Za-z0-9+/_-]{43}=?)$/;
const COUNTRY = /^[A-Z]{2}$/;

export function readNumbers(reader: SettingReader): Config['numbers'] {
  const key = reader.secret('NUMBERS_KEY', NUMBERS_KEY);
  const country = reader.text('NUMBERS_COUNTRY', COUNTRY);
  return { ...(key !== undefined && { key }), ...(country !== undefined && { country }) };
}
