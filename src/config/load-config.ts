import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { Secret } from '../secrets/secret.ts';
import { parseAddressBlock } from './address-blocks.ts';
import { ConfigError } from './config-error.ts';
import type { AddressBlock, Config, RouteConfig } from './config.ts';
import { deepFreeze } from './freeze.ts';
import { readKeys } from './keys.ts';
import { readCertificates, readIdentity, readSigningKey } from './pem.ts';
import { parseRoutes } from './routes.ts';
import { SettingReader } from './setting-reader.ts';
import { readTokens } from './tokens.ts';

const INSTANCE_ID = /^[A-Za-z0-9._-]{1,255}$/;
const DATABASE_URL = /^postgres(?:ql)?:\/\/\S+$/;
/** RFC 7617 section 2: a user name with a colon cannot be told from the password. */
const USERNAME = /^[^:]{1,255}$/;
const PASSWORD = /^\S{1,255}$/;
const PIN_KEY = /^(?:[0-9a-fA-F]{32}|[0-9a-fA-F]{64})$/;
const NUMBERS_KEY = /^(?:[0-9a-fA-F]{64}|[A-Za-z0-9+/_-]{43}=?)$/;
const WEBHOOKS_KEYS = /^[0-9a-fA-F]{64}(?:,[0-9a-fA-F]{64})*$/;
const COUNTRY = /^[A-Z]{2}$/;
const ENGINE_VERSION = /^(?:mr)?\d{1,3}\.\d{1,3}[\w.~+-]{0,64}$/;
const HOST = /^[A-Za-z0-9._:-]{1,255}$/;

/** Stands in for a value that was reported, and never leaves this file. */
const NOTHING = new Secret('');

const withoutTrailingSlash = (url: URL): string => url.href.replace(/\/+$/, '');

/** Whole pages, whatever their size: the largest of Linux has 64 KiB. */
function readSecretMemory(reader: SettingReader): number {
  const kibibytes = reader.integer('SECRET_MEMORY_KIB');
  if (kibibytes % 64 !== 0) reader.report('SECRET_MEMORY_KIB', `${kibibytes} is no multiple of 64`);
  return kibibytes * 1024;
}

function readDatabase(reader: SettingReader, production: boolean): Config['database'] {
  const url = reader.secret('DATABASE_URL', DATABASE_URL);
  if (production && url === undefined) reader.missing('DATABASE_URL', 'in production');
  return {
    ...(url !== undefined && { url }),
    dataDir: resolve(reader.text('DATA_DIR') ?? ''),
    poolSize: reader.integer('DATABASE_POOL_SIZE'),
  };
}

function readPort(reader: SettingReader, name: 'HTTP_PORT' | 'TELEPHONY_PORT', production: boolean): number {
  const port = reader.integer(name);
  if (port === 0 && production) reader.report(name, '0 is not a fixed port', '1 to 65535 in production');
  return port;
}

function readTls(reader: SettingReader): Config['tls'] {
  const certificate = reader.has('TLS_CERT_FILE');
  const key = reader.has('TLS_KEY_FILE');
  if (certificate && !key) reader.missing('TLS_KEY_FILE', 'with `TLS_CERT_FILE`');
  if (key && !certificate) reader.missing('TLS_CERT_FILE', 'with `TLS_KEY_FILE`');
  return readIdentity(reader, 'TLS_CERT_FILE', 'TLS_KEY_FILE');
}

/** The parts of a list between its commas. */
function itemsOf(reader: SettingReader, name: 'TRUSTED_PROXIES' | 'PANEL_ORIGINS'): string[] {
  const items = (reader.text(name) ?? '').split(',').map((item) => item.trim());
  return items.filter((item) => item !== '');
}

function readTrustedProxies(reader: SettingReader): string[] {
  const blocks = itemsOf(reader, 'TRUSTED_PROXIES');
  for (const block of blocks) {
    if (parseAddressBlock(block) === undefined) {
      reader.report('TRUSTED_PROXIES', `${JSON.stringify(block)} is no address or block`);
    }
  }
  return blocks;
}

function readPanelOrigins(reader: SettingReader): string[] {
  const origins = itemsOf(reader, 'PANEL_ORIGINS');
  for (const origin of origins) {
    const url = URL.canParse(origin) ? new URL(origin) : undefined;
    if (url?.origin !== origin || !['https:', 'http:'].includes(url.protocol)) {
      reader.report('PANEL_ORIGINS', `${JSON.stringify(origin)} is no origin`);
    }
  }
  return origins;
}

function readWebhooks(reader: SettingReader, production: boolean): Config['webhooks'] {
  const keys = reader.secret('WEBHOOKS_KEY', WEBHOOKS_KEYS);
  if (production && keys === undefined) reader.missing('WEBHOOKS_KEY', 'in production');
  return {
    ...(keys !== undefined && {
      keys: keys
        .reveal()
        .split(',')
        .map((key) => new Secret(key)),
    }),
    allowPrivate: reader.choice('WEBHOOK_ALLOW_PRIVATE') === 'true',
    concurrency: reader.integer('WEBHOOK_CONCURRENCY'),
  };
}

function readNumbers(reader: SettingReader): Config['numbers'] {
  const key = reader.secret('NUMBERS_KEY', NUMBERS_KEY);
  const country = reader.text('NUMBERS_COUNTRY', COUNTRY);
  return { ...(key !== undefined && { key }), ...(country !== undefined && { country }) };
}

function readHttp(reader: SettingReader, production: boolean): Config['http'] {
  const publicUrl = reader.url('PUBLIC_URL', ['http:', 'https:']);
  const headersTimeoutMs = reader.integer('HTTP_HEADERS_TIMEOUT_MS');
  const requestTimeoutMs = reader.integer('HTTP_REQUEST_TIMEOUT_MS');
  if (headersTimeoutMs > requestTimeoutMs) {
    reader.report('HTTP_REQUEST_TIMEOUT_MS', 'is shorter than `HTTP_HEADERS_TIMEOUT_MS`');
  }
  return {
    host: reader.text('HTTP_HOST', HOST) ?? '',
    port: readPort(reader, 'HTTP_PORT', production),
    askForCertificates: reader.choice('CLIENT_CERTIFICATES') === 'optional',
    ...(publicUrl !== undefined && { publicUrl: withoutTrailingSlash(publicUrl) }),
    trustedProxies: readTrustedProxies(reader),
    panelOrigins: readPanelOrigins(reader),
    headersTimeoutMs,
    requestTimeoutMs,
    keepAliveTimeoutMs: reader.integer('HTTP_KEEP_ALIVE_TIMEOUT_MS'),
  };
}

function readMediaAddresses(reader: SettingReader): AddressBlock[] {
  const list = reader.text('FREESWITCH_MEDIA_ADDRESSES') ?? '';
  const items = list.split(',').map((item) => item.trim());
  const texts = items.filter((item) => item !== '');
  if (list !== '' && texts.length === 0) reader.report('FREESWITCH_MEDIA_ADDRESSES', 'holds no address');
  return texts.flatMap((text) => {
    const block = parseAddressBlock(text);
    if (block !== undefined) return [block];
    reader.report('FREESWITCH_MEDIA_ADDRESSES', `${JSON.stringify(text)} is no address or block`);
    return [];
  });
}

function readRtpengine(reader: SettingReader, bridge: string): Config['telephony']['rtpengine'] {
  const timeoutMs = reader.integer('RTPENGINE_TIMEOUT_MS');
  const url = reader.url('RTPENGINE_URL', ['udp:', 'tcp:']);
  const version = reader.text('RTPENGINE_VERSION', ENGINE_VERSION);
  const sentinelAddress = reader.text('SENTINEL_ADDRESS');
  if (sentinelAddress !== undefined && isIP(sentinelAddress) === 0) {
    reader.report('SENTINEL_ADDRESS', 'is no IP address');
  }
  const freeswitchMedia = readMediaAddresses(reader);
  if (bridge === 'dial') {
    if (!reader.has('RTPENGINE_URL')) reader.missing('RTPENGINE_URL', 'with `BRIDGE=dial`');
    if (!reader.has('FREESWITCH_MEDIA_ADDRESSES')) {
      reader.missing('FREESWITCH_MEDIA_ADDRESSES', 'with `BRIDGE=dial`');
    }
  }
  if (url === undefined) return undefined;
  if (url.port === '' || url.port === '0' || !['', '/'].includes(url.pathname)) {
    reader.report('RTPENGINE_URL', 'has no port, or a path');
  }
  return {
    protocol: url.protocol === 'tcp:' ? 'tcp' : 'udp',
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(url.port),
    timeoutMs,
    freeswitchMedia,
    ...(version !== undefined && { version }),
    ...(sentinelAddress !== undefined && { sentinelAddress }),
  };
}

function readTelephony(reader: SettingReader, production: boolean): Config['telephony'] {
  const bridge = reader.choice('BRIDGE');
  const listenUrl = reader.url('LISTEN_URL', ['ws:', 'wss:']);
  const username = reader.text('JAMBONZ_USERNAME', USERNAME);
  const password = reader.secret('JAMBONZ_PASSWORD', PASSWORD);
  if (username === undefined) reader.missing('JAMBONZ_USERNAME', 'always');
  if (password === undefined) reader.missing('JAMBONZ_PASSWORD', 'always');
  const rtpengine = readRtpengine(reader, bridge);
  return {
    host: reader.text('TELEPHONY_HOST', HOST) ?? '',
    port: readPort(reader, 'TELEPHONY_PORT', production),
    ...(listenUrl !== undefined && { listenUrl: withoutTrailingSlash(listenUrl) }),
    username: username ?? '',
    password: password ?? NOTHING,
    bridge,
    agentTimeoutSeconds: reader.integer('AGENT_TIMEOUT_SECONDS'),
    ...(rtpengine !== undefined && { rtpengine }),
  };
}

function readRoutes(reader: SettingReader): Record<string, RouteConfig> {
  const inline = reader.text('ROUTES');
  const isInFile = reader.has('ROUTES_FILE');
  if (inline !== undefined && isInFile) {
    reader.report('ROUTES', 'is set together with `ROUTES_FILE`', 'only one of the two');
  }
  if (inline === undefined && !isInFile) reader.missing('ROUTES', 'unless `ROUTES_FILE` is set');
  const json = inline ?? reader.file('ROUTES_FILE');
  if (json === undefined) return {};
  const { routes, faults } = parseRoutes(json);
  const name = inline === undefined ? 'ROUTES_FILE' : 'ROUTES';
  for (const fault of faults) reader.report(name, fault);
  return routes;
}

function readProvider(reader: SettingReader): Config['provider'] {
  const url = reader.url('PROVIDER_URL', ['https:']);
  const ca = readCertificates(reader, 'PROVIDER_CA_FILE');
  const identity = readIdentity(reader, 'PROVIDER_CLIENT_CERT_FILE', 'PROVIDER_CLIENT_KEY_FILE');
  const pinKey = reader.secret('PROVIDER_PIN_KEY', PIN_KEY);
  if (!reader.has('PROVIDER_URL')) return undefined;
  for (const name of ['PROVIDER_CA_FILE', 'PROVIDER_CLIENT_CERT_FILE', 'PROVIDER_CLIENT_KEY_FILE'] as const) {
    if (!reader.has(name)) reader.missing(name, 'with `PROVIDER_URL`');
  }
  if (url === undefined || ca === undefined || identity === undefined) return undefined;
  return {
    url: withoutTrailingSlash(url),
    ca,
    identity,
    ...(pinKey !== undefined && { pinKey }),
  };
}

function readPayments(reader: SettingReader, production: boolean): Config['payments'] {
  return {
    mode: reader.choice('PAYMENT_MODE', production ? 'live' : 'test'),
    allowPrivate: reader.choice('PROVIDER_ALLOW_PRIVATE', production ? 'false' : 'true') === 'true',
    tokenStorage: reader.choice('TOKEN_STORAGE'),
    connectorInbound: reader.choice('CONNECTOR_INBOUND') === 'on',
    timeoutMs: reader.integer('PROVIDER_TIMEOUT_MS'),
    reconcileSeconds: reader.integer('RECONCILE_SECONDS'),
    ...readChaosPoint(reader),
  };
}

function readChaosPoint(reader: SettingReader): Pick<Config['payments'], 'chaosPoint'> {
  const arrival = reader.integer('CHAOS_KILL_ARRIVAL');
  return reader.has('CHAOS_KILL_AT')
    ? { chaosPoint: { point: reader.choice('CHAOS_KILL_AT', 'before_write'), arrival } }
    : {};
}

function readAudit(reader: SettingReader, production: boolean): Config['audit'] {
  if (production && !reader.has('AUDIT_SIGNING_KEY_FILE')) {
    reader.missing('AUDIT_SIGNING_KEY_FILE', 'in production');
  }
  const signingKey = readSigningKey(reader, 'AUDIT_SIGNING_KEY_FILE');
  const certificate = reader.has('AUDIT_EXPORT_CERT_FILE');
  const key = reader.has('AUDIT_EXPORT_KEY_FILE');
  if (certificate && !key) reader.missing('AUDIT_EXPORT_KEY_FILE', 'with `AUDIT_EXPORT_CERT_FILE`');
  if (key && !certificate) reader.missing('AUDIT_EXPORT_CERT_FILE', 'with `AUDIT_EXPORT_KEY_FILE`');
  const exportIdentity = readIdentity(reader, 'AUDIT_EXPORT_CERT_FILE', 'AUDIT_EXPORT_KEY_FILE');
  return {
    checkpointSeconds: reader.integer('AUDIT_CHECKPOINT_SECONDS'),
    ...(signingKey !== undefined && { signingKey }),
    ...(exportIdentity !== undefined && { exportIdentity }),
  };
}

/** Which database, without the rest: for commands that need no more. Throws a `ConfigError`. */
export function loadDatabaseSettings(env: Readonly<Record<string, string | undefined>>): Config['database'] {
  const reader = new SettingReader(env);
  const database = readDatabase(reader, reader.choice('NODE_ENV') === 'production');
  if (reader.problems.length > 0) throw new ConfigError(reader.problems);
  return deepFreeze(database);
}

/** Where the keys of the vault are, without the rest: for the commands that change them. Throws a `ConfigError`. */
export function loadKeySettings(
  env: Readonly<Record<string, string | undefined>>,
): Pick<Config, 'keys' | 'environment' | 'numbers'> & { readonly dataDir: string } {
  const reader = new SettingReader(env);
  const environment = reader.choice('NODE_ENV');
  const keys = readKeys(reader);
  const numbers = readNumbers(reader);
  const { dataDir } = readDatabase(reader, environment === 'production');
  if (reader.problems.length > 0) throw new ConfigError(reader.problems);
  return deepFreeze({ environment, keys, numbers, dataDir });
}

/** What payment providers are reached with, without the rest. Throws a `ConfigError`. */
export function loadProviderSettings(
  env: Readonly<Record<string, string | undefined>>,
): Pick<Config, 'payments' | 'provider'> {
  const reader = new SettingReader(env);
  const payments = readPayments(reader, reader.choice('NODE_ENV') === 'production');
  const provider = readProvider(reader);
  if (reader.problems.length > 0) throw new ConfigError(reader.problems);
  return deepFreeze({ payments, ...(provider !== undefined && { provider }) });
}

/** What the audit commands need, without the rest. Throws a `ConfigError`. */
export function loadAuditSettings(env: Readonly<Record<string, string | undefined>>): Config['audit'] {
  const reader = new SettingReader(env);
  const audit = readAudit(reader, false);
  if (reader.problems.length > 0) throw new ConfigError(reader.problems);
  return deepFreeze(audit);
}

/** The HTTP and the telephony listener are two: a fixed port serves one of them on an address. */
function refuseSharedPort(reader: SettingReader, config: Config): void {
  const { http, telephony } = config;
  if (http.port === 0 || http.port !== telephony.port || http.host !== telephony.host) return;
  reader.report('TELEPHONY_PORT', `${telephony.port} is the port of the HTTP listener too`, 'another port');
}

/**
 * The configuration that `env` and the files it names describe, frozen to its leaves.
 *
 * Throws a `ConfigError` with every mistake at once. What is fit for development only is refused by
 * `assertServable`, not here.
 */
export function loadConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const reader = new SettingReader(env);
  const environment = reader.choice('NODE_ENV');
  const production = environment === 'production';
  const tls = readTls(reader);
  const provider = readProvider(reader);
  const config: Config = {
    environment,
    logLevel: reader.choice('LOG_LEVEL'),
    instanceId: reader.text('INSTANCE_ID', INSTANCE_ID) ?? hostname(),
    secretMemoryBytes: readSecretMemory(reader),
    database: readDatabase(reader, production),
    ...(tls !== undefined && { tls }),
    http: readHttp(reader, production),
    rateLimits: {
      address: reader.integer('RATE_LIMIT_ADDRESS'),
      client: reader.integer('RATE_LIMIT_CLIENT'),
      account: reader.integer('RATE_LIMIT_ACCOUNT'),
    },
    webhooks: readWebhooks(reader, production),
    keys: readKeys(reader),
    numbers: readNumbers(reader),
    telephony: readTelephony(reader, production),
    routes: readRoutes(reader),
    capture: {
      guard: reader.choice('GUARD'),
      secureTimeoutMs: reader.integer('SECURE_TIMEOUT_MS'),
      interDigitTimeoutSeconds: reader.integer('CAPTURE_INTER_DIGIT_TIMEOUT_SECONDS'),
      timeoutSeconds: reader.integer('CAPTURE_TIMEOUT_SECONDS'),
    },
    payments: readPayments(reader, production),
    ...(provider !== undefined && { provider }),
    tokens: readTokens(reader),
    cardTokens: {
      binDigits: reader.choice('TOKEN_BIN_DIGITS') === '8' ? 8 : 6,
      lookAlike: reader.choice('TOKEN_LOOK_ALIKE') === 'on',
      retentionDays: reader.integer('TOKEN_RETENTION_DAYS'),
    },
    audit: readAudit(reader, production),
    files: reader.files,
  };
  refuseSharedPort(reader, config);
  if (config.http.askForCertificates && tls === undefined) {
    reader.report('CLIENT_CERTIFICATES', 'is `optional` without `TLS_CERT_FILE`', '`none`, or a certificate');
  }
  if (reader.problems.length > 0) throw new ConfigError(reader.problems);
  return deepFreeze(config);
}

/** Where the database is, without the rest: for the command that brings its schema up to date. Throws a `ConfigError`. */
export function loadDatabaseUrl(env: Readonly<Record<string, string | undefined>>): Secret {
  const reader = new SettingReader(env);
  const url = reader.secret('DATABASE_URL', DATABASE_URL);
  if (url === undefined && !reader.has('DATABASE_URL')) reader.missing('DATABASE_URL', 'always');
  if (url === undefined || reader.problems.length > 0) throw new ConfigError(reader.problems);
  return url;
}

/** What signs access tokens, without the rest: for the command that issues one. Throws a `ConfigError`. */
export function loadTokenSettings(env: Readonly<Record<string, string | undefined>>): Config['tokens'] {
  const reader = new SettingReader(env);
  const tokens = readTokens(reader);
  if (reader.problems.length > 0) throw new ConfigError(reader.problems);
  return deepFreeze(tokens);
}
