import { randomBytes } from 'node:crypto';
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { startCheckedStack } from '../support/acceptance.ts';
import { createDevelopmentPki } from '../../src/pki/development.ts';

const MAIN = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));
const START = fileURLToPath(new URL('../../scripts/start', import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly errors: string;
}

async function serve(environment: Record<string, string>, nodeFlags: readonly string[] = []): Promise<Ended> {
  return await ended(
    spawn(process.execPath, [...nodeFlags, MAIN, 'serve'], {
      env: { PATH: process.env['PATH'] ?? '', ...environment },
      stdio: ['ignore', 'ignore', 'pipe'],
    }),
  );
}

async function ended(child: ChildProcessByStdio<null, null, Readable>): Promise<Ended> {
  const chunks: Buffer[] = [];
  child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, errors: Buffer.concat(chunks).toString() };
}

/** A production configuration that is wrong in one way only: its certificates and keys are those of development. */
async function developmentInProduction(): Promise<Record<string, string>> {
  const pki = await createDevelopmentPki(fileURLToPath(new URL('../../certs/dev', import.meta.url)));
  return {
    NODE_ENV: 'production',
    DATABASE_URL: 'postgres://nobody:nothing@127.0.0.1:1/none',
    TLS_CERT_FILE: pki.server.certificate,
    TLS_KEY_FILE: pki.server.key,
    PUBLIC_URL: 'https://gateway.example',
    LISTEN_URL: 'wss://gateway.example',
    JAMBONZ_USERNAME: 'jambonz',
    JAMBONZ_PASSWORD: 'a-long-and-random-password',
    BRIDGE: 'conference',
    ROUTES:
      '{"+15083084809":{"account":"acc_1","agent":"agent-1","target":{"type":"phone","number":"2000"}}}',
    TOKEN_ISSUER: 'https://gateway.example',
    TOKEN_AUDIENCE: 'hushtone',
    TOKEN_SIGNING_KEY_FILE: pki.tokenSigningKey,
    AUDIT_SIGNING_KEY_FILE: pki.auditSigningKey,
    NUMBERS_KEY: randomBytes(32).toString('hex'),
    KEY_PROVIDER: 'env',
    VAULT_KEYS: `card_data:key_${'a'.repeat(26)}:${randomBytes(32).toString('hex')}`,
    WEBHOOKS_KEY: randomBytes(32).toString('hex'),
  };
}

// Without it `npx hushtone` gives the file to the shell, which runs `hushtone` wherever a line begins with that word.
it('the program names its interpreter', async () => {
  expect(await readFile(MAIN, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
});

describe('serve', () => {
  it('names every mistake of an empty configuration at once, and what would be right', async () => {
    const { code, errors } = await serve({ BRIDGE: 'dial', HTTP_PORT: 'eighty' });
    expect(code).toBe(1);
    for (const name of ['JAMBONZ_USERNAME', 'JAMBONZ_PASSWORD', 'RTPENGINE_URL', 'ROUTES', 'HTTP_PORT']) {
      expect(errors).toContain(name);
    }
  });

  it('refuses certificates and keys of development in production', async () => {
    const { code, errors } = await serve(await developmentInProduction());
    expect(code).toBe(1);
    expect(errors).toContain('TLS_CERT_FILE');
    expect(errors).toContain('TOKEN_SIGNING_KEY_FILE');
    expect(errors).not.toContain('DEBUG');
  });

  it.each([
    ['the debug output of jambonz', { DEBUG: 'jambonz:*' }, [], 'DEBUG'],
    ['all debug output', { DEBUG: 'express,*' }, [], 'DEBUG'],
    ['an inspector', {}, ['--inspect=127.0.0.1:0'], 'inspect'],
    ['an inspector by NODE_OPTIONS', { NODE_OPTIONS: '--inspect=127.0.0.1:0' }, [], 'inspect'],
    ['heap snapshots', {}, ['--heapsnapshot-signal=SIGUSR2'], '--heapsnapshot-signal'],
    ['a public address without TLS', { PUBLIC_URL: 'http://gateway.example' }, [], 'PUBLIC_URL'],
    ['a listen address without TLS', { LISTEN_URL: 'ws://gateway.example' }, [], 'LISTEN_URL'],
  ])('refuses %s in production', async (_what, environment, nodeFlags, named) => {
    const { code, errors } = await serve({ ...(await developmentInProduction()), ...environment }, nodeFlags);
    expect(code).toBe(1);
    expect(errors).toContain(named);
  });

  it('refuses core files in production, and `scripts/start` switches them off', async () => {
    const environment = { PATH: process.env['PATH'] ?? '', ...(await developmentInProduction()) };
    const startedBy = async (command: string): Promise<Ended> =>
      await ended(
        spawn('/bin/sh', ['-c', `ulimit -S -c "$(ulimit -H -c)"; exec ${command}`], {
          env: environment,
          stdio: ['ignore', 'ignore', 'pipe'],
        }),
      );
    const plain = await startedBy(`node ${MAIN} serve`);
    expect(plain.code).toBe(1);
    expect(plain.errors).toMatch(/RLIMIT_CORE: core files/);
    const started = await startedBy(START);
    expect(started.code).toBe(1);
    expect(started.errors).toContain('TLS_CERT_FILE');
    expect(started.errors).not.toContain('RLIMIT_');
  });

  it('opens no inspector on SIGUSR1', async () => {
    const stack = await startCheckedStack({ bridge: 'conference' });
    try {
      const gateway = stack.gateway();
      process.kill(gateway.pid, 'SIGUSR1');
      await expect.poll(() => gateway.log.join('\n')).toContain('no inspector is opened');
      expect(gateway.log.join('\n')).not.toContain('Debugger listening');
      expect((await stack.api.get('/health/ready')).body).toMatchObject({ status: 'ok' });
    } finally {
      await stack.close();
    }
  });
});
