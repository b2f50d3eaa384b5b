import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { publicSigningKeyOf } from '../access/signing-keys.ts';
import { HushtoneError } from '../kernel/errors.ts';

const USAGE = `hushtone keys COMMAND
  create-signing  [--out FILE]   an Ed25519 key pair for TOKEN_SIGNING_KEY_FILE: to a new file that only its owner
                                 can read, or to standard output
To change the key without a gap:
  1. name the new file in TOKEN_PREVIOUS_KEY_FILES of every instance, and restart them
  2. exchange the two: the new one in TOKEN_SIGNING_KEY_FILE, the old one in TOKEN_PREVIOUS_KEY_FILES, and restart
  3. when the last token of the old one has run out, take it out of TOKEN_PREVIOUS_KEY_FILES
`;

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

/** `hushtone keys`: the private key goes to the file or to standard output, its name to standard error. */
export async function runKeys(args: readonly string[]): Promise<number> {
  const [command, option, out, ...rest] = args;
  const fits = option === undefined || (option === '--out' && out !== undefined && out !== '');
  if (command !== 'create-signing' || !fits || rest.length > 0) {
    const asked = args.some((arg) => ['--help', '-h', 'help'].includes(arg));
    process[asked ? 'stdout' : 'stderr'].write(USAGE);
    return asked ? 0 : 2;
  }
  const { privateKey } = generateKeyPairSync('ed25519');
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  if (out === undefined) process.stdout.write(pem);
  else await writeNew(out, pem);
  process.stderr.write(`kid ${publicSigningKeyOf(privateKey).kid}\n`);
  return 0;
}
