import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { assertServable } from '../../../src/config/assert-servable.ts';
import { ConfigError } from '../../../src/config/config-error.ts';
import type { Config } from '../../../src/config/config.ts';
import type { Runtime } from '../../../src/config/environment.ts';
import { loadConfig } from '../../../src/config/load-config.ts';
import type { ProcessLimits } from '../../../src/config/process-limits.ts';
import { DEVELOPMENT_ORGANISATION } from '../../../src/pki/certificate.ts';
import { createDevelopmentPki, type DevelopmentPki } from '../../../src/pki/development.ts';
import { Secret } from '../../../src/secrets/secret.ts';
import { makeFixture, type Fixture } from './settings-env.ts';

const QUIET: Runtime = {
  execArgv: [],
  limits: { coreFile: { soft: 0, hard: 0 }, lockedMemory: 2 * 1024 * 1024 },
};

let fixture: Fixture;
let pki: DevelopmentPki;
let development: Config;
let production: Config;

beforeAll(async () => {
  fixture = await makeFixture();
  pki = await createDevelopmentPki(join(fixture.directory, 'pki'));
  const withTls = {
    ...fixture.env,
    TLS_CERT_FILE: pki.server.certificate,
    TLS_KEY_FILE: pki.server.key,
    PROVIDER_URL: 'https://localhost:1',
    PROVIDER_CA_FILE: pki.ca.certificate,
    PROVIDER_CLIENT_CERT_FILE: pki.client.certificate,
    PROVIDER_CLIENT_KEY_FILE: pki.client.key,
  };
  development = loadConfig(withTls);
  const config = loadConfig({
    ...withTls,
    NODE_ENV: 'production',
    DATABASE_URL: 'postgres://db.example/hushtone',
    INSTANCE_ID: 'gateway-1',
  });
  // As if an authority of the operator's own had signed: what the certificates are is tried further down.
  production = { ...config, files: config.files.map((file) => ({ ...file, development: false })) };
});

afterAll(() => fixture.remove());

function refusals(config: Config, runtime: Runtime = QUIET): string[] {
  try {
    assertServable(config, runtime);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ variable }) => variable);
    throw error;
  }
  return [];
}

test('a production that lacks nothing is served', () => {
  expect(refusals(production)).toEqual([]);
});

test('keys of the vault that anyone could read, or guess, are refused', () => {
  const keys = { provider: 'development', previous: [] } as const;
  expect(refusals({ ...production, keys })).toEqual(['KEY_PROVIDER']);
  expect(refusals({ ...production, keys: { ...production.keys, previous: ['development'] } })).toEqual([
    'KEY_PREVIOUS_PROVIDERS',
  ]);
  const environment = [{ id: 'key_x', purpose: 'card_data' as const, key: new Secret('42'.repeat(32)) }];
  expect(refusals({ ...production, keys: { ...production.keys, environment } })).toEqual(['VAULT_KEYS']);
});

test('outside production nothing is refused', () => {
  const runtime = { debug: '*', execArgv: ['--inspect'], inspectorUrl: 'ws://127.0.0.1:9229/x' };
  expect(refusals(development, runtime)).toEqual([]);
  expect(refusals({ ...development, environment: 'test' }, runtime)).toEqual([]);
});

test('a name that is another one after each restart', () => {
  const named = (instanceId: string, instanceIdIsHostName: boolean): Config => ({
    ...production,
    instanceId,
    instanceIdIsHostName,
  });
  // The host name of a container that nobody has named.
  expect(refusals(named('3f2a90b1c4de', true))).toEqual(['INSTANCE_ID']);
  expect(() => assertServable(named('012345678901', true), QUIET)).toThrow(/INSTANCE_ID.*012345678901/);
  for (const host of ['gateway-1', '3f2a90b1c4d', '3f2a90b1c4def', '3F2A90B1C4DE', 'deadbeefcafe.example']) {
    expect(refusals(named(host, true))).toEqual([]);
  }
  // Chosen by someone, who answers for it; and development is not held up.
  expect(refusals(named('3f2a90b1c4de', false))).toEqual([]);
  expect(refusals({ ...named('3f2a90b1c4de', true), environment: 'development' })).toEqual([]);
  const { instanceId, instanceIdIsHostName } = loadConfig({ ...fixture.env, INSTANCE_ID: 'gateway-1' });
  expect([instanceId, instanceIdIsHostName]).toEqual(['gateway-1', false]);
});

test('a process that is told to die in the middle of a payment', () => {
  const chaosPoint = { point: 'after_write', arrival: 1 } as const;
  const payments = { ...production.payments, chaosPoint };
  expect(refusals({ ...production, payments })).toEqual(['CHAOS_KILL_AT']);
  expect(refusals({ ...development, payments })).toEqual([]);
  const env = { ...fixture.env, CHAOS_KILL_AT: 'before_commit', CHAOS_KILL_ARRIVAL: '17' };
  expect(loadConfig(env).payments.chaosPoint).toEqual({ point: 'before_commit', arrival: 17 });
  expect(() => loadConfig({ ...env, CHAOS_KILL_AT: 'midnight' })).toThrow(/CHAOS_KILL_AT/);
});

test.each<[string, Partial<Runtime>, string[]]>([
  ['debug output of jambonz', { debug: 'jambonz:*' }, ['DEBUG']],
  ['all debug output', { debug: '*' }, ['DEBUG']],
  ['debug output of something else', { debug: 'express' }, []],
  ['an inspector on the command line', { execArgv: ['--inspect-brk'] }, ['--inspect-brk']],
  [
    'heap snapshots by NODE_OPTIONS',
    { nodeOptions: '--heapsnapshot-signal=SIGUSR2' },
    ['--heapsnapshot-signal'],
  ],
  ['an inspector that was attached later', { inspectorUrl: 'ws://127.0.0.1:9229/x' }, ['inspector']],
])('%s', (_name, runtime, expected) => {
  expect(refusals(production, { ...QUIET, ...runtime })).toEqual(expected);
});

describe('memory that could get to a disk', () => {
  const limits = (changes: Partial<ProcessLimits>): Runtime => ({
    execArgv: [],
    limits: { coreFile: { soft: 0, hard: 0 }, lockedMemory: Infinity, ...changes },
  });

  test.each<[string, Runtime, string[]]>([
    ['everything is as it should be', limits({}), []],
    ['core files', limits({ coreFile: { soft: 4096, hard: 4096 } }), ['RLIMIT_CORE']],
    [
      'core files that the process may switch on',
      limits({ coreFile: { soft: 0, hard: Infinity } }),
      ['RLIMIT_CORE'],
    ],
    ['a page too little to be locked', limits({ lockedMemory: 2044 * 1024 }), ['RLIMIT_MEMLOCK']],
    ['another system', { execArgv: [] }, ['operating system']],
  ])('%s', (_what, runtime, expected) => {
    expect(refusals(production, runtime)).toEqual(expected);
    expect(refusals(development, runtime)).toEqual([]);
  });

  test('what must be locked is what the setting says', () => {
    const { secretMemoryBytes } = loadConfig({ ...fixture.env, SECRET_MEMORY_KIB: '4096' });
    expect(secretMemoryBytes).toBe(4 * 1024 * 1024);
    expect(refusals({ ...production, secretMemoryBytes })).toEqual(['RLIMIT_MEMLOCK']);
    expect(() => loadConfig({ ...fixture.env, SECRET_MEMORY_KIB: '100' })).toThrow(
      /SECRET_MEMORY_KIB.*multiple of 64/,
    );
  });
});

describe('what is fit for development only', () => {
  test('listeners without TLS', () => {
    const { tls: _tls, ...plain } = production;
    expect(refusals(plain)).toEqual(['TLS_CERT_FILE']);
  });

  test('plain URLs, on the loopback too', () => {
    const config = {
      ...production,
      http: { ...production.http, publicUrl: 'http://127.0.0.1:8080' },
      telephony: { ...production.telephony, listenUrl: 'ws://127.0.0.1:8081' },
    };
    expect(refusals(config)).toEqual(['PUBLIC_URL', 'LISTEN_URL']);
  });

  test('the embedded database', () => {
    const { url: _url, ...database } = production.database;
    expect(refusals({ ...production, database })).toEqual(['DATABASE_URL']);
  });

  test('a panel without TLS', () => {
    const http = { ...production.http, panelOrigins: ['https://a.example', 'http://b.example'] };
    expect(refusals({ ...production, http })).toEqual(['PANEL_ORIGINS']);
  });

  test('a key for webhooks that is one byte repeated', () => {
    const { webhooks } = loadConfig({
      ...fixture.env,
      WEBHOOKS_KEY: `${randomBytes(32).toString('hex')},${'ab'.repeat(32)}`,
    });
    expect(refusals({ ...production, webhooks })).toEqual(['WEBHOOKS_KEY']);
  });

  test('a key for telephone numbers that is one byte repeated', () => {
    const { numbers } = loadConfig({ ...fixture.env, NUMBERS_KEY: '00'.repeat(32) });
    expect(refusals({ ...production, numbers })).toEqual(['NUMBERS_KEY']);
  });

  test('a short password', () => {
    const short = loadConfig({ ...fixture.env, JAMBONZ_PASSWORD: 'fifteen-letters' }).telephony.password;
    expect(refusals({ ...production, telephony: { ...production.telephony, password: short } })).toEqual([
      'JAMBONZ_PASSWORD',
    ]);
  });

  test.each(['00112233445566778899AABBCCDDEEFF', 'ab'.repeat(16), '00'.repeat(32)])(
    'the PIN key %s',
    (key) => {
      const env = {
        ...fixture.env,
        PROVIDER_URL: 'https://localhost:1',
        PROVIDER_CA_FILE: pki.ca.certificate,
        PROVIDER_CLIENT_CERT_FILE: pki.client.certificate,
        PROVIDER_CLIENT_KEY_FILE: pki.client.key,
        PROVIDER_PIN_KEY: key,
      };
      const { provider } = loadConfig(env);
      expect(refusals({ ...production, ...(provider && { provider }) })).toEqual(['PROVIDER_PIN_KEY']);
    },
  );
});

describe('files of the development PKI', () => {
  const productionEnv = (changes: Record<string, string>): Record<string, string | undefined> => ({
    ...fixture.env,
    ...changes,
    NODE_ENV: 'production',
    DATABASE_URL: 'postgres://db.example/hushtone',
  });

  test('are refused wherever they were copied to', async () => {
    const copy = join(fixture.directory, 'etc', 'hushtone');
    await mkdir(dirname(copy), { recursive: true });
    await cp(pki.directory, copy, { recursive: true });
    const config = loadConfig(
      productionEnv({
        TLS_CERT_FILE: join(copy, 'server.pem'),
        TLS_KEY_FILE: join(copy, 'server-key.pem'),
        TOKEN_SIGNING_KEY_FILE: join(copy, 'token-signing-key.pem'),
        PROVIDER_URL: 'https://localhost:1',
        PROVIDER_CA_FILE: join(copy, 'ca.pem'),
        PROVIDER_CLIENT_CERT_FILE: join(copy, 'client.pem'),
        PROVIDER_CLIENT_KEY_FILE: join(copy, 'client-key.pem'),
      }),
    );
    expect(new Set(refusals(config))).toEqual(
      new Set([
        'TLS_CERT_FILE',
        'TLS_KEY_FILE',
        'TOKEN_SIGNING_KEY_FILE',
        'PROVIDER_CA_FILE',
        'PROVIDER_CLIENT_CERT_FILE',
        'PROVIDER_CLIENT_KEY_FILE',
      ]),
    );
  });

  test('are refused behind other certificates of the same file', async () => {
    const bundle = join(fixture.directory, 'bundle.pem');
    await writeFile(bundle, `# our authorities\n${await readFile(pki.ca.certificate, 'utf8')}`);
    const { files } = loadConfig({ ...fixture.env, PROVIDER_CA_FILE: bundle });
    expect(files).toContainEqual({ variable: 'PROVIDER_CA_FILE', path: bundle, development: true });
  });

  test('a key of someone else is refused only because it lies below certs/dev', async () => {
    const file = join(fixture.directory, 'certs', 'dev', 'mine.pem');
    await mkdir(dirname(file), { recursive: true });
    const { privateKey } = generateKeyPairSync('ed25519');
    await writeFile(file, privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const config = loadConfig(productionEnv({ TOKEN_SIGNING_KEY_FILE: file }));
    expect(refusals({ ...production, files: config.files })).toEqual(['TOKEN_SIGNING_KEY_FILE']);
  });

  test('a key of the operator is not', () => {
    const config = loadConfig(productionEnv({}));
    expect(refusals({ ...production, files: config.files })).toEqual([]);
  });

  test('carry the mark that is looked for', async () => {
    expect(await readFile(pki.tokenSigningKey, 'utf8')).toContain(DEVELOPMENT_ORGANISATION);
  });
});

test('all refusals are told at once', () => {
  const { tls: _tls, ...plain } = production;
  const { url: _url, ...database } = production.database;
  const runtime = { ...QUIET, debug: '*', execArgv: ['--inspect', '--heap-prof'] };
  expect(refusals({ ...plain, database }, runtime)).toEqual([
    'DEBUG',
    '--inspect',
    '--heap-prof',
    'TLS_CERT_FILE',
    'DATABASE_URL',
  ]);
});
