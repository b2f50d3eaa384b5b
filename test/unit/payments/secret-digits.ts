import { SecretBuffer } from '../../../src/secrets/secret-buffer.ts';

/** Published test digits as a provider gets them. Wiping is not the point of the tests that use it. */
export function secretDigits(text: string): SecretBuffer {
  const secret = new SecretBuffer(Math.max(text.length, 1));
  secret.appendBytes(Buffer.from(text, 'ascii'));
  return secret;
}
