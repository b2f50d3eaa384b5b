import { SecretBuffer } from '../../secrets/secret-buffer.ts';
import type { KeyProvider } from '../contract.ts';

const MESSAGE = Buffer.from('hushtone key check value v1');
const CHECK_VALUE_BYTES = 8;

/**
 * What a key is known by without being told: the first bytes of a MAC of a public text. A database beside the wrong
 * keys is found out before anything is sealed. Rejects as `mac` does.
 */
export async function checkValueOf(provider: KeyProvider, keyId: string): Promise<Buffer> {
  using message = new SecretBuffer(MESSAGE.length);
  message.appendBytes(MESSAGE);
  return (await provider.mac(keyId, message)).subarray(0, CHECK_VALUE_BYTES);
}
