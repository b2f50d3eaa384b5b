import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTokenVerifier } from '../../../src/access/access-token.ts';
import { SCOPES } from '../../../src/access/principal.ts';
import { createKeyRing } from '../../../src/access/signing-keys.ts';
import { runToken } from '../../../src/cli/token.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { ROLES } from '../../../src/kernel/roles.ts';
import { run, type Run } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'hushtone-token-'));
const signingKey = generateKeyPairSync('ed25519').privateKey;
const keyFile = join(folder, 'token.key');

beforeAll(() => {
  writeFileSync(keyFile, signingKey.export({ type: 'pkcs8', format: 'pem' }));
  chmodSync(keyFile, 0o600);
});
afterAll(() => rmSync(folder, { recursive: true }));

const ENVIRONMENT = { TOKEN_ISSUER: 'us', TOKEN_AUDIENCE: 'api' };
const token = async (...args: string[]): Promise<Run> =>
  await run(runToken, args, { ...ENVIRONMENT, TOKEN_SIGNING_KEY_FILE: keyFile });

describe('hushtone token', () => {
  test('prints one token, and nothing else, that the gateway takes', async () => {
    const { result, stdout, stderr } = await token('--account', 'acme');
    expect([result, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    const keys = createKeyRing(signingKey);
    const verify = createTokenVerifier({ issuer: 'us', audience: 'api', keys }, systemClock);
    expect(await verify(stdout.trim())).toEqual({
      accountId: 'acme',
      subject: 'integrator',
      clientId: 'integrator',
      roles: ['integrator'],
      scopes: new Set(SCOPES),
    });
  });

  test('says what it is told to say', async () => {
    const who = ['--account', 'acme', '--subject', 'agent-1', '--client', 'crm'];
    const what = ['--role', ' agent  supervisor', '--scope', ' captures:read   calls:read', '--ttl', '60'];
    const { stdout } = await token(...who, ...what);
    const claims = decodeJwt(stdout.trim());
    expect(claims).toMatchObject({
      sub: 'agent-1',
      client_id: 'crm',
      account_id: 'acme',
      roles: ['agent', 'supervisor'],
      scope: 'captures:read calls:read',
    });
    expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBe(60);
  });

  test('without a client names the subject', async () => {
    const { stdout } = await token('--account', 'acme', '--subject', 'agent-1');
    expect(decodeJwt(stdout.trim())).toMatchObject({ client_id: 'agent-1' });
  });

  test('prints its usage when asked', async () => {
    const { result, stdout, stderr } = await token('--help');
    expect([result, stderr]).toEqual([0, '']);
    expect(stdout).toContain('hushtone token --account ID');
    for (const word of [...SCOPES, ...ROLES]) expect(stdout).toContain(word);
  });

  test.each([
    ['no account', []],
    ['an option that there is not', ['--account', 'acme', '--admin']],
    ['an option without its value', ['--account']],
    ['something besides the options', ['--account', 'acme', 'please']],
  ])('prints its usage as an error for %s', async (_, args) => {
    const { result, stdout, stderr } = await token(...args);
    expect([result, stdout]).toEqual([2, '']);
    expect(stderr).toContain('hushtone token --account ID');
  });

  test.each([
    ['scope_unknown', ['--account', 'acme', '--scope', 'captures:read admin']],
    ['role_unknown', ['--account', 'acme', '--role', 'agent root']],
    ['token_lifetime', ['--account', 'acme', '--ttl', '0']],
    ['token_lifetime', ['--account', 'acme', '--ttl', 'long']],
    ['token_lifetime', ['--account', 'acme', '--ttl', '86401']],
    ['token_claims', ['--account', '']],
    ['token_claims', ['--account', 'a b']],
    ['token_claims', ['--account', 'acme', '--subject', '']],
  ])('is refused as %s: %j', async (code, args) => {
    const { result, stdout } = await token(...args);
    expect(result).toMatchObject({ code, kind: 'invalid' });
    expect(stdout).toBe('');
  });

  test('needs a signing key, and says which setting is missing', async () => {
    const { result } = await run(runToken, ['--account', 'acme'], ENVIRONMENT);
    expect(result).toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining('TOKEN_SIGNING_KEY_FILE') as string,
    });
  });
});
