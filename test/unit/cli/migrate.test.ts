import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { runMigrate } from '../../../src/cli/migrate.ts';
import { run } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'hushtone-migrate-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Everything that the gateway needs, but a database. */
function settings(): Record<string, string> {
  const keyFile = join(folder, 'token.key');
  const { privateKey } = generateKeyPairSync('ed25519');
  writeFileSync(keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  return {
    JAMBONZ_USERNAME: 'jambonz',
    JAMBONZ_PASSWORD: 'a-password-of-some-length',
    BRIDGE: 'conference',
    ROUTES: JSON.stringify({
      '2000': { account: 'acme', agent: 'agent-1', target: { type: 'phone', number: '2000' } },
    }),
    TOKEN_SIGNING_KEY_FILE: keyFile,
  };
}

describe('hushtone migrate', () => {
  test('without DATABASE_URL says so, and touches nothing', async () => {
    const { result, stdout } = await run(runMigrate, [], settings());
    expect(result).toMatchObject({ code: 'config_invalid', kind: 'invalid' });
    expect(stdout).toBe('');
  });

  test('says why it cannot reach a database, and does not quote its password', async () => {
    const url = 'postgres://hushtone:correct-horse-battery@127.0.0.1:1/none';
    const { result, stdout, stderr } = await run(runMigrate, [], { ...settings(), DATABASE_URL: url });
    expect(result).toBeInstanceOf(Error);
    expect(`${(result as Error).stack}${stdout}${stderr}`).not.toContain('correct-horse');
    expect(result).toMatchObject({
      code: 'database_unavailable',
      message: 'the database is not reachable: nothing listens at its address (DATABASE_URL)',
    });
  });
});
