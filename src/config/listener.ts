import type { SettingReader } from './setting-reader.ts';

export const HOST = /^[A-Za-z0-9._:-]{1,255}$/;

export function readPort(
  reader: SettingReader,
  name: 'HTTP_PORT' | 'TELEPHONY_PORT',
  production: boolean,
): number {
  const port = reader.integer(name);
  if (port === 0 && production) reader.report(name, '0 is not a fixed port', '1 to 65535 in production');
  return port;
}
