import type { Secret } from '../secrets/secret.ts';
import { ConfigError, type ConfigProblem } from './config-error.ts';
import type { Config } from './config.ts';
import { enablesJambonzDebug } from './debug-namespaces.ts';
import { isInDevelopmentDirectory } from './development-material.ts';
import type { Runtime } from './environment.ts';
import { leakingFlags } from './node-flags.ts';

/** Fits 96 random bits in base64: beyond guessing over the network. */
const SHORTEST_PASSWORD = 16;

/** Keys of published ISO 9564-1 format 4 examples; everyone has them. */
const PUBLISHED_PIN_KEYS = new Set(['00112233445566778899aabbccddeeff', 'c1d0f8fb4958670dba40ab1f3752ef0d']);

/** What Docker, Podman and their like name a container that nobody has named: the beginning of its id. */
const CONTAINER_ID = /^[0-9a-f]{12}$/;

function problemsOfRuntime(runtime: Runtime): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  if (runtime.debug !== undefined && enablesJambonzDebug(runtime.debug)) {
    problems.push({
      variable: 'DEBUG',
      problem: 'switches on the debug output of jambonz, which prints every digit',
      expected: 'a value that leaves `jambonz:*` out',
    });
  }
  for (const flag of leakingFlags(runtime.execArgv, runtime.nodeOptions)) {
    problems.push({
      variable: flag,
      problem: 'lets memory with digits out of the process',
      expected: 'no such flag on the command line or in `NODE_OPTIONS`',
    });
  }
  if (runtime.inspectorUrl !== undefined) {
    problems.push({
      variable: 'inspector',
      problem: 'an inspector listens and can read the memory of the process',
      expected: 'none',
    });
  }
  return problems;
}

/** What would let memory with digits get to a disk. */
function problemsOfLimits({ limits }: Runtime, config: Config): ConfigProblem[] {
  if (limits === undefined) {
    return [
      {
        variable: 'operating system',
        problem: 'it cannot be shown here that secrets stay out of swap and core files',
        expected: 'Linux',
      },
    ];
  }
  const problems: ConfigProblem[] = [];
  if (limits.coreFile.soft !== 0 || limits.coreFile.hard !== 0) {
    problems.push({
      variable: 'RLIMIT_CORE',
      problem: 'core files, which hold the memory of the process, are not switched off',
      expected: '0, soft and hard: `scripts/start`, `LimitCORE=0` (systemd) or `--ulimit core=0` (container)',
    });
  }
  if (limits.lockedMemory < config.secretMemoryBytes) {
    problems.push({
      variable: 'RLIMIT_MEMLOCK',
      problem: `${Math.floor(limits.lockedMemory / 1024)} KiB may be locked in memory, less than \`SECRET_MEMORY_KIB\``,
      expected: `at least ${config.secretMemoryBytes / 1024} KiB: \`ulimit -l\`, \`LimitMEMLOCK=\` (systemd) or \`--ulimit memlock=\` (container)`,
    });
  }
  return problems;
}

function problemsOfTransport(config: Config): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  if (config.tls === undefined) {
    problems.push({
      variable: 'TLS_CERT_FILE',
      problem: 'is missing, so that both listeners would speak plain text',
      expected: 'a certificate, and its key in `TLS_KEY_FILE`',
    });
  }
  const { publicUrl } = config.http;
  if (publicUrl !== undefined && !publicUrl.startsWith('https:')) {
    problems.push({ variable: 'PUBLIC_URL', problem: 'is not encrypted', expected: 'an `https:` URL' });
  }
  if (config.http.panelOrigins.some((origin) => !origin.startsWith('https:'))) {
    problems.push({ variable: 'PANEL_ORIGINS', problem: 'is not encrypted', expected: '`https:` origins' });
  }
  const { listenUrl } = config.telephony;
  if (listenUrl !== undefined && !listenUrl.startsWith('wss:')) {
    problems.push({ variable: 'LISTEN_URL', problem: 'is not encrypted', expected: 'a `wss:` URL' });
  }
  return problems;
}

function problemsOfFiles(config: Config): ConfigProblem[] {
  return config.files
    .filter((file) => file.development || isInDevelopmentDirectory(file.path))
    .map(({ variable, path }) => ({
      variable,
      problem: `${path} was made for development`,
      expected: 'a file of your own authority, outside `certs/dev`',
    }));
}

/** A placeholder, and no key. */
function isOneByteRepeated(key: Secret): boolean {
  const text = key.reveal();
  const bytes = Buffer.from(text, text.length === 64 ? 'hex' : 'base64');
  return new Set(bytes).size === 1;
}

function problemsOfSecrets(config: Config): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  if (config.database.url === undefined) {
    problems.push({
      variable: 'DATABASE_URL',
      problem: 'is missing, and the embedded PostgreSQL is for development',
      expected: 'the URL of a PostgreSQL server',
    });
  }
  if (config.telephony.password.reveal().length < SHORTEST_PASSWORD) {
    problems.push({
      variable: 'JAMBONZ_PASSWORD',
      problem: 'is short enough to guess',
      expected: `at least ${SHORTEST_PASSWORD} characters`,
    });
  }
  if (config.webhooks.keys?.some(isOneByteRepeated) === true) {
    problems.push({
      variable: 'WEBHOOKS_KEY',
      problem: 'is one byte repeated',
      expected: '32 random bytes',
    });
  }
  const numbersKey = config.numbers.key;
  if (numbersKey !== undefined && isOneByteRepeated(numbersKey)) {
    problems.push({
      variable: 'NUMBERS_KEY',
      problem: 'is one byte repeated',
      expected: '32 random bytes',
    });
  }
  const pinKey = config.provider?.pinKey?.reveal().toLowerCase();
  if (pinKey !== undefined && (PUBLISHED_PIN_KEYS.has(pinKey) || /^(..)\1+$/.test(pinKey))) {
    problems.push({
      variable: 'PROVIDER_PIN_KEY',
      problem: 'is a published test key or one byte repeated',
      expected: 'the key that the provider has issued',
    });
  }
  return problems;
}

/** A key that lies in a folder unprotected, or that is none. */
function problemsOfKeys({ keys }: Config): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  if (keys.provider === 'development') {
    problems.push({
      variable: 'KEY_PROVIDER',
      problem: '`development` keeps the keys of the vault in plain files',
      expected: '`file`, `env` or `pkcs11`',
    });
  }
  if (keys.previous.includes('development')) {
    problems.push({
      variable: 'KEY_PREVIOUS_PROVIDERS',
      problem: '`development` keeps the keys of the vault in plain files',
      expected: '`file`, `env` or `pkcs11`',
    });
  }
  if (keys.environment?.some(({ key }) => isOneByteRepeated(key)) === true) {
    problems.push({
      variable: 'VAULT_KEYS',
      problem: 'has a key that is one byte repeated',
      expected: '32 random bytes each',
    });
  }
  return problems;
}

/** A process that comes back under another name takes nothing up of what it had under way. */
function problemsOfInstance({ instanceId, instanceIdIsHostName }: Config): ConfigProblem[] {
  if (!instanceIdIsHostName || !CONTAINER_ID.test(instanceId)) return [];
  return [
    {
      variable: 'INSTANCE_ID',
      problem:
        `is not set, and the host name ${instanceId} looks like that of a container, another with each one: ` +
        'calls and payments that a restart breaks off would not be taken up',
      expected: 'a name that stays, and that no other instance has',
    },
  ];
}

function problemsOfPayments({ payments }: Config): ConfigProblem[] {
  if (payments.chaosPoint === undefined) return [];
  return [
    {
      variable: 'CHAOS_KILL_AT',
      problem: 'lets the process die in the middle of a payment',
      expected: 'not set',
    },
  ];
}

/**
 * Refuses to serve in production with anything that is fit for development only or that lets digits out of the
 * process. Throws a `ConfigError` with all refusals at once. Outside production it refuses nothing.
 */
export function assertServable(config: Config, runtime: Runtime): void {
  if (config.environment !== 'production') return;
  const problems = [
    ...problemsOfRuntime(runtime),
    ...problemsOfInstance(config),
    ...problemsOfLimits(runtime, config),
    ...problemsOfTransport(config),
    ...problemsOfFiles(config),
    ...problemsOfSecrets(config),
    ...problemsOfKeys(config),
    ...problemsOfPayments(config),
  ];
  if (problems.length > 0) throw new ConfigError(problems);
}
