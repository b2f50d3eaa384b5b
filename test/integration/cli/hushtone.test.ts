import { spawn, spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { createTestDatabase } from '../../support/database.ts';

/** Made by `npm run build`, which the tests' own command runs first. */
const MAIN = fileURLToPath(new URL('../../../dist/src/main.js', import.meta.url));

const folder = mkdtempSync(join(tmpdir(), 'hushtone-cli-'));
afterAll(() => rmSync(folder, { recursive: true }));

function hushtone(args: readonly string[], env: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', ...env },
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

/** The same while this process goes on: for commands that talk to what it holds. */
async function started(args: readonly string[], env: Record<string, string>) {
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const stderr = textOf(child.stderr);
  const [status] = (await once(child, 'exit')) as [number | null];
  return { status, stderr: await stderr };
}

function signingKeyFile(): string {
  const keyFile = join(folder, 'token.key');
  const { privateKey } = generateKeyPairSync('ed25519');
  writeFileSync(keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  return keyFile;
}

describe.skipIf(!existsSync(MAIN))('hushtone', () => {
  test.each([['--help'], ['-h'], ['help']])('%s prints the commands', (argument) => {
    const { status, stdout, stderr } = hushtone([argument]);
    expect([status, stderr]).toEqual([0, '']);
    for (const command of ['serve', 'migrate', 'token', 'demo']) expect(stdout).toContain(command);
  });

  test.each([[[]], [['nonsense']], [['']]])('%j is an error that prints the commands', (args) => {
    const { status, stdout, stderr } = hushtone(args);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toContain('hushtone COMMAND');
  });

  test('a command that there is not is named', () => {
    expect(hushtone(['nonsense']).stderr).toMatch(/^there is no command nonsense\n/);
  });

  test.each(['serve', 'migrate', 'accounts', 'clients', 'keys', 'providers', 'token', 'audit', 'demo'])(
    '%s --help prints its usage and does nothing',
    (command) => {
      const { status, stdout, stderr } = hushtone([command, '--help']);
      expect([status, stderr]).toEqual([0, '']);
      expect(stdout).toContain(`hushtone`);
      expect(stdout).toContain(command);
    },
  );

  test.each([
    [['serve', '--port', '1'], "Unknown option '--port'"],
    [['migrate', 'now'], "Unexpected argument 'now'"],
    [['token'], '--account is missing'],
    [['token', '--nonsense'], "Unknown option '--nonsense'"],
    [['accounts'], 'which command?'],
    [['accounts', 'make'], 'there is no command make'],
    [['clients', 'list', '--all'], "Unknown option '--all'"],
    [['providers', 'check', 'everything'], "Unexpected argument 'everything'"],
    [['audit', 'verify', '--out', 'here'], "Unknown option '--out'"],
    [['audit', 'export', '--account', 'acme'], '--out is missing'],
  ])('%j is told what is wrong, before the usage', (args, words) => {
    const { status, stdout, stderr } = hushtone(args, { DATABASE_URL: 'postgres://u:p@127.0.0.1:1/none' });
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr.split('\n')[0]).toContain(words);
    expect(stderr).toContain(`hushtone ${args[0] === 'serve' ? 'COMMAND' : args[0]}`);
  });

  test('serve names the address that it cannot listen on', async () => {
    const other = createServer();
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const db = await createTestDatabase();
    try {
      const { status, stderr } = await started(['serve'], {
        DATABASE_URL: db.url,
        BRIDGE: 'conference',
        JAMBONZ_USERNAME: 'jambonz',
        JAMBONZ_PASSWORD: 'a-password-of-some-length',
        ROUTES: '{"2000":{"account":"acme","agent":"agent-1","target":{"type":"phone","number":"2000"}}}',
        TOKEN_SIGNING_KEY_FILE: signingKeyFile(),
        HTTP_PORT: '0',
        TELEPHONY_PORT: String(port),
      });
      expect(status).toBe(1);
      expect(stderr).toContain(`cannot listen on 127.0.0.1, port ${port}: something else listens there`);
      expect(stderr).not.toMatch(/^ +at /m);
    } finally {
      other.close();
      await db.close();
    }
  });

  test('token prints a token', () => {
    const made = hushtone(['token', '--account', 'acme'], { TOKEN_SIGNING_KEY_FILE: signingKeyFile() });
    expect([made.status, made.stderr]).toEqual([0, '']);
    expect(made.stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
  });

  test.each([
    [['token'], 2, 'hushtone token --account ID'],
    [['token', '--nonsense'], 2, 'hushtone token --account ID'],
    [['token', '--account', 'acme'], 1, 'TOKEN_SIGNING_KEY_FILE'],
    [['token', '--account', 'acme', '--scope', 'x'], 1, 'no such scope: x'],
    [['serve'], 1, 'JAMBONZ_PASSWORD'],
  ])('%j ends with %d and words, not with a stack', (args, code, words) => {
    const { status, stdout, stderr } = hushtone(args);
    expect([status, stdout]).toEqual([code, '']);
    expect(stderr).toContain(words);
    expect(stderr).not.toMatch(/^ +at /m);
  });
});
