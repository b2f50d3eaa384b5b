import { parseAddressBlock } from './address-blocks.ts';
import type { Config } from './config.ts';
import { HOST, readPort } from './listener.ts';
import { readIdentity } from './pem.ts';
import type { SettingReader } from './setting-reader.ts';
import { withoutTrailingSlash } from './url-text.ts';

export function readTls(reader: SettingReader): Config['tls'] {
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

export function readHttp(reader: SettingReader, production: boolean): Config['http'] {
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
