import type { SecureContextOptions, TlsOptions } from 'node:tls';

/** PCI DSS 4.2.1 wants strong cryptography: nothing below TLS 1.2. */
const OLDEST_VERSION = 'TLSv1.2';

/** PEM texts. */
export interface TlsServerMaterial {
  readonly certificate: string;
  readonly key: string;
  /** Clients must show a certificate that one of these has signed (mutual TLS). Absent: clients show none. */
  readonly clientCa?: string;
}

/** PEM texts. */
export interface TlsClientMaterial {
  /** Who may have signed the server's certificate; the system's authorities are then not trusted. Absent: those are. */
  readonly ca?: string;
  /** What this client shows when the server asks. */
  readonly certificate?: string;
  readonly key?: string;
}

export function tlsServerOptions(material: TlsServerMaterial): TlsOptions {
  const { certificate, key, clientCa } = material;
  return {
    cert: certificate,
    key,
    minVersion: OLDEST_VERSION,
    ...(clientCa !== undefined && { ca: clientCa, requestCert: true, rejectUnauthorized: true }),
  };
}

export function tlsClientOptions(
  material: TlsClientMaterial,
): SecureContextOptions & { rejectUnauthorized: true } {
  const { ca, certificate, key } = material;
  return {
    ...(ca !== undefined && { ca }),
    minVersion: OLDEST_VERSION,
    rejectUnauthorized: true,
    ...(certificate !== undefined && { cert: certificate }),
    ...(key !== undefined && { key }),
  };
}
