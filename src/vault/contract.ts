import type { SecretBuffer } from '../secrets/secret-buffer.ts';

/** What a key is for. Each purpose has keys of its own, and a key never serves another. */
export const KEY_PURPOSES = [
  'card_data',
  'phone_numbers',
  'fingerprints',
  'passcode_pepper',
  'grants',
  'provider_credentials',
] as const;
export type KeyPurpose = (typeof KEY_PURPOSES)[number];

/**
 * NIST SP 800-57 Part 1, 7.2, in the words of this project. `active`: protects and opens; one a purpose. `decrypt_only`:
 * opens what it protected. `retired`: kept, used for nothing. `destroyed`: its bytes are gone, its name stays.
 */
export type KeyState = 'active' | 'decrypt_only' | 'retired' | 'destroyed';

export interface KeyDescription {
  /** `key_…`. */
  readonly id: string;
  readonly purpose: KeyPurpose;
  readonly state: KeyState;
  /** The name of the key provider that has its bytes. */
  readonly provider: string;
}

/** Where the bytes of keys are: a file, the environment, a PKCS#11 token. Keys are 256 bits and never leave it. */
export interface KeyProvider {
  readonly name: 'file' | 'env' | 'pkcs11' | 'development';
  /** Makes a key. Rejects with `key_exists`, or `keys_read_only` where keys come from outside. */
  generate(id: string, purpose: KeyPurpose): Promise<void>;
  has(id: string): Promise<boolean>;
  /** AES key wrap (RFC 3394) of a data key of 32 bytes: 40 bytes. Rejects with `key_not_found`. */
  wrap(id: string, dataKey: SecretBuffer): Promise<Buffer>;
  /** Rejects with `key_not_found`, or `unwrap_failed` when the integrity check (RFC 3394, 2.2.3) fails. */
  unwrap(id: string, wrapped: Uint8Array): Promise<SecretBuffer>;
  /** HMAC-SHA-256 (FIPS 198-1): 32 bytes. Rejects with `key_not_found`. */
  mac(id: string, message: SecretBuffer): Promise<Buffer>;
  /** Destroys the bytes for good. Idempotent. Rejects with `keys_read_only` where the key is there and comes from outside. */
  destroy(id: string): Promise<void>;
  /** Reads the keys again, where another process may have made or destroyed some. */
  refresh?(): Promise<void>;
  /** The names of its keys of that purpose: a key that was made and never used is there to be used. */
  ids(purpose: KeyPurpose): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** What a sealed value is bound to (AAD): it opens nowhere else. */
export interface SealContext {
  readonly accountId: string;
  /** The row. */
  readonly recordId: string;
  readonly field: string;
  /** Rises by one whenever the value is sealed anew. */
  readonly version: number;
}

/** A sealed value: AES-256-GCM under a data key of its own, which is wrapped by a key of the ring. */
export interface SealedValue {
  readonly keyId: string;
  /** 40 bytes. */
  readonly wrappedKey: Buffer;
  /** 12 bytes of nonce, the ciphertext, 16 bytes of tag. */
  readonly ciphertext: Buffer;
}

/** A transaction that is open already, as far as reading the states of the keys needs it. */
export interface OpenTransaction {
  query<T extends object>(text: string, values?: readonly unknown[]): Promise<T[]>;
}

/** The keys of an installation, of every purpose. */
export interface KeyRing {
  /** Every key that there ever was, the newest first. */
  list(): readonly KeyDescription[];
  /** Seals under the purpose's active key. Rejects with `no_active_key`. */
  seal(purpose: KeyPurpose, context: SealContext, plaintext: SecretBuffer): Promise<SealedValue>;
  /** Rejects with `key_unusable` (retired, destroyed, of another purpose, unknown) or `sealed_value_invalid`. */
  open(purpose: KeyPurpose, context: SealContext, sealed: SealedValue): Promise<SecretBuffer>;
  /** The same value under the active key: only the wrapped data key changes. */
  rewrap(purpose: KeyPurpose, sealed: SealedValue): Promise<SealedValue>;
  /** Under the active key. */
  mac(purpose: KeyPurpose, message: SecretBuffer): Promise<{ readonly keyId: string; readonly mac: Buffer }>;
  /** Under every key that is `active` or `decrypt_only`, the active one first: what a search has to look for. */
  macs(
    purpose: KeyPurpose,
    message: SecretBuffer,
  ): Promise<readonly { readonly keyId: string; readonly mac: Buffer }[]>;
  /**
   * Reads the states again, from whichever process changed them. Who has a transaction open hands it over: nobody who
   * holds one connection may wait for another, since all of them may be held by such as wait.
   */
  refresh(within?: OpenTransaction): Promise<void>;
  close(): Promise<void>;
}
