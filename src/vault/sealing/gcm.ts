import { createCipheriv, createDecipheriv } from 'node:crypto';
import { HushtoneError } from '../../kernel/errors.ts';
import type { SecretBuffer } from '../../secrets/secret-buffer.ts';
import { takeSecret } from './random-secret.ts';

const ALGORITHM = 'aes-256-gcm';

/** NIST SP 800-38D, 5.2.1.1: 96 bits are used as they are. */
export const NONCE_BYTES = 12;
/** The longest that SP 800-38D, 5.2.1.2 knows. */
export const TAG_BYTES = 16;

/** The ciphertext, as long as the plaintext, and the tag behind it. A nonce serves once under a key. */
export function encryptGcm(
  key: SecretBuffer,
  nonce: Uint8Array,
  associatedData: Uint8Array,
  plaintext: SecretBuffer,
): Buffer {
  return key.use((keyBytes) => {
    const cipher = createCipheriv(ALGORITHM, keyBytes, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(associatedData);
    const text = plaintext.use((bytes) => cipher.update(bytes));
    cipher.final();
    return Buffer.concat([text, cipher.getAuthTag()]);
  });
}

/**
 * Throws `sealed_value_invalid` for anything but what `encryptGcm` made of the same arguments: never a plaintext. What
 * secret memory says (`secret_memory_full`, `secret_wiped`) is no fault of the value, and is thrown as it is.
 */
export function decryptGcm(
  key: SecretBuffer,
  nonce: Uint8Array,
  associatedData: Uint8Array,
  sealed: Uint8Array,
): SecretBuffer {
  const end = sealed.length - TAG_BYTES;
  let text: Buffer | undefined;
  try {
    return key.use((keyBytes) => {
      const decipher = createDecipheriv(ALGORITHM, keyBytes, nonce, { authTagLength: TAG_BYTES });
      decipher.setAAD(associatedData);
      decipher.setAuthTag(sealed.subarray(end));
      text = decipher.update(sealed.subarray(0, end));
      decipher.final();
      return takeSecret(text);
    });
  } catch (cause) {
    text?.fill(0); // what was decrypted before the tag was found to be wrong
    if (cause instanceof HushtoneError) throw cause;
    throw new HushtoneError('sealed_value_invalid', 'internal', 'a sealed value does not open', { cause });
  }
}
