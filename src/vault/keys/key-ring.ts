import { HushtoneError } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { SecretBuffer } from '../../secrets/secret-buffer.ts';
import type {
  KeyDescription,
  KeyProvider,
  KeyPurpose,
  KeyRing,
  OpenTransaction,
  SealContext,
  SealedValue,
} from '../contract.ts';
import { openUnder, sealUnder } from '../sealing/envelope.ts';
import { DATA_KEY_BYTES, WRAPPED_KEY_BYTES } from '../sealing/key-wrap.ts';
import { randomSecret } from '../sealing/random-secret.ts';
import { checkValueOf } from './check-value.ts';
import { closeKeyProviders } from './close-providers.ts';
import type { KeyStore, StoredKey } from './key-store.ts';

export interface KeyRingOptions {
  /** The first makes new keys; the others open what they protected. The ring closes them. */
  readonly providers: readonly KeyProvider[];
  readonly store: KeyStore;
  /** Look at every key at the start (the default), or only at those that are used: for commands. */
  readonly checkAtStart?: boolean;
  readonly logger: Logger;
}

const mayOpen = ({ state }: StoredKey): boolean => state === 'active' || state === 'decrypt_only';

function unusable(message: string, cause?: unknown): HushtoneError {
  return new HushtoneError('key_unusable', 'internal', message, { cause });
}

const codeOf = (error: unknown): string | undefined =>
  error instanceof HushtoneError ? error.code : undefined;

class StoredKeyRing implements KeyRing {
  readonly #options: KeyRingOptions;
  #keys: readonly StoredKey[] = [];
  /** Keys that were seen to be in their provider and to be the right ones. */
  readonly #checked = new Set<string>();
  /** The reading that runs, or the last that did. */
  #reading: Promise<void> | undefined;
  /** The reading that begins when that one is over. */
  #next: Promise<void> | undefined;
  /** Readings are counted as they begin. What an earlier one has found does not replace what a later one has. */
  #begun = 0;
  #latest = 0;
  /** The providers are read by one reading after the other. */
  #refreshingProviders: Promise<void> = Promise.resolve();
  #stopWatching: (() => Promise<void>) | undefined;

  constructor(options: KeyRingOptions) {
    this.#options = options;
  }

  /** Rejects with `key_missing` or `key_mismatch` when a key that records may be sealed under cannot be used. */
  async start(): Promise<void> {
    const { store, logger, checkAtStart = true } = this.#options;
    const watch = await store.watch(() => {
      this.refresh().catch((error: unknown) =>
        logger.error('the states of the keys could not be read', { error }),
      );
    });
    this.#stopWatching = async () => await watch.close();
    await this.refresh();
    if (!checkAtStart) return;
    for (const key of this.#keys.filter(mayOpen)) await this.#checkedProvider(key);
  }

  list(): readonly KeyDescription[] {
    return this.#keys.map(({ id, purpose, state, provider }) => ({ id, purpose, state, provider }));
  }

  async seal(purpose: KeyPurpose, context: SealContext, plaintext: SecretBuffer): Promise<SealedValue> {
    const { key, provider } = await this.#active(purpose);
    using dataKey = randomSecret(DATA_KEY_BYTES);
    const ciphertext = sealUnder(dataKey, purpose, context, plaintext);
    return { keyId: key.id, wrappedKey: await provider.wrap(key.id, dataKey), ciphertext };
  }

  async open(purpose: KeyPurpose, context: SealContext, sealed: SealedValue): Promise<SecretBuffer> {
    using dataKey = await this.#unwrap(purpose, sealed);
    return openUnder(dataKey, purpose, context, sealed.ciphertext);
  }

  async rewrap(purpose: KeyPurpose, sealed: SealedValue): Promise<SealedValue> {
    const { key, provider } = await this.#active(purpose);
    if (sealed.keyId === key.id) return sealed;
    using dataKey = await this.#unwrap(purpose, sealed);
    const wrappedKey = await provider.wrap(key.id, dataKey);
    return { keyId: key.id, wrappedKey, ciphertext: sealed.ciphertext };
  }

  async mac(
    purpose: KeyPurpose,
    message: SecretBuffer,
  ): Promise<{ readonly keyId: string; readonly mac: Buffer }> {
    const { key, provider } = await this.#active(purpose);
    return { keyId: key.id, mac: await provider.mac(key.id, message) };
  }

  async macs(
    purpose: KeyPurpose,
    message: SecretBuffer,
  ): Promise<readonly { readonly keyId: string; readonly mac: Buffer }[]> {
    const { key: active } = await this.#active(purpose);
    const others = this.#keys.filter(
      (key) => key.purpose === purpose && key.id !== active.id && mayOpen(key),
    );
    const found: { keyId: string; mac: Buffer }[] = [];
    for (const key of [active, ...others]) {
      const provider = await this.#checkedProvider(key);
      found.push({ keyId: key.id, mac: await provider.mac(key.id, message) });
    }
    return found;
  }

  /**
   * One at a time: who asks while it runs shares a reading that begins after the question. One within a transaction
   * waits for none: the others may wait for the connection that it has.
   */
  async refresh(within?: OpenTransaction): Promise<void> {
    if (within !== undefined) {
      await this.#read(within);
      return;
    }
    const running = this.#reading;
    this.#next ??= (async () => {
      await running?.catch(() => undefined); // its own callers hear of it
      this.#reading = this.#next;
      this.#next = undefined;
      await this.#read();
    })();
    await this.#next;
  }

  async #read(within?: OpenTransaction): Promise<void> {
    this.#begun += 1;
    const reading = this.#begun;
    // In this order: a key has its bytes before it has a state, so that every key of the list is found.
    const keys = await this.#options.store.list(within);
    this.#refreshingProviders = this.#refreshingProviders.then(async () => await this.#refreshProviders());
    await this.#refreshingProviders;
    if (reading < this.#latest) return;
    this.#latest = reading;
    this.#keys = keys;
  }

  /** The keys that a provider has in memory go on serving when it cannot be read. Never rejects. */
  async #refreshProviders(): Promise<void> {
    for (const provider of this.#options.providers) {
      try {
        await provider.refresh?.();
      } catch (error) {
        this.#options.logger.error('the keys of a key provider could not be read', {
          provider: provider.name,
          error,
        });
      }
    }
  }

  async close(): Promise<void> {
    try {
      await this.#stopWatching?.();
      await (this.#next ?? this.#reading)?.catch(() => undefined);
    } finally {
      await closeKeyProviders(this.#options.providers);
    }
  }

  async #active(purpose: KeyPurpose): Promise<{ key: StoredKey; provider: KeyProvider }> {
    const find = (): StoredKey | undefined =>
      this.#keys.find((key) => key.purpose === purpose && key.state === 'active');
    let key = find();
    if (key === undefined) {
      await this.refresh();
      key = find();
    }
    if (key === undefined) {
      throw new HushtoneError('no_active_key', 'unavailable', `there is no active key for ${purpose}`);
    }
    return { key, provider: await this.#checkedProvider(key) };
  }

  /** A key that another process has made a moment ago is one that the states in memory do not have yet. */
  async #toOpen(purpose: KeyPurpose, id: string): Promise<StoredKey> {
    const find = (): StoredKey | undefined => this.#keys.find((key) => key.id === id);
    let key = find();
    if (key === undefined || !mayOpen(key)) {
      await this.refresh();
      key = find();
    }
    if (key === undefined) throw unusable(`there is no key ${id}`);
    if (key.purpose !== purpose) throw unusable(`the key ${id} is not for ${purpose}`);
    if (!mayOpen(key)) throw unusable(`the key ${id} is ${key.state}`);
    return key;
  }

  async #unwrap(purpose: KeyPurpose, { keyId, wrappedKey }: SealedValue): Promise<SecretBuffer> {
    const key = await this.#toOpen(purpose, keyId);
    const provider = await this.#checkedProvider(key);
    if (wrappedKey.length !== WRAPPED_KEY_BYTES) throw invalidValue();
    try {
      return await provider.unwrap(keyId, wrappedKey);
    } catch (error) {
      if (codeOf(error) === 'unwrap_failed') throw invalidValue(error);
      if (codeOf(error) === 'key_not_found') throw unusable(`the key ${keyId} cannot be used`, error);
      throw error;
    }
  }

  async #checkedProvider(key: StoredKey): Promise<KeyProvider> {
    const provider = this.#options.providers.find(({ name }) => name === key.provider);
    if (provider === undefined) {
      throw new HushtoneError(
        'key_missing',
        'unavailable',
        `the key ${key.id} (${key.purpose}) is in the key provider ${key.provider}, which is not set up`,
      );
    }
    if (this.#checked.has(key.id)) return provider;
    if (!(await provider.has(key.id))) {
      throw new HushtoneError(
        'key_missing',
        'unavailable',
        `the key provider ${key.provider} does not have the key ${key.id} (${key.purpose})`,
      );
    }
    if (!(await checkValueOf(provider, key.id)).equals(key.checkValue)) {
      throw new HushtoneError(
        'key_mismatch',
        'unavailable',
        `the key provider ${key.provider} has another key under the name ${key.id} (${key.purpose})`,
      );
    }
    this.#checked.add(key.id);
    return provider;
  }
}

function invalidValue(cause?: unknown): HushtoneError {
  return new HushtoneError('sealed_value_invalid', 'internal', 'a sealed value does not open', { cause });
}

/**
 * The keys of the installation. Rejects with `key_missing` or `key_mismatch` when records may be sealed under a key that
 * the providers do not have, and with what they say when they cannot be reached. The providers are closed then.
 */
export async function createKeyRing(options: KeyRingOptions): Promise<KeyRing> {
  const ring = new StoredKeyRing(options);
  try {
    await ring.start();
    return ring;
  } catch (error) {
    await ring.close();
    throw error;
  }
}
