import type { Config } from './config.ts';
import { readCertificates, readIdentity } from './pem.ts';
import type { SettingReader } from './setting-reader.ts';
import { withoutTrailingSlash } from './url-text.ts';

const PIN_KEY = /^(?:[0-9a-fA-F]{32}|[0-9a-fA-F]{64})$/;

/** The provider that the installation brings. */
export function readProvider(reader: SettingReader): Config['provider'] {
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

export function readPayments(reader: SettingReader, production: boolean): Config['payments'] {
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
