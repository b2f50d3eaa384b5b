import type { KeyProvider, KeyPurpose, KeyState } from '../../../../src/vault/contract.ts';
import { checkValueOf } from '../../../../src/vault/keys/check-value.ts';
import type { KeyStore, StoredKey } from '../../../../src/vault/keys/key-store.ts';

/** The states of keys as the database has them, without a database. */
export class MemoryStore implements KeyStore {
  keys: StoredKey[] = [];
  readings = 0;
  watchers = new Set<() => void>();

  async add(
    provider: KeyProvider,
    id: string,
    purpose: KeyPurpose,
    state: KeyState = 'active',
  ): Promise<void> {
    await provider.generate(id, purpose);
    const at = new Date();
    const key = { id, purpose, state, provider: provider.name, checkValue: await checkValueOf(provider, id) };
    const times = { createdAt: at, activatedAt: at, decryptOnlyAt: null, retiredAt: null, destroyedAt: null };
    this.keys = [{ ...key, ...times }, ...this.keys];
  }

  set(id: string, state: KeyState): void {
    this.keys = this.keys.map((key) => (key.id === id ? { ...key, state } : key));
  }

  tell(): void {
    for (const watcher of this.watchers) watcher();
  }

  list(): Promise<StoredKey[]> {
    this.readings += 1;
    return Promise.resolve([...this.keys]);
  }

  watch(onChange: () => void): Promise<{ close(): Promise<void> }> {
    this.watchers.add(onChange);
    return Promise.resolve({
      close: () => {
        this.watchers.delete(onChange);
        return Promise.resolve();
      },
    });
  }
}
