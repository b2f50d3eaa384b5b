/**
 * Every setting, as data: the reader takes defaults and limits from here and the documentation's table is made of it.
 * A default is written as it would be in the environment. A setting without `default` is optional unless `required`
 * says when it is needed.
 */
export interface Setting {
  readonly group: string;
  readonly kind: 'text' | 'integer' | 'choice' | 'secret' | 'url' | 'file' | 'list' | 'json';
  readonly default?: string;
  /** The default in words, where it is worked out and not fixed. */
  readonly defaultInWords?: string;
  readonly required?: string;
  readonly meaning: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly choices?: readonly string[];
  /** What a right value looks like, where kind and bounds do not say it. */
  readonly shape?: string;
}

export const SETTINGS = {
  NODE_ENV: {
    group: 'Process',
    kind: 'choice',
    default: 'development',
    choices: ['development', 'production', 'test'],
    meaning: 'In `production` the server refuses to start with anything that is fit for development only.',
  },
  LOG_LEVEL: {
    group: 'Process',
    kind: 'choice',
    default: 'info',
    choices: ['debug', 'info', 'warn', 'error', 'silent'],
    meaning: 'The least serious log line that is written. No level ever logs a digit.',
  },
  INSTANCE_ID: {
    group: 'Process',
    kind: 'text',
    required: 'in production in a container that has no host name of its own',
    defaultInWords: 'the host name',
    shape: '1 to 255 letters, digits, `.`, `_` or `-`',
    meaning:
      'Names this process in the records of the calls, captures and payments it owns. It must stay the same over a restart, and be that of no other instance.',
  },
  SECRET_MEMORY_KIB: {
    group: 'Process',
    kind: 'integer',
    default: '2048',
    minimum: 64,
    maximum: 1_048_576,
    shape: 'a multiple of 64, up to 1048576',
    meaning:
      'How much memory is locked for card data and keys; the default is for 2,000 captures at once. The process must be allowed to lock it (`ulimit -l`).',
  },
  DATABASE_URL: {
    group: 'Database',
    kind: 'secret',
    required: 'in production',
    defaultInWords: 'an embedded PostgreSQL in `DATA_DIR`',
    shape: '`postgres://user:password@host:port/database`',
    meaning: 'The PostgreSQL database.',
  },
  DATA_DIR: {
    group: 'Database',
    kind: 'text',
    default: '.data',
    meaning:
      'Where the embedded PostgreSQL of development and the demo keeps its data. Not used with `DATABASE_URL`.',
  },
  DATABASE_POOL_SIZE: {
    group: 'Database',
    kind: 'integer',
    default: '10',
    minimum: 1,
    maximum: 200,
    meaning: 'The most connections this process opens.',
  },
  HTTP_HOST: {
    group: 'Listeners',
    kind: 'text',
    default: '127.0.0.1',
    meaning: 'The address of the HTTP listener (API and agent panel).',
  },
  HTTP_PORT: {
    group: 'Listeners',
    kind: 'integer',
    default: '8080',
    minimum: 0,
    maximum: 65_535,
    shape: '0 to 65535; 0 takes a free port and is not for production',
    meaning: 'The port of the HTTP listener.',
  },
  PUBLIC_URL: {
    group: 'Listeners',
    kind: 'url',
    defaultInWords: "the HTTP listener's own address",
    shape: 'an `http:` or `https:` URL without query, fragment or credentials; `https:` in production',
    meaning: 'Where clients reach the HTTP listener.',
  },
  TLS_CERT_FILE: {
    group: 'Listeners',
    kind: 'file',
    required: 'in production',
    shape: 'a PEM certificate, its chain after it; together with `TLS_KEY_FILE`',
    meaning: 'The certificate of both listeners. Without it both speak plain text.',
  },
  TLS_KEY_FILE: {
    group: 'Listeners',
    kind: 'file',
    required: 'in production',
    shape: 'the PEM private key of `TLS_CERT_FILE`, not encrypted',
    meaning: 'The private key of both listeners.',
  },
  TRUSTED_PROXIES: {
    group: 'Listeners',
    kind: 'list',
    shape: 'IP addresses or CIDR blocks, separated by commas',
    meaning:
      'The proxies whose `X-Forwarded-For` tells where a request comes from. From anyone else the header is not believed.',
  },
  PANEL_ORIGINS: {
    group: 'Listeners',
    kind: 'list',
    shape: 'origins such as `https://desk.example.com`, separated by commas; `https:` in production',
    meaning: "The web pages that may call the interface from a browser (CORS): the agent panel's own.",
  },
  HTTP_HEADERS_TIMEOUT_MS: {
    group: 'Listeners',
    kind: 'integer',
    default: '10000',
    minimum: 100,
    maximum: 60_000,
    meaning: 'How long a client may take to send the headers of a request.',
  },
  HTTP_REQUEST_TIMEOUT_MS: {
    group: 'Listeners',
    kind: 'integer',
    default: '15000',
    minimum: 100,
    maximum: 120_000,
    meaning: 'How long a client may take to send a whole request; at least as long as its headers.',
  },
  HTTP_KEEP_ALIVE_TIMEOUT_MS: {
    group: 'Listeners',
    kind: 'integer',
    default: '72000',
    minimum: 100,
    maximum: 600_000,
    meaning: 'How long a connection without a request stays open.',
  },
  RATE_LIMIT_ADDRESS: {
    group: 'Rate limits',
    kind: 'integer',
    default: '6000',
    minimum: 0,
    maximum: 10_000_000,
    meaning:
      'The most requests a minute from one network address, with and without a token, to this process; `0` for no limit.',
  },
  RATE_LIMIT_CLIENT: {
    group: 'Rate limits',
    kind: 'integer',
    default: '1200',
    minimum: 0,
    maximum: 10_000_000,
    meaning: 'The most requests a minute of one client to this process; `0` for no limit.',
  },
  RATE_LIMIT_ACCOUNT: {
    group: 'Rate limits',
    kind: 'integer',
    default: '6000',
    minimum: 0,
    maximum: 10_000_000,
    meaning: 'The most requests a minute of all clients of one account to this process; `0` for no limit.',
  },
  WEBHOOKS_KEY: {
    group: 'Webhooks',
    kind: 'secret',
    required: 'in production',
    defaultInWords: 'a key that is made in `DATA_DIR`',
    shape: '32 random bytes in hexadecimal; several separated by commas',
    meaning:
      'Seals the signing secrets of webhooks in the database. The first key seals, all of them open: put a new one in front.',
  },
  WEBHOOK_ALLOW_PRIVATE: {
    group: 'Webhooks',
    kind: 'choice',
    default: 'false',
    choices: ['false', 'true'],
    meaning:
      'Whether webhooks may go to private and loopback addresses; outside production `true` also allows `http:` to loopback. Link-local and metadata addresses are refused in any case.',
  },
  WEBHOOK_CONCURRENCY: {
    group: 'Webhooks',
    kind: 'integer',
    default: '10',
    minimum: 1,
    maximum: 100,
    meaning: 'How many webhooks this process sends at once.',
  },
  KEY_PROVIDER: {
    group: 'Keys of the vault',
    kind: 'choice',
    default: 'development',
    choices: ['file', 'env', 'pkcs11', 'development'],
    meaning:
      'Where the keys of the vault are, and where new ones are made. `development` makes them in `DATA_DIR` and is refused in production.',
  },
  KEY_PREVIOUS_PROVIDERS: {
    group: 'Keys of the vault',
    kind: 'list',
    shape: 'names of other key providers, separated by commas',
    meaning:
      'Key providers that open what was stored before `KEY_PROVIDER` was changed, until everything is moved.',
  },
  VAULT_KEY_FILE: {
    group: 'Keys of the vault',
    kind: 'text',
    required: 'for the key provider `file`',
    shape: 'the path of a file that `hushtone keys generate` makes',
    meaning: 'The file with the keys, each wrapped.',
  },
  VAULT_PASSPHRASE_FILE: {
    group: 'Keys of the vault',
    kind: 'text',
    required: 'for the key provider `file`, unless `VAULT_SHARE_FILES` is set',
    shape: 'the path of a file with 14 bytes or more; a line break at its end does not count',
    meaning: 'The passphrase that opens `VAULT_KEY_FILE`.',
  },
  VAULT_SHARE_FILES: {
    group: 'Keys of the vault',
    kind: 'list',
    shape: 'paths, separated by commas',
    meaning: 'The shares that open `VAULT_KEY_FILE` after `hushtone keys split`: as many as it asks for.',
  },
  VAULT_KEYS: {
    group: 'Keys of the vault',
    kind: 'secret',
    required: 'for the key provider `env`',
    shape: '`purpose:key_…:` and 32 bytes in hexadecimal, several separated by commas',
    meaning: 'The keys themselves, as `hushtone keys print` makes them.',
  },
  PKCS11_MODULE: {
    group: 'Keys of the vault',
    kind: 'text',
    required: 'for the key provider `pkcs11`',
    shape: 'the path of a shared library',
    meaning: "The library of the token's maker (PKCS#11 2.40 or later).",
  },
  PKCS11_TOKEN_LABEL: {
    group: 'Keys of the vault',
    kind: 'text',
    required: 'for the key provider `pkcs11`',
    shape: '1 to 32 characters (ASCII)',
    meaning: 'The label of the token.',
  },
  PKCS11_PIN_FILE: {
    group: 'Keys of the vault',
    kind: 'text',
    required: 'for the key provider `pkcs11`',
    shape: 'the path of a file',
    meaning: "The token's user PIN.",
  },
  NUMBERS_KEY: {
    group: "Callers' numbers",
    kind: 'secret',
    shape: '32 random bytes, in hexadecimal or base64',
    meaning:
      'The key of numbers that were stored before the key ring sealed them. Not needed any more when `hushtone keys rotate phone_numbers --resume` has moved them.',
  },
  NUMBERS_COUNTRY: {
    group: "Callers' numbers",
    kind: 'text',
    shape: 'an ISO 3166-1 code of two letters, e.g. `US`',
    meaning: 'The country of numbers that the telephone system gives without a country code.',
  },
  TELEPHONY_HOST: {
    group: 'Telephony',
    kind: 'text',
    default: '127.0.0.1',
    meaning: 'The address of the listener that jambonz connects to.',
  },
  TELEPHONY_PORT: {
    group: 'Telephony',
    kind: 'integer',
    default: '8081',
    minimum: 0,
    maximum: 65_535,
    shape: '0 to 65535; 0 takes a free port and is not for production',
    meaning: 'The port of the listener that jambonz connects to.',
  },
  LISTEN_URL: {
    group: 'Telephony',
    kind: 'url',
    defaultInWords: "the telephony listener's own address",
    shape: 'a `ws:` or `wss:` URL without query, fragment or credentials; `wss:` in production',
    meaning: 'The base URL under which jambonz opens its listen sockets (digits and audio) to this process.',
  },
  JAMBONZ_USERNAME: {
    group: 'Telephony',
    kind: 'text',
    required: 'always',
    shape: 'at least 1 character, no `:` (RFC 7617)',
    meaning: 'The user name that jambonz presents (its application webhook user).',
  },
  JAMBONZ_PASSWORD: {
    group: 'Telephony',
    kind: 'secret',
    required: 'always',
    shape: 'a random password, at least 16 characters in production',
    meaning: 'The password that jambonz presents. There is no default, so that nobody can guess one.',
  },
  BRIDGE: {
    group: 'Telephony',
    kind: 'choice',
    default: 'dial',
    choices: ['dial', 'conference'],
    meaning:
      '`dial` locks and guards through rtpengine; `conference` is for installations whose rtpengine cannot be reached.',
  },
  RTPENGINE_URL: {
    group: 'Telephony',
    kind: 'url',
    required: 'with `BRIDGE=dial`',
    shape: '`udp://host:port` or `tcp://host:port`',
    meaning: "rtpengine's ng control port. It has no authentication: keep it on a private network.",
  },
  RTPENGINE_TIMEOUT_MS: {
    group: 'Telephony',
    kind: 'integer',
    default: '1000',
    minimum: 100,
    maximum: 10_000,
    meaning:
      'How long one command to rtpengine may take, its repeats included, before masking counts as not confirmed.',
  },
  RTPENGINE_VERSION: {
    group: 'Telephony',
    kind: 'text',
    shape: 'as `rtpengine --version` prints it, e.g. `11.5.1.9`',
    meaning:
      'The engine does not tell it. From 11.5 on, and with `SENTINEL_ADDRESS`, a sentinel listens to the agent-bound stream; below, or unknown, it could starve the agent and stays off.',
  },
  SENTINEL_ADDRESS: {
    group: 'Telephony',
    kind: 'text',
    shape: 'an IP address of this host that rtpengine can send to',
    meaning: "Where the dial bridge's sentinel receives its copy of the agent-bound stream.",
  },
  FREESWITCH_MEDIA_ADDRESSES: {
    group: 'Telephony',
    kind: 'list',
    required: 'with `BRIDGE=dial`',
    shape: 'IP addresses or CIDR blocks, separated by commas',
    meaning:
      'Where FreeSWITCH sends its media from. The tag in rtpengine whose endpoint has such an address carries the agent-bound stream, the one to lock and guard.',
  },
  ROUTES: {
    group: 'Telephony',
    kind: 'json',
    required: 'unless `ROUTES_FILE` is set',
    shape:
      '`{"+15083084809":{"account":"acc_demo","agent":"agent-1","target":{"type":"phone","number":"2000"}}}`',
    meaning:
      'Where each called number leads: account, agent, jambonz dial target and, if wanted, call recording.',
  },
  ROUTES_FILE: {
    group: 'Telephony',
    kind: 'file',
    required: 'unless `ROUTES` is set',
    shape: 'a JSON file of the shape of `ROUTES`',
    meaning: 'The same in a file.',
  },
  AGENT_TIMEOUT_SECONDS: {
    group: 'Telephony',
    kind: 'integer',
    default: '20',
    minimum: 1,
    maximum: 120,
    meaning: "How long the agent's phone rings.",
  },
  GUARD: {
    group: 'Captures',
    kind: 'choice',
    default: 'until_proven',
    choices: ['until_proven', 'always'],
    meaning:
      "When the agent hears the caller during a capture: once the caller's phone has shown that it sends no audible tones, or never.",
  },
  SECURE_TIMEOUT_MS: {
    group: 'Captures',
    kind: 'integer',
    default: '3000',
    minimum: 100,
    maximum: 30_000,
    meaning: 'How long masking may take to be confirmed before the capture fails with `masking_unavailable`.',
  },
  CAPTURE_INTER_DIGIT_TIMEOUT_SECONDS: {
    group: 'Captures',
    kind: 'integer',
    default: '8',
    minimum: 1,
    maximum: 60,
    meaning: 'The longest pause between two keys of a field.',
  },
  CAPTURE_TIMEOUT_SECONDS: {
    group: 'Captures',
    kind: 'integer',
    default: '300',
    minimum: 10,
    maximum: 1800,
    meaning: 'How long a capture may take before it is `expired`.',
  },
  PROVIDER_ALLOW_PRIVATE: {
    group: 'Payment provider',
    kind: 'choice',
    defaultInWords: '`false` in production, else `true`',
    choices: ['false', 'true'],
    meaning:
      'Whether the providers that accounts configure may be at private and loopback addresses. Link-local and metadata addresses are refused in any case; `PROVIDER_URL` may be anywhere.',
  },
  PAYMENT_MODE: {
    group: 'Payment provider',
    kind: 'choice',
    defaultInWords: '`live` in production, else `test`',
    choices: ['test', 'live'],
    meaning:
      'The mode of captures and payments that do not name one. Payments, stored cards and providers of one mode never meet those of the other.',
  },
  CONNECTOR_INBOUND: {
    group: 'Payment provider',
    kind: 'choice',
    default: 'off',
    choices: ['off', 'on'],
    meaning:
      'Whether other voice platforms may hand card details to this gateway, as their generic pay connector at `POST /v1/connector/payments`.',
  },
  TOKEN_STORAGE: {
    group: 'Payment provider',
    kind: 'choice',
    default: 'provider',
    choices: ['provider', 'vault'],
    meaning: 'Who keeps the cards of captures that keep one and do not say where.',
  },
  TOKEN_BIN_DIGITS: {
    group: 'Card tokens',
    kind: 'choice',
    default: '6',
    choices: ['6', '8'],
    meaning:
      'How many first digits of a stored card are shown. `8` holds for numbers of 16 digits and more; of a shorter one there are 6.',
  },
  TOKEN_LOOK_ALIKE: {
    group: 'Card tokens',
    kind: 'choice',
    default: 'off',
    choices: ['off', 'on'],
    meaning:
      "Whether a new card token also gets 16 digits that are no card's: for systems that have room for nothing else. They begin with 1, end with the card's last four and fail the Luhn check.",
  },
  TOKEN_RETENTION_DAYS: {
    group: 'Card tokens',
    kind: 'integer',
    default: '1095',
    minimum: 1,
    maximum: 7300,
    meaning:
      'How long a card is kept in the vault, unless its account says a shorter time or, later on, asks for as long again. Then its key is destroyed.',
  },
  PROVIDER_URL: {
    group: 'Payment provider',
    kind: 'url',
    shape: 'an `https:` URL without query, fragment or credentials',
    meaning:
      'The provider that the installation brings: `default`, for every account in test mode. Accounts configure theirs over the interface.',
  },
  PROVIDER_CA_FILE: {
    group: 'Payment provider',
    kind: 'file',
    required: 'with `PROVIDER_URL`',
    shape: 'PEM certificates',
    meaning: "Who may have signed the provider's certificate; no other authority is trusted.",
  },
  PROVIDER_CLIENT_CERT_FILE: {
    group: 'Payment provider',
    kind: 'file',
    required: 'with `PROVIDER_URL`',
    shape: 'a PEM certificate, its chain after it',
    meaning: 'The certificate that this server shows to the provider (mutual TLS).',
  },
  PROVIDER_CLIENT_KEY_FILE: {
    group: 'Payment provider',
    kind: 'file',
    required: 'with `PROVIDER_URL`',
    shape: 'the PEM private key of `PROVIDER_CLIENT_CERT_FILE`, not encrypted',
    meaning: 'Its private key.',
  },
  PROVIDER_PIN_KEY: {
    group: 'Payment provider',
    kind: 'secret',
    shape: '32 (AES-128) or 64 (AES-256) hexadecimal characters',
    meaning: 'The key for ISO 9564-1 format 4 PIN blocks. Without it no PIN is taken.',
  },
  PROVIDER_TIMEOUT_MS: {
    group: 'Payment provider',
    kind: 'integer',
    default: '10000',
    minimum: 100,
    maximum: 60_000,
    meaning: 'How long a provider, any of them, may take before the outcome of an attempt counts as unknown.',
  },
  RECONCILE_SECONDS: {
    group: 'Payment provider',
    kind: 'integer',
    default: '30',
    minimum: 1,
    maximum: 300,
    meaning: 'How often payments whose outcome is not known are looked up.',
  },
  CHAOS_KILL_AT: {
    group: 'Payment provider',
    kind: 'choice',
    choices: ['before_write', 'after_write', 'after_send', 'after_answer', 'before_commit'],
    meaning:
      'For tests: the process kills itself (at `after_send` it stops the payment there) when an attempt comes to this point. Refused in production.',
  },
  CHAOS_KILL_ARRIVAL: {
    group: 'Payment provider',
    kind: 'integer',
    default: '1',
    minimum: 1,
    maximum: 1_000_000,
    meaning: 'For tests: for how manieth time an attempt comes to `CHAOS_KILL_AT` then.',
  },
  TOKEN_ISSUER: {
    group: 'Access tokens',
    kind: 'text',
    default: 'hushtone',
    shape: 'at most 255 characters, no spaces',
    meaning: 'The `iss` of access tokens.',
  },
  TOKEN_AUDIENCE: {
    group: 'Access tokens',
    kind: 'text',
    default: 'hushtone',
    shape: 'at most 255 characters, no spaces',
    meaning: 'The `aud` of access tokens.',
  },
  TOKEN_SIGNING_KEY_FILE: {
    group: 'Access tokens',
    kind: 'file',
    required: 'always',
    shape: 'an Ed25519 private key, PKCS#8 PEM, not encrypted',
    meaning: 'The key that signs access tokens.',
  },
  TOKEN_PREVIOUS_KEY_FILES: {
    group: 'Access tokens',
    kind: 'list',
    shape: 'files with Ed25519 keys, public or private, PEM, with commas between them',
    meaning:
      'Keys that verify access tokens and do not sign. To change the signing key without a gap: name the next one ' +
      'here on every instance, then exchange the two, and take the old one out when its last token has run out.',
  },
  CLIENT_CERTIFICATES: {
    group: 'Access tokens',
    kind: 'choice',
    default: 'none',
    choices: ['none', 'optional'],
    meaning:
      'Whether the HTTP listener asks its clients for a TLS certificate, so that access tokens can be bound to it ' +
      '(RFC 8705). Needs `TLS_CERT_FILE`; browsers that have certificates will ask their users for one.',
  },
  EXTERNAL_ISSUER: {
    group: 'Access tokens of another issuer',
    kind: 'text',
    shape: 'at most 255 characters, no spaces',
    meaning: 'The `iss` of another authorization server whose access tokens are taken besides our own.',
  },
  EXTERNAL_AUDIENCE: {
    group: 'Access tokens of another issuer',
    kind: 'text',
    required: 'with `EXTERNAL_ISSUER`',
    shape: 'at most 255 characters, no spaces',
    meaning: 'The `aud` that its tokens for this gateway carry.',
  },
  EXTERNAL_JWKS_URL: {
    group: 'Access tokens of another issuer',
    kind: 'url',
    shape: 'an `https:` URL without a query',
    meaning: 'Where its public keys are fetched. Either this or `EXTERNAL_JWKS_FILE`.',
  },
  EXTERNAL_JWKS_CA_FILE: {
    group: 'Access tokens of another issuer',
    kind: 'file',
    defaultInWords: 'the authorities that Node trusts',
    shape: 'PEM certificates',
    meaning: 'Who may have signed the certificate behind `EXTERNAL_JWKS_URL`; no other authority is trusted.',
  },
  EXTERNAL_JWKS_FILE: {
    group: 'Access tokens of another issuer',
    kind: 'file',
    shape: 'a JWK set (RFC 7517)',
    meaning: 'Its public keys, where they cannot be fetched.',
  },
  EXTERNAL_ALGORITHM: {
    group: 'Access tokens of another issuer',
    kind: 'choice',
    default: 'RS256',
    choices: ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'],
    meaning: 'The one algorithm that its tokens are signed with; any other is refused.',
  },
  EXTERNAL_TOKEN_TYPE: {
    group: 'Access tokens of another issuer',
    kind: 'choice',
    default: 'at+jwt',
    choices: ['at+jwt', 'JWT'],
    meaning: 'The `typ` of its access tokens: that of RFC 9068, or the one that every JWT may have.',
  },
  EXTERNAL_ACCOUNT_CLAIM: {
    group: 'Access tokens of another issuer',
    kind: 'text',
    default: 'account_id',
    shape: 'at most 255 characters, no spaces',
    meaning: 'The claim that names the account. The issuer is trusted to name any.',
  },
  EXTERNAL_ROLES_CLAIM: {
    group: 'Access tokens of another issuer',
    kind: 'text',
    default: 'roles',
    shape: 'at most 255 characters, no spaces',
    meaning: 'The claim that lists the roles; names that the gateway does not know count for nothing.',
  },
  AUDIT_SIGNING_KEY_FILE: {
    group: 'Audit',
    kind: 'file',
    required: 'in production',
    shape: 'an Ed25519 private key, PKCS#8 PEM, not encrypted; not the one of the access tokens',
    meaning: 'The key that signs the checkpoints of the audit trail. Without it none are made.',
  },
  AUDIT_CHECKPOINT_SECONDS: {
    group: 'Audit',
    kind: 'integer',
    default: '300',
    minimum: 1,
    maximum: 86_400,
    meaning: 'How often audit chains that have grown get a signed checkpoint.',
  },
  AUDIT_EXPORT_CERT_FILE: {
    group: 'Audit',
    kind: 'file',
    shape: 'a PEM certificate, its chain after it; together with `AUDIT_EXPORT_KEY_FILE`',
    meaning:
      'The certificate that manifests of audit exports are signed under (CMS). Without it they are not signed.',
  },
  AUDIT_EXPORT_KEY_FILE: {
    group: 'Audit',
    kind: 'file',
    shape: 'the PEM RSA private key of `AUDIT_EXPORT_CERT_FILE`, not encrypted',
    meaning: 'Its private key.',
  },
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof SETTINGS;

/** What a right value of this setting is, in words. */
export function expectedOf(name: SettingName): string {
  const setting: Setting = SETTINGS[name];
  if (setting.shape !== undefined) return setting.shape;
  if (setting.choices !== undefined) return setting.choices.map((choice) => `\`${choice}\``).join(', ');
  if (setting.minimum !== undefined && setting.maximum !== undefined) {
    return `${setting.minimum} to ${setting.maximum}`;
  }
  return 'any text';
}
