import { randomBytes } from 'node:crypto';
import { HushtoneError } from '../../kernel/errors.ts';
import type { SecretBuffer } from '../../secrets/secret-buffer.ts';
import type { KeyPurpose, SealContext } from '../contract.ts';
import { associatedData } from './associated-data.ts';
import { decryptGcm, encryptGcm, NONCE_BYTES, TAG_BYTES } from './gcm.ts';

/** 12 bytes of nonce, the ciphertext and 16 bytes of tag, under a data key that serves this one value. */
export function sealUnder(
  dataKey: SecretBuffer,
  purpose: KeyPurpose,
  context: SealContext,
  plaintext: SecretBuffer,
): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  return Buffer.concat([nonce, encryptGcm(dataKey, nonce, associatedData(purpose, context), plaintext)]);
}

/** Throws `sealed_value_invalid`. */
export function openUnder(
  dataKey: SecretBuffer,
  purpose: KeyPurpose,
  context: SealContext,
  ciphertext: Uint8Array,
): SecretBuffer {
  if (ciphertext.length < NONCE_BYTES + TAG_BYTES) {
    throw new HushtoneError('sealed_value_invalid', 'internal', 'a sealed value is too short');
  }
  const nonce = ciphertext.subarray(0, NONCE_BYTES);
  return decryptGcm(dataKey, nonce, associatedData(purpose, context), ciphertext.subarray(NONCE_BYTES));
}
