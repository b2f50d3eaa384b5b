import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { publicSigningKeyOf } from '../access/signing-keys.ts';
import { HushtoneError } from '../kernel/errors.ts';

async function writeNew(path: string, pem: string): Promise<void> {
  try {
    await writeFile(path, pem, { mode: 0o600, flag: 'wx' });
  } catch (cause) {
    const exists = (cause as NodeJS.ErrnoException).code === 'EEXIST';
    throw new HushtoneError(
      'key_file_not_written',
      'invalid',
      exists ? `${path} exists already; nothing was changed` : `${path} cannot be written`,
      { cause },
    );
  }
}

/**
 * `hushtone keys create-signing`: the private key goes to the file or to standard output, its name to standard error.
 */
export async function createSigningKey(out: string | undefined): Promise<void> {
  const { privateKey } = generateKeyPairSync('ed25519');
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  if (out === undefined) process.stdout.write(pem);
  else await writeNew(out, pem);
  process.stderr.write(`kid ${publicSigningKeyOf(privateKey).kid}\n`);
}
