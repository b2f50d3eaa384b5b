import { randomFillSync } from 'node:crypto';
import { SecretBuffer } from '../../secrets/secret-buffer.ts';

/** Random bytes (node:crypto's generator), drawn straight into secret memory. */
export function randomSecret(length: number): SecretBuffer {
  const secret = new SecretBuffer(length);
  for (let index = 0; index < length; index += 1) secret.append(0);
  secret.use((bytes) => randomFillSync(bytes));
  return secret;
}

/** Moves `bytes` into secret memory: the source is zeroed, even where there is no room for them. */
export function takeSecret(bytes: Uint8Array): SecretBuffer {
  try {
    const secret = new SecretBuffer(Math.max(bytes.length, 1));
    secret.appendBytes(bytes);
    return secret;
  } finally {
    bytes.fill(0);
  }
}
