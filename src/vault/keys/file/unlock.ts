import { hkdfSync, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hashRaw } from '@node-rs/argon2';
import { HushtoneError } from '../../../kernel/errors.ts';
import type { SecretBuffer } from '../../../secrets/secret-buffer.ts';
import { takeSecret } from '../../sealing/random-secret.ts';
import { KEY_BYTES } from '../software-keys.ts';
import { ARGON2, type Unlocking } from './format.ts';
import { combineShareFiles } from './share-file.ts';

/** Below, a passphrase can be searched for whatever the hash. */
const SHORTEST_PASSPHRASE_BYTES = 14;
const LONGEST_PASSPHRASE_BYTES = 1024;
const SALT_BYTES = 16;

/** Where the secret that opens a key file is: one of the two. */
export interface UnlockingFiles {
  readonly passphraseFile?: string;
  readonly shareFiles?: readonly string[];
}

/** What is made of that secret. `Symbol.dispose` wipes it. */
export class FileKeys implements Disposable {
  /** Wraps the keys of the file. */
  readonly wrapping: SecretBuffer;
  /** Authenticates the file. */
  readonly authentication: SecretBuffer;

  /** Takes the secret over and wipes it. */
  constructor(secret: SecretBuffer) {
    const derive = (use: string): SecretBuffer =>
      secret.use((bytes) =>
        takeSecret(new Uint8Array(hkdfSync('sha256', bytes, '', `hushtone key file ${use} v1`, KEY_BYTES))),
      );
    using _secret = secret;
    this.wrapping = derive('wrapping');
    this.authentication = derive('authentication');
  }

  [Symbol.dispose](): void {
    this.wrapping.wipe();
    this.authentication.wipe();
  }
}

/** A passphrase may end its file with a line break. */
const LINE_BREAKS = new Set([0x0a, 0x0d]);

/** Rejects with `passphrase_missing` or `passphrase_invalid`. */
export async function readPassphrase(path: string): Promise<SecretBuffer> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new HushtoneError(
      'passphrase_missing',
      'unavailable',
      `the passphrase file ${path} cannot be read`,
      {
        cause,
      },
    );
  });
  let end = bytes.length;
  while (end > 0 && LINE_BREAKS.has(bytes[end - 1] ?? 0)) end -= 1;
  if (end < SHORTEST_PASSPHRASE_BYTES || end > LONGEST_PASSPHRASE_BYTES) {
    bytes.fill(0);
    throw new HushtoneError(
      'passphrase_invalid',
      'invalid',
      `the passphrase in ${path} must have ${SHORTEST_PASSPHRASE_BYTES} to ${LONGEST_PASSPHRASE_BYTES} bytes`,
    );
  }
  const passphrase = takeSecret(bytes.subarray(0, end));
  bytes.fill(0);
  return passphrase;
}

export function newPassphraseUnlocking(): Unlocking {
  return {
    by: 'passphrase',
    kdf: 'argon2id',
    ...ARGON2,
    salt: randomBytes(SALT_BYTES).toString('base64url'),
  };
}

/** Rejects as `readPassphrase` and `combineShareFiles` do, and with `key_file_locked` when the means are missing. */
export async function unlock(unlocking: Unlocking, files: UnlockingFiles, path: string): Promise<FileKeys> {
  if (unlocking.by === 'shares') {
    if (files.shareFiles === undefined)
      throw locked(path, 'shares: name as many of them as are needed in VAULT_SHARE_FILES');
    return new FileKeys(await combineShareFiles(files.shareFiles, unlocking));
  }
  if (files.passphraseFile === undefined)
    throw locked(path, 'a passphrase: name its file in VAULT_PASSPHRASE_FILE');
  using passphrase = await readPassphrase(files.passphraseFile);
  // RFC 9106. The view stays the secret's own memory: the library reads it before it gives the work to a thread.
  const hashing = passphrase.use(
    async (bytes) =>
      await hashRaw(bytes, {
        memoryCost: unlocking.memory_kib,
        timeCost: unlocking.passes,
        parallelism: unlocking.lanes,
        salt: Buffer.from(unlocking.salt, 'base64url'),
        outputLen: KEY_BYTES,
      }),
  );
  return new FileKeys(takeSecret(await hashing));
}

function locked(path: string, means: string): HushtoneError {
  return new HushtoneError('key_file_locked', 'unavailable', `the key file ${path} opens with ${means}`);
}
