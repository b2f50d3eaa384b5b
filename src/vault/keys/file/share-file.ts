import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { HushtoneError } from '../../../kernel/errors.ts';
import type { SecretBuffer } from '../../../secrets/secret-buffer.ts';
import { takeSecret } from '../../sealing/random-secret.ts';
import { interpolate, type Share } from './shamir.ts';

const FORMAT = 'hushtone key share';
const VERSION = 1;
const SET = /^[0-9a-f]{16}$/;
/** 32 bytes, base64url: with anything shorter the secret would be guessed, with nothing it would be known. */
const VALUE = /^[\w-]{43}$/;
const LARGEST_FILE_BYTES = 4096;
/** How much of the SHA-256 a share carries, in hexadecimal: a mistyped or torn share is found. */
const CHECKSUM_CHARACTERS = 16;

/** Which shares belong together. */
export interface ShareSet {
  readonly set: string;
  readonly threshold: number;
  readonly shares: number;
}

interface ShareFile extends ShareSet {
  readonly index: number;
  readonly value: string;
}

function refuse(code: string, message: string, cause?: unknown): HushtoneError {
  return new HushtoneError(code, 'unavailable', message, { cause });
}

function checksumOf({ set, threshold, shares, index, value }: ShareFile): string {
  const text = [FORMAT, VERSION, set, threshold, shares, index, value].join('\n');
  return createHash('sha256').update(text).digest('hex').slice(0, CHECKSUM_CHARACTERS);
}

const isCount = (value: unknown): value is number =>
  Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 255;

/** Throws `share_damaged`. */
function parse(text: string, path: string): ShareFile {
  let found: Partial<Record<string, unknown>> | null;
  try {
    found = JSON.parse(text) as typeof found;
  } catch (cause) {
    throw refuse(
      'share_damaged',
      `${path} is no share: it is not JSON`,
      cause instanceof SyntaxError ? undefined : cause,
    );
  }
  const { format, version, set, threshold, shares, index, value, checksum } = found ?? {};
  if (format !== FORMAT || version !== VERSION) {
    throw refuse('share_damaged', `${path} is no share of a key file`);
  }
  const whole =
    typeof set === 'string' &&
    SET.test(set) &&
    isCount(threshold) &&
    isCount(shares) &&
    isCount(index) &&
    typeof value === 'string' &&
    VALUE.test(value);
  if (!whole || checksum !== checksumOf({ set, threshold, shares, index, value })) {
    throw refuse('share_damaged', `the share in ${path} is damaged: its checksum does not fit`);
  }
  return { set, threshold, shares, index, value };
}

/** Writes the share to a new file that only its owner can read. Rejects with `share_file_not_written`. */
export async function writeShare(path: string, set: ShareSet, share: Share): Promise<void> {
  const file = {
    ...set,
    index: share.index,
    value: share.value.use((bytes) => Buffer.from(bytes).toString('base64url')),
  };
  const text = { format: FORMAT, version: VERSION, ...file, checksum: checksumOf(file) };
  try {
    await writeFile(path, `${JSON.stringify(text, null, 2)}\n`, { mode: 0o600, flag: 'wx', flush: true });
  } catch (cause) {
    const exists = (cause as NodeJS.ErrnoException).code === 'EEXIST';
    throw new HushtoneError(
      'share_file_not_written',
      'invalid',
      exists ? `${path} exists already; no key was changed` : `${path} cannot be written`,
      { cause },
    );
  }
}

async function readShare(path: string): Promise<ShareFile> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw refuse('share_missing', `the share ${path} cannot be read`, cause);
  });
  try {
    if (bytes.length > LARGEST_FILE_BYTES) throw refuse('share_damaged', `${path} is no share of a key file`);
    return parse(bytes.toString('utf8'), path);
  } finally {
    bytes.fill(0);
  }
}

/**
 * The secret that these files hold shares of. `expected` is the set that the key file wants. Rejects with
 * `share_missing`, `share_damaged`, `shares_mixed` (of different splits), `shares_repeated` or `shares_too_few`.
 */
export async function combineShareFiles(paths: readonly string[], expected: ShareSet): Promise<SecretBuffer> {
  const files: ShareFile[] = [];
  for (const path of paths) {
    const file = await readShare(path);
    if (file.set !== expected.set || file.threshold !== expected.threshold) {
      throw refuse(
        'shares_mixed',
        `the share in ${path} is of the split ${file.set}, and the key file wants shares of ${expected.set}`,
      );
    }
    if (files.some(({ index }) => index === file.index)) {
      throw refuse('shares_repeated', `share ${file.index} is given twice, the second time by ${path}`);
    }
    files.push(file);
  }
  if (files.length < expected.threshold) {
    throw refuse(
      'shares_too_few',
      `the key file wants ${expected.threshold} shares of ${expected.set}: ${files.length} given`,
    );
  }
  const shares: Share[] = [];
  try {
    for (const { index, value } of files.slice(0, expected.threshold)) {
      shares.push({ index, value: takeSecret(Buffer.from(value, 'base64url')) });
    }
    return interpolate(shares);
  } finally {
    for (const share of shares) share.value.wipe();
  }
}
