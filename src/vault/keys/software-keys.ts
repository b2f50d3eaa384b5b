import { createHmac, hkdfSync } from 'node:crypto';
import { HushtoneError } from '../../kernel/errors.ts';
import type { SecretBuffer } from '../../secrets/secret-buffer.ts';
import { unwrapKey, wrapKey } from '../sealing/key-wrap.ts';
import { takeSecret } from '../sealing/random-secret.ts';

/** Every key of the ring. */
export const KEY_BYTES = 32;

interface SoftwareKey {
  readonly wrapping: SecretBuffer;
  readonly authentication: SecretBuffer;
}

/** NIST SP 800-57 Part 1, 5.2: a key is used for one thing. RFC 5869 makes one of a key for each. */
function derive(key: SecretBuffer, use: 'key wrap' | 'hmac'): SecretBuffer {
  return key.use((bytes) =>
    takeSecret(new Uint8Array(hkdfSync('sha256', bytes, '', `hushtone ${use} v1`, KEY_BYTES))),
  );
}

/** Keys in the memory of this process, for providers that keep them in files or settings. */
export class SoftwareKeys {
  readonly #keys = new Map<string, SoftwareKey>();

  /** Copies what it needs of the key: the caller wipes it. Replaces a key of the same name. */
  add(id: string, key: SecretBuffer): void {
    const wrapping = derive(key, 'key wrap');
    try {
      const made = { wrapping, authentication: derive(key, 'hmac') };
      this.remove(id);
      this.#keys.set(id, made);
    } catch (error) {
      wrapping.wipe();
      throw error;
    }
  }

  has(id: string): boolean {
    return this.#keys.has(id);
  }

  ids(): string[] {
    return [...this.#keys.keys()];
  }

  /** Wipes the key. Idempotent. */
  remove(id: string): void {
    const key = this.#keys.get(id);
    this.#keys.delete(id);
    key?.wrapping.wipe();
    key?.authentication.wipe();
  }

  clear(): void {
    for (const id of this.ids()) this.remove(id);
  }

  /** Throws `key_not_found`. */
  wrap(id: string, dataKey: SecretBuffer): Buffer {
    return wrapKey(this.#get(id).wrapping, dataKey);
  }

  /** Throws `key_not_found` or `unwrap_failed`. */
  unwrap(id: string, wrapped: Uint8Array): SecretBuffer {
    return unwrapKey(this.#get(id).wrapping, wrapped);
  }

  /** Throws `key_not_found`. */
  mac(id: string, message: SecretBuffer): Buffer {
    return this.#get(id).authentication.use((key) =>
      message.use((bytes) => createHmac('sha256', key).update(bytes).digest()),
    );
  }

  #get(id: string): SoftwareKey {
    const key = this.#keys.get(id);
    if (key === undefined) throw keyNotFound(id);
    return key;
  }
}

export function keyNotFound(id: string): HushtoneError {
  return new HushtoneError('key_not_found', 'internal', `the key provider has no key ${id}`);
}

export function keyExists(id: string): HushtoneError {
  return new HushtoneError('key_exists', 'conflict', `the key provider has a key ${id} already`);
}
