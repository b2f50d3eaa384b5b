import { constants, createDecipheriv, privateDecrypt, type KeyObject } from 'node:crypto';

export interface OpenedJwe {
  readonly header: Readonly<Record<string, unknown>>;
  readonly plaintext: string;
}

const CIPHERS = {
  A128GCM: { name: 'aes-128-gcm', keyBytes: 16 },
  A256GCM: { name: 'aes-256-gcm', keyBytes: 32 },
} as const;

/** RFC 7518 section 5.3. */
const IV_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Opens a compact JWE (RFC 7516 section 5.2) of RSA-OAEP-256 and AES-GCM, with nothing but node:crypto: on its own, so
 * that it checks what the gateway makes with its library. Throws for anything else.
 */
export function openCompactJwe(jwe: string, key: KeyObject): OpenedJwe {
  const parts = jwe.split('.');
  if (parts.length !== 5) throw new Error('a compact JWE has five parts');
  const [protectedHeader = '', ...rest] = parts;
  const [encryptedKey, iv, ciphertext, tag] = rest.map(fromBase64url);
  const header = parseObject(fromBase64url(protectedHeader).toString('utf8'));
  const cipher = Object.entries(CIPHERS).find(([name]) => name === header['enc'])?.[1];
  if (header['alg'] !== 'RSA-OAEP-256' || cipher === undefined) throw new Error('another algorithm');
  if (iv?.length !== IV_BYTES || tag?.length !== TAG_BYTES) throw new Error('another length of IV or tag');
  const contentKey = privateDecrypt(
    { key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' },
    encryptedKey ?? Buffer.of(),
  );
  if (contentKey.length !== cipher.keyBytes) throw new Error('another length of key');
  const decipher = createDecipheriv(cipher.name, contentKey, iv);
  decipher.setAAD(Buffer.from(protectedHeader, 'ascii'));
  decipher.setAuthTag(tag);
  const bytes = Buffer.concat([decipher.update(ciphertext ?? Buffer.of()), decipher.final()]);
  return { header, plaintext: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
}

/** Throws when the text is not a JSON object. */
export function parseObject(text: string): Record<string, unknown> {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('no object');
  return value as Record<string, unknown>;
}

/** RFC 7515 section 2: without padding, and nothing that is not of the alphabet. */
function fromBase64url(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.toString('base64url') !== text) throw new Error('no base64url');
  return bytes;
}
