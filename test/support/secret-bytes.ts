import { SecretBuffer } from '../../src/secrets/secret-buffer.ts';

/** Bytes of a test as a secret; text counts as UTF-8. */
export function secretOf(content: Uint8Array | string): SecretBuffer {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  const secret = new SecretBuffer(Math.max(bytes.length, 1));
  secret.appendBytes(bytes);
  return secret;
}

/** What a test reads of a secret, in hexadecimal. */
export function hexOf(secret: SecretBuffer): string {
  return secret.use((bytes) => Buffer.from(bytes).toString('hex'));
}
