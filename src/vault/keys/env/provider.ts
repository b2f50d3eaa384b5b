import { HushtoneError } from '../../../kernel/errors.ts';
import type { Secret } from '../../../secrets/secret.ts';
import type { KeyProvider, KeyPurpose } from '../../contract.ts';
import { takeSecret } from '../../sealing/random-secret.ts';
import { SoftwareKeys } from '../software-keys.ts';

/** A key as the setting VAULT_KEYS names it. */
export interface EnvironmentKey {
  readonly id: string;
  readonly purpose: KeyPurpose;
  /** 32 bytes in hexadecimal. */
  readonly key: Secret;
}

function readOnly(): HushtoneError {
  return new HushtoneError(
    'keys_read_only',
    'conflict',
    'these keys come from the setting VAULT_KEYS: add one there, or take one out',
  );
}

/** Keys from the environment. They cannot be made or destroyed from here. */
export function openEnvironmentKeys(entries: readonly EnvironmentKey[]): KeyProvider {
  const keys = new SoftwareKeys();
  // The entries hold the keys as text, which nobody can wipe: they are not kept.
  const names = entries.map(({ id, purpose }) => ({ id, purpose }));
  for (const { id, key } of entries) {
    using bytes = takeSecret(Buffer.from(key.reveal(), 'hex'));
    keys.add(id, bytes);
  }
  return {
    name: 'env',
    generate: () => Promise.reject(readOnly()),
    ids: (purpose) => Promise.resolve(names.filter((name) => name.purpose === purpose).map(({ id }) => id)),
    has: (id) => Promise.resolve(keys.has(id)),
    wrap: async (id, dataKey) => await Promise.resolve(keys.wrap(id, dataKey)),
    unwrap: async (id, wrapped) => await Promise.resolve(keys.unwrap(id, wrapped)),
    mac: async (id, message) => await Promise.resolve(keys.mac(id, message)),
    destroy: (id) => (keys.has(id) ? Promise.reject(readOnly()) : Promise.resolve()),
    close: () => {
      keys.clear();
      return Promise.resolve();
    },
  };
}
