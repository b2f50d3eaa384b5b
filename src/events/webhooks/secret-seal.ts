import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { HushtoneError } from '../../kernel/errors.ts';

const ALGORITHM = 'aes-256-gcm';
const KEY_BYTES = 32;
const FORMAT = 1;
/** Tells which key sealed a record, so that keys can be replaced one after the other. */
const KEY_ID_BYTES = 8;
/** NIST SP 800-38D section 5.2.1.1: 96 bits, random. */
const IV_BYTES = 12;
const TAG_BYTES = 16;
const HEAD_BYTES = 1 + KEY_ID_BYTES + IV_BYTES + TAG_BYTES;

/** Keeps signing secrets unreadable in the database. `context` binds a record to its place: it opens nowhere else. */
export interface SecretSeal {
  seal(secret: Buffer, context: string): Buffer;
  /** Throws `webhooks_key_missing` or `webhook_secret_damaged`. */
  open(sealed: Buffer, context: string): Buffer;
}

interface SealingKey {
  readonly id: Buffer;
  readonly key: Buffer;
}

/** The first of `keys` (32 bytes each) seals, all of them open. */
export function createSecretSeal(keys: readonly Buffer[]): SecretSeal {
  const ring: SealingKey[] = keys.map((key) => ({
    id: createHash('sha256').update('hushtone webhooks key').update(key).digest().subarray(0, KEY_ID_BYTES),
    key,
  }));
  const [current] = ring;
  if (current === undefined || keys.some((key) => key.length !== KEY_BYTES)) {
    throw new HushtoneError('webhooks_key_invalid', 'internal', 'a webhooks key must have 32 bytes');
  }
  return {
    seal(secret, context) {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv(ALGORITHM, current.key, iv, { authTagLength: TAG_BYTES });
      cipher.setAAD(Buffer.from(context));
      const text = Buffer.concat([cipher.update(secret), cipher.final()]);
      return Buffer.concat([Buffer.of(FORMAT), current.id, iv, cipher.getAuthTag(), text]);
    },
    open(sealed, context) {
      const key = ring.find(({ id }) => id.equals(sealed.subarray(1, 1 + KEY_ID_BYTES)));
      if (sealed[0] !== FORMAT || sealed.length < HEAD_BYTES || key === undefined) {
        throw new HushtoneError('webhooks_key_missing', 'internal', 'no webhooks key opens this secret');
      }
      const iv = sealed.subarray(1 + KEY_ID_BYTES, 1 + KEY_ID_BYTES + IV_BYTES);
      const decipher = createDecipheriv(ALGORITHM, key.key, iv, { authTagLength: TAG_BYTES });
      decipher.setAAD(Buffer.from(context));
      decipher.setAuthTag(sealed.subarray(HEAD_BYTES - TAG_BYTES, HEAD_BYTES));
      try {
        return Buffer.concat([decipher.update(sealed.subarray(HEAD_BYTES)), decipher.final()]);
      } catch (cause) {
        throw new HushtoneError('webhook_secret_damaged', 'internal', 'a webhook secret does not open', {
          cause,
        });
      }
    },
  };
}
