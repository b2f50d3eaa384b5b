import { createCipheriv, createDecipheriv } from 'node:crypto';
import { HushtoneError } from '../../kernel/errors.ts';
import type { SecretBuffer } from '../../secrets/secret-buffer.ts';
import { takeSecret } from './random-secret.ts';

const ALGORITHM = 'id-aes256-wrap';

/** RFC 3394, 2.2.3.1. */
const INITIAL_VALUE = Buffer.alloc(8, 0xa6);

/** A data key, and what its wrapping adds: one 64-bit block. */
export const DATA_KEY_BYTES = 32;
export const WRAPPED_KEY_BYTES = DATA_KEY_BYTES + 8;

/** RFC 3394, 2: at least two blocks of 64 bits, and one that wrapping adds. */
const SHORTEST_WRAPPED_BYTES = 24;

/** AES-256 key wrap (RFC 3394, 2.2.1) of a multiple of 8 bytes, at least 16. */
export function wrapKey(keyEncryptionKey: SecretBuffer, key: SecretBuffer): Buffer {
  return keyEncryptionKey.use((kek) =>
    key.use((bytes) => {
      const cipher = createCipheriv(ALGORITHM, kek, INITIAL_VALUE);
      return Buffer.concat([cipher.update(bytes), cipher.final()]);
    }),
  );
}

/**
 * RFC 3394, 2.2.2. Throws `unwrap_failed` when the integrity check fails or the length is none that wrapping makes, and
 * what secret memory says as it is.
 */
export function unwrapKey(keyEncryptionKey: SecretBuffer, wrapped: Uint8Array): SecretBuffer {
  if (wrapped.length < SHORTEST_WRAPPED_BYTES) throw unwrapFailed(); // OpenSSL takes no bytes for none
  let key: Buffer | undefined;
  try {
    return keyEncryptionKey.use((kek) => {
      const decipher = createDecipheriv(ALGORITHM, kek, INITIAL_VALUE);
      key = decipher.update(wrapped);
      decipher.final();
      return takeSecret(key);
    });
  } catch (cause) {
    key?.fill(0);
    if (cause instanceof HushtoneError) throw cause;
    throw unwrapFailed(cause);
  }
}

function unwrapFailed(cause?: unknown): HushtoneError {
  return new HushtoneError('unwrap_failed', 'internal', 'a wrapped key does not open with this key', {
    cause,
  });
}
