import type { LogLevel } from '../kernel/logger.ts';
import type { Secret } from '../secrets/secret.ts';

export type Environment = 'development' | 'production' | 'test';

/** A host and a port to listen on. Port 0, outside production only, means a free port. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** A certificate (PEM, chain allowed) and its private key (PEM). */
export interface TlsIdentity {
  readonly certificate: string;
  readonly key: Secret;
}

/** An address block. `prefix` 32 (IPv4) or 128 (IPv6) is a single address. */
export interface AddressBlock {
  readonly address: string;
  readonly prefix: number;
  readonly family: 'ipv4' | 'ipv6';
}

export interface RouteConfig {
  readonly accountId: string;
  readonly agentId: string;
  /** A jambonz dial target. */
  readonly target: Readonly<Record<string, unknown>>;
  readonly recording?: Readonly<Record<string, unknown>>;
}

/** A file that a setting names, kept so that the checks for production can look at where it lies and what it is. */
export interface NamedFile {
  readonly variable: string;
  readonly path: string;
  /** The file says of itself that it was made for development. */
  readonly development: boolean;
}

export interface ExternalIssuerConfig {
  readonly issuer: string;
  readonly audience: string;
  readonly algorithm: 'RS256' | 'PS256' | 'ES256' | 'ES384' | 'EdDSA';
  readonly tokenType: 'at+jwt' | 'JWT';
  readonly accountClaim: string;
  readonly rolesClaim: string;
  /** Where the keys are fetched (`ca`: PEM, the only authorities trusted for it), or a JWK set as JSON text. */
  readonly keys: { readonly url: string; readonly ca?: string } | { readonly jwks: string };
}

export interface AuditConfig {
  /** PKCS#8 PEM, Ed25519. Absent, outside production only: no checkpoints are made. */
  readonly signingKey?: Secret;
  readonly checkpointSeconds: number;
  /** An RSA certificate and key. Absent: manifests of exports are not signed. */
  readonly exportIdentity?: TlsIdentity;
}

type KeyProviderName = 'file' | 'env' | 'pkcs11' | 'development';

/** Where the keys of the vault are. Files are named and not read: the vault reads them when it needs them. */
export interface KeysConfig {
  /** Makes new keys. */
  readonly provider: KeyProviderName;
  /** Open what was stored before. */
  readonly previous: readonly KeyProviderName[];
  /** Present when one of them is `file`. Paths are absolute. */
  readonly file?: {
    readonly path: string;
    readonly passphraseFile?: string;
    readonly shareFiles?: readonly string[];
  };
  /** Present when one of them is `env`. */
  readonly environment?: readonly {
    readonly id: string;
    readonly purpose:
      'card_data' | 'phone_numbers' | 'fingerprints' | 'passcode_pepper' | 'grants' | 'provider_credentials';
    /** 32 bytes in hexadecimal. */
    readonly key: Secret;
  }[];
  /** Present when one of them is `pkcs11`. Paths are absolute. */
  readonly pkcs11?: { readonly module: string; readonly tokenLabel: string; readonly pinFile: string };
}

/** The whole configuration: read once, checked, frozen to its leaves and passed down. */
export interface Config {
  readonly environment: Environment;
  readonly logLevel: LogLevel;
  readonly instanceId: string;
  /** `INSTANCE_ID` is not set. */
  readonly instanceIdIsHostName: boolean;
  /** How much memory is locked for secrets: a multiple of 64 KiB. */
  readonly secretMemoryBytes: number;
  readonly database: {
    /** Absent: an embedded PostgreSQL in `dataDir`. */
    readonly url?: Secret;
    /** Absolute. */
    readonly dataDir: string;
    readonly poolSize: number;
  };
  /** Serves both listeners. Absent: both speak plain text. */
  readonly tls?: TlsIdentity;
  readonly http: ListenAddress & {
    /** The listener asks TLS clients for a certificate, and does without when there is none (RFC 8705). */
    readonly askForCertificates: boolean;
    /** No trailing slash. Absent when neither PUBLIC_URL nor a fixed port is set: see `publicUrlOf`. */
    readonly publicUrl?: string;
    /** Addresses and CIDR blocks. */
    readonly trustedProxies: readonly string[];
    /** Origins (RFC 6454), as a browser writes them. */
    readonly panelOrigins: readonly string[];
    readonly headersTimeoutMs: number;
    readonly requestTimeoutMs: number;
    readonly keepAliveTimeoutMs: number;
  };
  /** Requests a minute to this process; 0 for no limit. */
  readonly rateLimits: { readonly address: number; readonly client: number; readonly account: number };
  readonly webhooks: {
    /** Each 32 bytes in hexadecimal; the first seals. Absent, outside production only: one made in `database.dataDir`. */
    readonly keys?: readonly Secret[];
    readonly allowPrivate: boolean;
    readonly concurrency: number;
  };
  readonly keys: KeysConfig;
  readonly numbers: {
    /** 32 bytes in hexadecimal or base64: opens numbers from before the key ring. */
    readonly key?: Secret;
    readonly country?: string;
  };
  readonly telephony: ListenAddress & {
    /** `ws:` or `wss:`, no trailing slash. Absent when neither LISTEN_URL nor a fixed port is set: see `listenUrlOf`. */
    readonly listenUrl?: string;
    readonly username: string;
    readonly password: Secret;
    readonly bridge: 'dial' | 'conference';
    readonly agentTimeoutSeconds: number;
    /** Always present with the `dial` bridge. */
    readonly rtpengine?: {
      readonly protocol: 'udp' | 'tcp';
      readonly host: string;
      readonly port: number;
      readonly timeoutMs: number;
      /** Where FreeSWITCH's media comes from: rtpengine's tag with such an endpoint is the agent-bound stream. */
      readonly freeswitchMedia: readonly AddressBlock[];
      /** As the operator gives it: the engine does not tell it. */
      readonly version?: string;
      /** Where a sentinel may receive a copy of the agent-bound stream. */
      readonly sentinelAddress?: string;
    };
  };
  /** By the called number. */
  readonly routes: Readonly<Record<string, RouteConfig>>;
  readonly capture: {
    readonly guard: 'until_proven' | 'always';
    readonly secureTimeoutMs: number;
    readonly interDigitTimeoutSeconds: number;
    readonly timeoutSeconds: number;
  };
  readonly payments: {
    /** Providers of accounts may be at private addresses. */
    readonly allowPrivate: boolean;
    /** Of captures and payments that do not name one. */
    readonly mode: 'test' | 'live';
    readonly tokenStorage: 'provider' | 'vault';
    /** Whether other voice platforms may hand card details over. */
    readonly connectorInbound: boolean;
    /** For each exchange with any provider. */
    readonly timeoutMs: number;
    readonly reconcileSeconds: number;
    /** For tests: where an attempt comes to when the process dies. Never in production. */
    readonly chaosPoint?: {
      readonly point: 'before_write' | 'after_write' | 'after_send' | 'after_answer' | 'before_commit';
      readonly arrival: number;
    };
  };
  /** The one that the installation brings. Absent: accounts have only those that they configure. */
  readonly provider?: {
    readonly url: string;
    /** PEM: who may have signed the provider's certificate. */
    readonly ca: string;
    readonly identity: TlsIdentity;
    /** AES key in hex, 32 or 64 characters, for ISO 9564-1 format 4 PIN blocks. */
    readonly pinKey?: Secret;
  };
  readonly tokens: {
    readonly issuer: string;
    readonly audience: string;
    /** PKCS#8 PEM, Ed25519. */
    readonly signingKey: Secret;
    /** SPKI PEM, Ed25519: keys that verify and do not sign. */
    readonly previousKeys: readonly string[];
    /** Another authorization server whose tokens are taken too. */
    readonly external?: ExternalIssuerConfig;
  };
  readonly cardTokens: {
    /** How many first digits of a stored card are shown. */
    readonly binDigits: 6 | 8;
    /** Every token gets 16 digits that are no card's, too. */
    readonly lookAlike: boolean;
    readonly retentionDays: number;
  };
  readonly audit: AuditConfig;
  readonly files: readonly NamedFile[];
}

function baseUrl(scheme: string, config: Config, host: string, port: number): string {
  const anyAddress = host === '0.0.0.0' || host === '::';
  const name = anyAddress ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  return `${config.tls === undefined ? scheme : `${scheme}s`}://${name}:${port}`;
}

/** Where clients reach the HTTP listener that is bound to `port`. */
export function publicUrlOf(config: Config, port: number): string {
  return config.http.publicUrl ?? baseUrl('http', config, config.http.host, port);
}

/** Where jambonz reaches the telephony listener that is bound to `port`. */
export function listenUrlOf(config: Config, port: number): string {
  return config.telephony.listenUrl ?? baseUrl('ws', config, config.telephony.host, port);
}
