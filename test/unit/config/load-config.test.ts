import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { inspect } from 'node:util';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConfigError } from '../../../src/config/config-error.ts';
import { listenUrlOf, publicUrlOf } from '../../../src/config/config.ts';
import { loadConfig, loadTokenSettings } from '../../../src/config/load-config.ts';
import { SETTINGS } from '../../../src/config/settings.ts';
import { createDevelopmentPki, type DevelopmentPki } from '../../../src/pki/development.ts';
import { makeFixture, type Fixture } from './settings-env.ts';

type Env = Record<string, string | undefined>;

let fixture: Fixture;
let pki: DevelopmentPki;

beforeAll(async () => {
  fixture = await makeFixture();
  pki = await createDevelopmentPki(join(fixture.directory, 'pki'));
});

afterAll(() => fixture.remove());

const load = (changes: Env = {}) => loadConfig({ ...fixture.env, ...changes });

function problemsOf(changes: Env): ConfigError['problems'] {
  try {
    load(changes);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

const variablesOf = (changes: Env): string[] => problemsOf(changes).map(({ variable }) => variable);

describe('the least that a server needs', () => {
  test('gives the documented defaults', () => {
    const config = load();
    expect(config).toMatchObject({
      environment: 'development',
      logLevel: 'info',
      instanceId: hostname(),
      instanceIdIsHostName: true,
      database: { dataDir: resolve('.data'), poolSize: 10 },
      http: { host: '127.0.0.1', port: 8080 },
      telephony: {
        host: '127.0.0.1',
        port: 8081,
        bridge: 'dial',
        agentTimeoutSeconds: 20,
        rtpengine: {
          protocol: 'udp',
          host: '127.0.0.1',
          port: 22222,
          timeoutMs: 1000,
          freeswitchMedia: [{ address: '127.0.0.1', prefix: 32, family: 'ipv4' }],
        },
      },
      routes: {
        '+15083084809': {
          accountId: 'acc_demo',
          agentId: 'agent-1',
          target: { type: 'phone', number: '2000', trunk: 'agents' },
        },
      },
      capture: {
        guard: 'until_proven',
        secureTimeoutMs: 3000,
        interDigitTimeoutSeconds: 8,
        timeoutSeconds: 300,
      },
      tokens: { issuer: 'hushtone', audience: 'hushtone' },
    });
    expect(config.database.url).toBeUndefined();
    expect(config.tls).toBeUndefined();
    expect(config.provider).toBeUndefined();
  });

  test('an empty value counts as none', () => {
    expect(load({ LOG_LEVEL: '', DATABASE_URL: '', TLS_CERT_FILE: '' }).logLevel).toBe('info');
  });

  test('the conference bridge needs no rtpengine', () => {
    const config = load({
      BRIDGE: 'conference',
      RTPENGINE_URL: undefined,
      FREESWITCH_MEDIA_ADDRESSES: undefined,
    });
    expect(config.telephony.rtpengine).toBeUndefined();
  });
});

test('a full configuration is read whole', () => {
  const config = load({
    DATABASE_URL: 'postgres://u:p@db:5432/hushtone',
    HTTP_PORT: '0',
    PUBLIC_URL: 'https://pay.example.com/base/',
    TRUSTED_PROXIES: '10.0.0.1, fd00::/8',
    PANEL_ORIGINS: 'https://desk.example.com, http://127.0.0.1:5173',
    RATE_LIMIT_CLIENT: '60',
    NUMBERS_COUNTRY: 'US',
    LISTEN_URL: 'wss://listen.example.com/',
    TLS_CERT_FILE: pki.server.certificate,
    TLS_KEY_FILE: pki.server.key,
    RTPENGINE_URL: 'tcp://[::1]:22223',
    FREESWITCH_MEDIA_ADDRESSES: '10.0.0.0/8, 2001:db8::/32,192.0.2.7',
    GUARD: 'always',
    PROVIDER_URL: 'https://localhost:8443/v1/',
    PROVIDER_CA_FILE: pki.ca.certificate,
    PROVIDER_CLIENT_CERT_FILE: pki.client.certificate,
    PROVIDER_CLIENT_KEY_FILE: pki.client.key,
    PROVIDER_PIN_KEY: 'ab'.repeat(32),
  });
  expect(config.database.url?.reveal()).toBe('postgres://u:p@db:5432/hushtone');
  expect(config.http.publicUrl).toBe('https://pay.example.com/base');
  expect(config.http.trustedProxies).toEqual(['10.0.0.1', 'fd00::/8']);
  expect(config.http.panelOrigins).toEqual(['https://desk.example.com', 'http://127.0.0.1:5173']);
  expect(config.rateLimits).toEqual({ address: 6000, client: 60, account: 6000 });
  expect(config.numbers).toMatchObject({ country: 'US' });
  expect(config.webhooks).toMatchObject({ allowPrivate: false, concurrency: 10 });
  expect(config.telephony.listenUrl).toBe('wss://listen.example.com');
  expect(config.telephony.rtpengine).toMatchObject({ protocol: 'tcp', host: '::1', port: 22223 });
  expect(config.telephony.rtpengine?.freeswitchMedia).toEqual([
    { address: '10.0.0.0', prefix: 8, family: 'ipv4' },
    { address: '2001:db8::', prefix: 32, family: 'ipv6' },
    { address: '192.0.2.7', prefix: 32, family: 'ipv4' },
  ]);
  expect(config.provider).toMatchObject({ url: 'https://localhost:8443/v1' });
  expect(config.payments).toEqual({
    allowPrivate: true,
    connectorInbound: false,
    mode: 'test',
    tokenStorage: 'provider',
    timeoutMs: 10_000,
    reconcileSeconds: 30,
  });
  expect(config.provider?.pinKey?.reveal()).toBe('ab'.repeat(32));
  expect(createPrivateKey(config.tls?.key.reveal() ?? '').asymmetricKeyType).toBe('rsa');
});

describe('addresses that are worked out', () => {
  test.each([
    [{}, 'http://127.0.0.1:8080', 'ws://127.0.0.1:8080'],
    [{ HTTP_HOST: '0.0.0.0', TELEPHONY_HOST: '::' }, 'http://localhost:8080', 'ws://localhost:8080'],
    [{ HTTP_HOST: '::1', TELEPHONY_HOST: '::1' }, 'http://[::1]:8080', 'ws://[::1]:8080'],
    [
      { PUBLIC_URL: 'https://a.example', LISTEN_URL: 'wss://b.example' },
      'https://a.example',
      'wss://b.example',
    ],
  ])('%o', (changes, publicUrl, listenUrl) => {
    const config = load(changes);
    expect(publicUrlOf(config, 8080)).toBe(publicUrl);
    expect(listenUrlOf(config, 8080)).toBe(listenUrl);
  });

  test('are encrypted when the listeners are', () => {
    const config = load({ TLS_CERT_FILE: pki.server.certificate, TLS_KEY_FILE: pki.server.key });
    expect(publicUrlOf(config, 1)).toBe('https://127.0.0.1:1');
    expect(listenUrlOf(config, 1)).toBe('wss://127.0.0.1:1');
  });
});

test('the configuration is frozen to its leaves', () => {
  const config = load({ TLS_CERT_FILE: pki.server.certificate, TLS_KEY_FILE: pki.server.key });
  const unfrozen: string[] = [];
  const visit = (value: unknown, path: string): void => {
    if (typeof value !== 'object' || value === null) return;
    if (!Object.isFrozen(value)) unfrozen.push(path);
    for (const [key, part] of Object.entries(value)) visit(part, `${path}.${key}`);
  };
  visit(config, 'config');
  expect(unfrozen).toEqual([]);
});

test('no secret shows in any print of the configuration', () => {
  const config = load({ DATABASE_URL: 'postgres://user:hunter2@db/x', PROVIDER_PIN_KEY: undefined });
  const prints = [inspect(config, { depth: 10, showHidden: true }), JSON.stringify(config)];
  for (const print of prints) {
    expect(print).not.toContain('hunter2');
    expect(print).not.toContain('correct-horse');
    expect(print).not.toContain('PRIVATE KEY');
  }
});

describe('mistakes', () => {
  test('are told all at once, each by name with what would be right', () => {
    const attempt = () =>
      loadConfig({
        NODE_ENV: 'prod',
        LOG_LEVEL: 'loud',
        HTTP_PORT: '80a',
        PUBLIC_URL: 'ftp://x',
        GUARD: 'never',
      });
    expect(attempt).toThrow(ConfigError);
    expect(() => loadConfig({ NODE_ENV: 'prod', HTTP_PORT: '80a' })).toThrow(/settings are not right:\n/);
    const names = [
      'NODE_ENV',
      'LOG_LEVEL',
      'HTTP_PORT',
      'PUBLIC_URL',
      'GUARD',
      'JAMBONZ_USERNAME',
      'JAMBONZ_PASSWORD',
      'RTPENGINE_URL',
      'FREESWITCH_MEDIA_ADDRESSES',
      'ROUTES',
      'TOKEN_SIGNING_KEY_FILE',
    ];
    for (const name of names) expect(attempt).toThrow(new RegExp(`^  ${name}: .+; expected .+$`, 'm'));
  });

  test.each<[Env, string[]]>([
    [{ INSTANCE_ID: 'a b' }, ['INSTANCE_ID']],
    [{ DATABASE_URL: 'mysql://x' }, ['DATABASE_URL']],
    [{ DATABASE_POOL_SIZE: '0' }, ['DATABASE_POOL_SIZE']],
    [{ DATABASE_POOL_SIZE: '1e2' }, ['DATABASE_POOL_SIZE']],
    [{ HTTP_PORT: '65536' }, ['HTTP_PORT']],
    [{ HTTP_PORT: '-1' }, ['HTTP_PORT']],
    [{ HTTP_PORT: '8081' }, ['TELEPHONY_PORT']],
    [{ HTTP_HOST: 'not a host' }, ['HTTP_HOST']],
    [{ PUBLIC_URL: 'https://user:pw@a.example' }, ['PUBLIC_URL']],
    [{ PUBLIC_URL: 'https://a.example/?x=1' }, ['PUBLIC_URL']],
    [{ LISTEN_URL: 'https://a.example' }, ['LISTEN_URL']],
    [{ JAMBONZ_USERNAME: 'a:b' }, ['JAMBONZ_USERNAME']],
    [{ JAMBONZ_PASSWORD: 'with space' }, ['JAMBONZ_PASSWORD']],
    [{ BRIDGE: 'sfu' }, ['BRIDGE']],
    [{ RTPENGINE_URL: 'http://127.0.0.1:1' }, ['RTPENGINE_URL']],
    [{ RTPENGINE_URL: 'udp://127.0.0.1' }, ['RTPENGINE_URL']],
    [{ RTPENGINE_TIMEOUT_MS: '99' }, ['RTPENGINE_TIMEOUT_MS']],
    [
      { FREESWITCH_MEDIA_ADDRESSES: '10.0.0.0/33,host' },
      ['FREESWITCH_MEDIA_ADDRESSES', 'FREESWITCH_MEDIA_ADDRESSES'],
    ],
    [{ FREESWITCH_MEDIA_ADDRESSES: ' , ' }, ['FREESWITCH_MEDIA_ADDRESSES']],
    [{ ROUTES_FILE: '/nowhere/routes.json' }, ['ROUTES']],
    [{ ROUTES: undefined, ROUTES_FILE: '/nowhere/routes.json' }, ['ROUTES_FILE']],
    [{ SECURE_TIMEOUT_MS: '30001' }, ['SECURE_TIMEOUT_MS']],
    [{ CAPTURE_TIMEOUT_SECONDS: '1801' }, ['CAPTURE_TIMEOUT_SECONDS']],
    [{ CAPTURE_INTER_DIGIT_TIMEOUT_SECONDS: '61' }, ['CAPTURE_INTER_DIGIT_TIMEOUT_SECONDS']],
    [
      { PROVIDER_URL: 'https://p.example' },
      ['PROVIDER_CA_FILE', 'PROVIDER_CLIENT_CERT_FILE', 'PROVIDER_CLIENT_KEY_FILE'],
    ],
    [{ PROVIDER_PIN_KEY: 'ab'.repeat(24) }, ['PROVIDER_PIN_KEY']],
    [{ TOKEN_ISSUER: 'a b' }, ['TOKEN_ISSUER']],
    [{ TOKEN_SIGNING_KEY_FILE: '/nowhere/key.pem' }, ['TOKEN_SIGNING_KEY_FILE']],
    [{ TRUSTED_PROXIES: '10.0.0.0/8,proxy,::1/129' }, ['TRUSTED_PROXIES', 'TRUSTED_PROXIES']],
    [{ PANEL_ORIGINS: 'https://desk.example/,https://desk.example' }, ['PANEL_ORIGINS']],
    [{ PANEL_ORIGINS: '*, null, desk.example' }, ['PANEL_ORIGINS', 'PANEL_ORIGINS', 'PANEL_ORIGINS']],
    [{ HTTP_HEADERS_TIMEOUT_MS: '20000' }, ['HTTP_REQUEST_TIMEOUT_MS']],
    [{ HTTP_KEEP_ALIVE_TIMEOUT_MS: '0' }, ['HTTP_KEEP_ALIVE_TIMEOUT_MS']],
    [{ RATE_LIMIT_CLIENT: '-1' }, ['RATE_LIMIT_CLIENT']],
    [{ NUMBERS_KEY: 'ab'.repeat(16) }, ['NUMBERS_KEY']],
    [{ WEBHOOKS_KEY: `${'ab'.repeat(32)},${'cd'.repeat(16)}` }, ['WEBHOOKS_KEY']],
    [{ WEBHOOK_ALLOW_PRIVATE: 'yes' }, ['WEBHOOK_ALLOW_PRIVATE']],
    [{ NODE_ENV: 'production', DATABASE_URL: 'postgres://db/x', WEBHOOKS_KEY: undefined }, ['WEBHOOKS_KEY']],
    [{ NUMBERS_COUNTRY: 'usa' }, ['NUMBERS_COUNTRY']],
    [{ NODE_ENV: 'production' }, ['DATABASE_URL']],
    [{ NODE_ENV: 'production', DATABASE_URL: 'postgres://db/x', HTTP_PORT: '0' }, ['HTTP_PORT']],
  ])('%o', (changes, variables) => {
    expect(variablesOf(changes)).toEqual(variables);
  });

  test('plain http to a provider is one', () => {
    const files = {
      PROVIDER_CA_FILE: pki.ca.certificate,
      PROVIDER_CLIENT_CERT_FILE: pki.client.certificate,
      PROVIDER_CLIENT_KEY_FILE: pki.client.key,
    };
    expect(variablesOf({ ...files, PROVIDER_URL: 'http://p.example' })).toEqual(['PROVIDER_URL']);
  });

  test('a certificate without its key, a key without its certificate, and a pair that is none', () => {
    expect(variablesOf({ TLS_CERT_FILE: pki.server.certificate })).toEqual(['TLS_KEY_FILE']);
    expect(variablesOf({ TLS_KEY_FILE: pki.server.key })).toEqual(['TLS_CERT_FILE']);
    expect(variablesOf({ TLS_CERT_FILE: pki.server.certificate, TLS_KEY_FILE: pki.client.key })).toEqual([
      'TLS_KEY_FILE',
    ]);
    expect(variablesOf({ TLS_CERT_FILE: pki.server.key, TLS_KEY_FILE: pki.server.key })).toEqual([
      'TLS_CERT_FILE',
    ]);
  });

  test('a token key of another kind', async () => {
    const file = join(fixture.directory, 'other.pem');
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    await writeFile(file, privateKey.export({ type: 'pkcs8', format: 'pem' }));
    expect(variablesOf({ TOKEN_SIGNING_KEY_FILE: file })).toEqual(['TOKEN_SIGNING_KEY_FILE']);
  });

  test('never quote a secret', () => {
    const secrets = {
      DATABASE_URL: 'hunter2 is no url',
      PROVIDER_PIN_KEY: 'hunter2',
      JAMBONZ_PASSWORD: 'hunter2 with space',
    };
    expect(variablesOf(secrets)).toHaveLength(3);
    expect(JSON.stringify(problemsOf(secrets))).not.toContain('hunter2');
    expect(JSON.stringify(problemsOf({ PUBLIC_URL: 'ftp://me:hunter2@a.example' }))).not.toContain('hunter2');
  });

  test('whatever the values, the only error is one that names settings', () => {
    const env = fc.dictionary(fc.constantFrom(...Object.keys(SETTINGS)), fc.string());
    fc.assert(
      fc.property(env, (changes) => {
        for (const variable of variablesOf(changes)) expect(Object.keys(SETTINGS)).toContain(variable);
      }),
    );
  });
});

describe('the settings of the token command', () => {
  test('need nothing else', () => {
    const tokens = loadTokenSettings({ TOKEN_SIGNING_KEY_FILE: pki.tokenSigningKey, TOKEN_AUDIENCE: 'api' });
    expect(tokens).toMatchObject({ issuer: 'hushtone', audience: 'api' });
    // The explanatory text of the file is gone: readers of PKCS#8 may want the block alone.
    expect(tokens.signingKey.reveal()).toMatch(/^-----BEGIN PRIVATE KEY-----/);
  });

  test('are checked the same', () => {
    expect(() => loadTokenSettings({})).toThrow(/TOKEN_SIGNING_KEY_FILE/);
  });
});
