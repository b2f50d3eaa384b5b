import type { Secret } from '../secrets/secret.ts';
import { readAudit } from './audit.ts';
import { ConfigError } from './config-error.ts';
import type { Config } from './config.ts';
import { DATABASE_URL, readDatabase } from './database.ts';
import { deepFreeze } from './freeze.ts';
import { readHttp, readTls } from './http.ts';
import { readKeys } from './keys.ts';
import { readNumbers } from './numbers.ts';
import { readPayments, readProvider } from './payments.ts';
import { readInstance, readSecretMemory } from './process.ts';
import { readRoutes } from './routes.ts';
import { SettingReader } from './setting-reader.ts';
import { readTelephony } from './telephony.ts';
import { readTokens } from './tokens.ts';
import { readWebhooks } from './webhooks.ts';

type Env = Readonly<Record<string, string | undefined>>;

/**
 * The configuration that `env` and the files it names describe, frozen to its leaves.
 *
 * Throws a `ConfigError` with every mistake at once. What is fit for development only is refused by
 * `assertServable`, not here.
 */
export function loadConfig(env: Env): Config {
  const reader = new SettingReader(env);
  const environment = reader.choice('NODE_ENV');
  const production = environment === 'production';
  const tls = readTls(reader);
  const provider = readProvider(reader);
  const config: Config = {
    environment,
    logLevel: reader.choice('LOG_LEVEL'),
    ...readInstance(reader),
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
  refuseSharedKey(reader, config);
  if (config.http.askForCertificates && tls === undefined) {
    reader.report('CLIENT_CERTIFICATES', 'is `optional` without `TLS_CERT_FILE`', '`none`, or a certificate');
  }
  if (reader.problems.length > 0) throw new ConfigError(reader.problems);
  return deepFreeze(config);
}

/** The HTTP and the telephony listener are two: a fixed port serves one of them on an address. */
function refuseSharedPort(reader: SettingReader, config: Config): void {
  const { http, telephony } = config;
  if (http.port === 0 || http.port !== telephony.port || http.host !== telephony.host) return;
  reader.report('TELEPHONY_PORT', `${telephony.port} is the port of the HTTP listener too`, 'another port');
}

/** Who could sign access tokens would vouch for the record of what was done with them. */
function refuseSharedKey(reader: SettingReader, { audit, tokens }: Config): void {
  if (audit.signingKey?.reveal() !== tokens.signingKey.reveal()) return;
  reader.report('AUDIT_SIGNING_KEY_FILE', 'holds the key of `TOKEN_SIGNING_KEY_FILE`', 'a key of its own');
}

/** What `read` makes of the settings that it needs, frozen to its leaves. */
function loadPart<T>(env: Env, read: (reader: SettingReader) => T): T {
  const reader = new SettingReader(env);
  const part = read(reader);
  if (reader.problems.length > 0) throw new ConfigError(reader.problems);
  return deepFreeze(part);
}

const inProduction = (reader: SettingReader): boolean => reader.choice('NODE_ENV') === 'production';

/** Which database, without the rest: for commands that need no more. Throws a `ConfigError`. */
export function loadDatabaseSettings(env: Env): Config['database'] {
  return loadPart(env, (reader) => readDatabase(reader, inProduction(reader)));
}

/** Where the keys of the vault are, without the rest: for the commands that change them. Throws a `ConfigError`. */
export function loadKeySettings(
  env: Env,
): Pick<Config, 'keys' | 'environment' | 'numbers'> & { readonly dataDir: string } {
  return loadPart(env, (reader) => {
    const environment = reader.choice('NODE_ENV');
    const keys = readKeys(reader);
    const numbers = readNumbers(reader);
    const { dataDir } = readDatabase(reader, environment === 'production');
    return { environment, keys, numbers, dataDir };
  });
}

/** What payment providers are reached with, without the rest. Throws a `ConfigError`. */
export function loadProviderSettings(env: Env): Pick<Config, 'payments' | 'provider'> {
  return loadPart(env, (reader) => {
    const payments = readPayments(reader, inProduction(reader));
    const provider = readProvider(reader);
    return { payments, ...(provider !== undefined && { provider }) };
  });
}

/** What the audit commands need, without the rest. Throws a `ConfigError`. */
export function loadAuditSettings(env: Env): Config['audit'] {
  return loadPart(env, (reader) => readAudit(reader, false));
}

/** What signs access tokens, without the rest: for the command that issues one. Throws a `ConfigError`. */
export function loadTokenSettings(env: Env): Config['tokens'] {
  return loadPart(env, readTokens);
}

/** Where the database is, without the rest: for the command that brings its schema up to date. Throws a `ConfigError`. */
export function loadDatabaseUrl(env: Env): Secret {
  const reader = new SettingReader(env);
  const url = reader.secret('DATABASE_URL', DATABASE_URL);
  if (url === undefined && !reader.has('DATABASE_URL')) reader.missing('DATABASE_URL', 'always');
  if (url === undefined || reader.problems.length > 0) throw new ConfigError(reader.problems);
  return url;
}
