import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { Secret } from '../secrets/secret.ts';
import type { KeysConfig } from './config.ts';
import type { SettingReader } from './setting-reader.ts';

const PROVIDERS = ['file', 'env', 'pkcs11', 'development'] as const;
type ProviderName = (typeof PROVIDERS)[number];

/** The purposes of the key ring; a test holds them to those of the vault. */
export const PURPOSES = [
  'card_data',
  'phone_numbers',
  'fingerprints',
  'passcode_pepper',
  'grants',
  'provider_credentials',
] as const;

const KEYS = /^[a-z_]+:key_[0-9a-z]{26}:[0-9a-fA-F]{64}(?:,[a-z_]+:key_[0-9a-z]{26}:[0-9a-fA-F]{64})*$/;
/** PKCS#11 2.40, 3.2: a label has 32 bytes. */
const TOKEN_LABEL = /^[\x20-\x7e]{1,32}$/;

const isProvider = (name: string): name is ProviderName => (PROVIDERS as readonly string[]).includes(name);

/** The path of a file that another part reads, at the moment when it needs it: a secret does not stay in memory. */
function existing(
  reader: SettingReader,
  name: 'VAULT_PASSPHRASE_FILE' | 'VAULT_SHARE_FILES' | 'PKCS11_MODULE' | 'PKCS11_PIN_FILE',
  path: string,
): string {
  const file = resolve(path);
  if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true) reader.report(name, `${file} is no file`);
  return file;
}

function readFile(reader: SettingReader): KeysConfig['file'] {
  const path = reader.text('VAULT_KEY_FILE');
  const passphrase = reader.text('VAULT_PASSPHRASE_FILE');
  const shares = (reader.text('VAULT_SHARE_FILES') ?? '').split(',').map((item) => item.trim());
  const shareFiles = shares.filter((item) => item !== '');
  if (path === undefined) {
    reader.missing('VAULT_KEY_FILE', 'for the key provider `file`');
    return undefined;
  }
  if (passphrase === undefined && shareFiles.length === 0) {
    reader.missing('VAULT_PASSPHRASE_FILE', 'for the key provider `file`, unless `VAULT_SHARE_FILES` is set');
  }
  return {
    path: resolve(path),
    ...(passphrase !== undefined && {
      passphraseFile: existing(reader, 'VAULT_PASSPHRASE_FILE', passphrase),
    }),
    ...(shareFiles.length > 0 && {
      shareFiles: shareFiles.map((file) => existing(reader, 'VAULT_SHARE_FILES', file)),
    }),
  };
}

function readEnvironmentKeys(reader: SettingReader): KeysConfig['environment'] {
  const keys = reader.secret('VAULT_KEYS', KEYS);
  if (keys === undefined) {
    reader.missing('VAULT_KEYS', 'for the key provider `env`');
    return undefined;
  }
  const entries = keys
    .reveal()
    .split(',')
    .flatMap((entry) => {
      const [name, id, key] = entry.split(':');
      const purpose = PURPOSES.find((each) => each === name);
      if (purpose === undefined) reader.report('VAULT_KEYS', 'names a purpose that there is not');
      return purpose === undefined || id === undefined || key === undefined
        ? []
        : [{ purpose, id, key: new Secret(key) }];
    });
  if (new Set(entries.map(({ id }) => id)).size < entries.length) {
    reader.report('VAULT_KEYS', 'has two keys of one name');
  }
  return entries;
}

function readToken(reader: SettingReader): KeysConfig['pkcs11'] {
  const module = reader.text('PKCS11_MODULE');
  const tokenLabel = reader.text('PKCS11_TOKEN_LABEL', TOKEN_LABEL);
  const pinFile = reader.text('PKCS11_PIN_FILE');
  for (const name of ['PKCS11_MODULE', 'PKCS11_TOKEN_LABEL', 'PKCS11_PIN_FILE'] as const) {
    if (!reader.has(name)) reader.missing(name, 'for the key provider `pkcs11`');
  }
  if (module === undefined || tokenLabel === undefined || pinFile === undefined) return undefined;
  return {
    module: existing(reader, 'PKCS11_MODULE', module),
    tokenLabel,
    pinFile: existing(reader, 'PKCS11_PIN_FILE', pinFile),
  };
}

/** Where the keys of the vault are. What is fit for development only is refused by `assertServable`. */
export function readKeys(reader: SettingReader): KeysConfig {
  const provider = reader.choice('KEY_PROVIDER');
  const named = (reader.text('KEY_PREVIOUS_PROVIDERS') ?? '').split(',').map((item) => item.trim());
  const previous = named
    .filter((name) => name !== '')
    .filter((name): name is ProviderName => {
      const known = isProvider(name) && name !== provider;
      if (!known) reader.report('KEY_PREVIOUS_PROVIDERS', `${JSON.stringify(name)} is no other key provider`);
      return known;
    });
  const uses = (name: ProviderName): boolean => [provider, ...previous].includes(name);
  const file = uses('file') ? readFile(reader) : undefined;
  const environment = uses('env') ? readEnvironmentKeys(reader) : undefined;
  const pkcs11 = uses('pkcs11') ? readToken(reader) : undefined;
  return {
    provider,
    previous,
    ...(file && { file }),
    ...(environment && { environment }),
    ...(pkcs11 && { pkcs11 }),
  };
}
