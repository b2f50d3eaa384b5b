import { createHmac, timingSafeEqual } from 'node:crypto';
import { HushtoneError } from '../../../kernel/errors.ts';
import type { SecretBuffer } from '../../../secrets/secret-buffer.ts';
import { KEY_PURPOSES, type KeyPurpose } from '../../contract.ts';
import { FEWEST_NEEDED, MOST_SHARES } from './shamir.ts';

const FORMAT = 'hushtone keys';
const VERSION = 1;

/** RFC 9106, 4, the second recommended choice: 64 MiB, three passes, four lanes. */
export const ARGON2 = { memory_kib: 65_536, passes: 3, lanes: 4 } as const;

/**
 * A file that asks for more than this is not one that we wrote, and would stop the machine: what is asked is done before
 * anything of the file can be authenticated.
 */
const LARGEST_ARGON2 = { memory_kib: 262_144, passes: 10, lanes: 16 } as const;
/** RFC 9106, 3.1: 8 KiB a lane. */
const LEAST_KIB_A_LANE = 8;
/** 16 bytes, base64url: RFC 9106, 3.1. */
const SALT = /^[\w-]{22}$/;
const SET = /^[0-9a-f]{16}$/;
/** 40 bytes, base64url: what RFC 3394 makes of a key. */
const WRAPPED_KEY = /^[\w-]{54}$/;

/** How the key that wraps the others comes about. All of it is public. */
export type Unlocking =
  | {
      readonly by: 'passphrase';
      readonly kdf: 'argon2id';
      readonly memory_kib: number;
      readonly passes: number;
      readonly lanes: number;
      /** 16 bytes, base64url. */
      readonly salt: string;
    }
  | { readonly by: 'shares'; readonly set: string; readonly threshold: number; readonly shares: number };

export interface FiledKey {
  readonly id: string;
  readonly purpose: KeyPurpose;
  readonly created_at: string;
  /** RFC 3394: 40 bytes, base64url. */
  readonly wrapped: string;
}

export interface KeyFile {
  readonly unlocking: Unlocking;
  readonly keys: readonly FiledKey[];
  /** HMAC-SHA-256 of a public text: tells a wrong passphrase from a changed file. base64url. */
  readonly check: string;
  /** HMAC-SHA-256 of everything above: a key cannot be renamed, taken out or put back. base64url. */
  readonly mac: string;
}

export function keyFileDamaged(path: string, what: string): HushtoneError {
  return new HushtoneError('key_file_damaged', 'unavailable', `the key file ${path} is damaged: ${what}`);
}

function hmac(key: SecretBuffer, text: string): Buffer {
  return key.use((bytes) => createHmac('sha256', bytes).update(text).digest());
}

/** The text that a MAC is made of: fixed members in a fixed order. */
function contentOf({ unlocking, keys }: Pick<KeyFile, 'unlocking' | 'keys'>): string {
  const how =
    unlocking.by === 'passphrase'
      ? [unlocking.by, unlocking.kdf, unlocking.memory_kib, unlocking.passes, unlocking.lanes, unlocking.salt]
      : [unlocking.by, unlocking.set, unlocking.threshold, unlocking.shares];
  const list = keys.map(({ id, purpose, created_at: at, wrapped }) => [id, purpose, at, wrapped]);
  return JSON.stringify([FORMAT, VERSION, how, list]);
}

export function authenticate(
  key: SecretBuffer,
  content: Pick<KeyFile, 'unlocking' | 'keys'>,
): Pick<KeyFile, 'check' | 'mac'> {
  return {
    check: hmac(key, `${FORMAT} check`).toString('base64url'),
    mac: hmac(key, contentOf(content)).toString('base64url'),
  };
}

function equal(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one, 'base64url'), Buffer.from(other, 'base64url')];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Throws `key_file_locked` when the key is not the one of this file, `key_file_damaged` when the content is not. */
export function verify(key: SecretBuffer, file: KeyFile, path: string): void {
  const expected = authenticate(key, file);
  if (!equal(expected.check, file.check)) {
    const means = file.unlocking.by === 'passphrase' ? 'this passphrase does' : 'these shares do';
    throw new HushtoneError('key_file_locked', 'unavailable', `${means} not open the key file ${path}`);
  }
  if (!equal(expected.mac, file.mac)) throw keyFileDamaged(path, 'it was changed from outside');
}

export function serialize({ unlocking, keys, check, mac }: KeyFile): string {
  return `${JSON.stringify({ format: FORMAT, version: VERSION, unlocking, keys, check, mac }, null, 2)}\n`;
}

const isText = (value: unknown): value is string => typeof value === 'string';

function isUnlocking(value: unknown): value is Unlocking {
  if (typeof value !== 'object' || value === null) return false;
  const found = value as Readonly<Record<string, unknown>>;
  const inside = (name: string, most: number): boolean =>
    Number.isInteger(found[name]) && Number(found[name]) >= 1 && Number(found[name]) <= most;
  const fits = (name: string, form: RegExp): boolean => isText(found[name]) && form.test(found[name]);
  if (found['by'] === 'shares') {
    const counts = inside('threshold', MOST_SHARES) && inside('shares', MOST_SHARES);
    const [threshold, shares] = [Number(found['threshold']), Number(found['shares'])];
    return fits('set', SET) && counts && threshold >= FEWEST_NEEDED && threshold <= shares;
  }
  return (
    found['by'] === 'passphrase' &&
    found['kdf'] === 'argon2id' &&
    fits('salt', SALT) &&
    Object.entries(LARGEST_ARGON2).every(([name, most]) => inside(name, most)) &&
    Number(found['memory_kib']) >= LEAST_KIB_A_LANE * Number(found['lanes'])
  );
}

function isFiledKey(value: unknown): value is FiledKey {
  if (typeof value !== 'object' || value === null) return false;
  const { id, purpose, created_at: at, wrapped } = value as Readonly<Record<string, unknown>>;
  const purposes: readonly unknown[] = KEY_PURPOSES;
  return (
    isText(id) && purposes.includes(purpose) && isText(at) && isText(wrapped) && WRAPPED_KEY.test(wrapped)
  );
}

/** Throws `key_file_damaged`. */
export function parse(text: string, path: string): KeyFile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw keyFileDamaged(path, 'it is not JSON');
  }
  const { format, version, unlocking, keys, check, mac } = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (format !== FORMAT) throw keyFileDamaged(path, 'it is no file of keys');
  if (version !== VERSION) throw keyFileDamaged(path, `its version is not ${VERSION}`);
  if (!isUnlocking(unlocking)) throw keyFileDamaged(path, 'it does not say how it is opened');
  if (!Array.isArray(keys) || !keys.every(isFiledKey)) throw keyFileDamaged(path, 'its keys are not whole');
  if (!isText(check) || !isText(mac)) throw keyFileDamaged(path, 'its MAC is missing');
  return { unlocking, keys, check, mac };
}
