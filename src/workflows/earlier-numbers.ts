import { createDecipheriv, createHmac, hkdfSync } from 'node:crypto';
import { HushtoneError } from '../kernel/errors.ts';
import type { Secret } from '../secrets/secret.ts';
import type { NumberOwner } from './stored-number.ts';

/** The first byte of a number under NUMBERS_KEY: AES-256-GCM, then 12 bytes of nonce, 16 of tag, and UTF-8. */
const VERSION = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEADER_BYTES = 1 + NONCE_BYTES + TAG_BYTES;
const KEY_BYTES = 32;

/** What the numbers of calls from before the key ring need: they are read and found, and nothing new is sealed. */
export interface EarlierNumbers {
  /** Undefined for anything that this key did not seal for this row. */
  open(sealed: Buffer, owner: NumberOwner): string | undefined;
  /** Of a number that is normalized. */
  index(number: string, accountId: string): Buffer;
}

/** The key's bytes. Throws `numbers_key_invalid`. */
function readKey(key: Secret): Buffer {
  const text = key.reveal();
  const bytes = Buffer.from(text, /^[0-9a-fA-F]{64}$/.test(text) ? 'hex' : 'base64');
  if (bytes.length === KEY_BYTES) return bytes;
  throw new HushtoneError('numbers_key_invalid', 'internal', 'the key for telephone numbers is not 32 bytes');
}

/** RFC 5869: one key for each use. */
function derive(key: Buffer, use: string): Buffer {
  return Buffer.from(hkdfSync('sha256', key, '', `hushtone numbers ${use} v${VERSION}`, KEY_BYTES));
}

/** No part can run over into the next: none of them holds the separator. */
function bind(...parts: string[]): Buffer {
  return Buffer.from(['number', ...parts].join('\0'));
}

/** `key`: 32 bytes in hexadecimal or base64. Throws `numbers_key_invalid`. */
export function createEarlierNumbers(key: Secret): EarlierNumbers {
  const secret = readKey(key);
  const sealingKey = derive(secret, 'seal');
  const indexKey = derive(secret, 'index');
  secret.fill(0);
  return {
    open(sealed, { accountId, callId }) {
      if (sealed.length < HEADER_BYTES || sealed[0] !== VERSION) return undefined;
      const nonce = sealed.subarray(1, 1 + NONCE_BYTES);
      const decipher = createDecipheriv('aes-256-gcm', sealingKey, nonce, { authTagLength: TAG_BYTES });
      decipher.setAAD(bind(accountId, callId));
      decipher.setAuthTag(sealed.subarray(1 + NONCE_BYTES, HEADER_BYTES));
      try {
        return Buffer.concat([decipher.update(sealed.subarray(HEADER_BYTES)), decipher.final()]).toString();
      } catch {
        return undefined;
      }
    },
    index: (number, accountId) => createHmac('sha256', indexKey).update(bind(accountId, number)).digest(),
  };
}
