import { open, writeFile } from 'node:fs/promises';
import { HushtoneError } from '../../../kernel/errors.ts';
import { SecretBuffer } from '../../../secrets/secret-buffer.ts';
import { interpolate, type Share } from './shamir.ts';
import {
  LARGEST_FILE_BYTES,
  parseShare,
  serializeShare,
  type SharedPart,
  type ShareSet,
} from './share-text.ts';

export type { ShareSet } from './share-text.ts';

function refuse(code: string, message: string, cause?: unknown): HushtoneError {
  return new HushtoneError(code, 'unavailable', message, { cause });
}

/** Writes the share to a new file that only its owner can read. Rejects with `share_file_not_written`. */
export async function writeShare(path: string, set: ShareSet, share: Share): Promise<void> {
  using content = serializeShare(set, share);
  try {
    await content.use(
      async (bytes) => await writeFile(path, bytes, { mode: 0o600, flag: 'wx', flush: true }),
    );
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

/** The file, read straight into memory for secrets; undefined when it is longer than any share. */
async function readSecretFile(path: string): Promise<SecretBuffer | undefined> {
  using room = zeros(LARGEST_FILE_BYTES);
  const length = await readInto(room, path);
  if (length === undefined) return undefined;
  const content = new SecretBuffer(Math.max(length, 1));
  room.use((bytes) => content.appendBytes(bytes.subarray(0, length)));
  return content;
}

/** How many bytes the file has; undefined when they are more than there is room for. */
async function readInto(room: SecretBuffer, path: string): Promise<number | undefined> {
  const file = await open(path, 'r');
  try {
    for (let length = 0; ;) {
      // Where there is no room left, a byte more tells that the file goes on: what it is does not matter.
      const isFull = length === room.length;
      const { bytesRead } = isFull
        ? await file.read(new Uint8Array(1))
        : await room.use(async (bytes) => await file.read(bytes, length, bytes.length - length));
      if (bytesRead === 0) return length;
      if (isFull) return undefined;
      length += bytesRead;
    }
  } finally {
    await file.close();
  }
}

function zeros(length: number): SecretBuffer {
  const secret = new SecretBuffer(length);
  for (let index = 0; index < length; index += 1) secret.append(0);
  return secret;
}

/** The caller wipes its value. */
async function readShare(path: string): Promise<SharedPart> {
  using content = await readSecretFile(path).catch((cause: unknown) => {
    throw refuse('share_missing', `the share ${path} cannot be read`, cause);
  });
  if (content === undefined) throw refuse('share_damaged', `${path} is no share of a key file`);
  return parseShare(content, path);
}

/**
 * The secret that these files hold shares of. `expected` is the set that the key file wants. Rejects with
 * `share_missing`, `share_damaged`, `shares_mixed` (of different splits), `shares_repeated` or `shares_too_few`.
 */
export async function combineShareFiles(paths: readonly string[], expected: ShareSet): Promise<SecretBuffer> {
  const shares: SharedPart[] = [];
  try {
    for (const path of paths) {
      const share = await readShare(path);
      const repeated = shares.some(({ index }) => index === share.index);
      shares.push(share);
      if (share.set !== expected.set || share.threshold !== expected.threshold) {
        throw refuse(
          'shares_mixed',
          `the share in ${path} is of the split ${share.set}, and the key file wants shares of ${expected.set}`,
        );
      }
      if (repeated) {
        throw refuse('shares_repeated', `share ${share.index} is given twice, the second time by ${path}`);
      }
    }
    if (shares.length < expected.threshold) {
      throw refuse(
        'shares_too_few',
        `the key file wants ${expected.threshold} shares of ${expected.set}: ${shares.length} given`,
      );
    }
    return interpolate(shares.slice(0, expected.threshold));
  } finally {
    for (const { value } of shares) value.wipe();
  }
}
