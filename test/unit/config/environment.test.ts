import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, expect, test, vi } from 'vitest';
import { forgetSecretSettings, readEnvironment } from '../../../src/config/environment.ts';
import { SETTINGS } from '../../../src/config/settings.ts';

const SECRETS = Object.entries(SETTINGS).flatMap(([name, { kind }]) => (kind === 'secret' ? [name] : []));
const MARK = 'a secret that nobody inherits';

afterEach(() => vi.unstubAllEnvs());

test('secrets among the settings are forgotten: no process inherits them and no report has them', async () => {
  expect(SECRETS).toContain('VAULT_KEYS');
  for (const name of SECRETS) vi.stubEnv(name, MARK);
  vi.stubEnv('LOG_LEVEL', 'warn');
  const read = readEnvironment();
  forgetSecretSettings();
  const { LOG_LEVEL: level, ...left } = readEnvironment();
  expect(level).toBe('warn');
  expect(Object.keys(left).filter((name) => SECRETS.includes(name))).toEqual([]);
  // What was read before stays readable.
  expect(read['VAULT_KEYS']).toBe(MARK);
  expect((await promisify(execFile)('env')).stdout).not.toContain(MARK);
  expect(JSON.stringify(process.report.getReport())).not.toContain(MARK);
});
