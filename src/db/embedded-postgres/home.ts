import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { HushtoneError } from '../../kernel/errors.ts';
import { canReach, type ServerUser } from './server-user.ts';

/** Where a cluster lives: below the wanted directory, or elsewhere when the server's user could not get there. */
export interface Home {
  readonly directory: string;
  readonly isElsewhere: boolean;
}

/** Anyone may write to the temporary directory: a directory there counts only when it is ours and a real one. */
async function refuseForeignDirectory(directory: string): Promise<void> {
  const found = await lstat(directory);
  if (found.isDirectory() && found.uid === process.getuid?.()) return;
  throw new HushtoneError(
    'embedded_postgres_directory',
    'conflict',
    `${directory} is not a directory of this user; remove it, or set DATA_DIR to a directory that others can pass through`,
  );
}

/** Rejects with `embedded_postgres_directory`. */
async function make(directory: string, mode?: number): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, ...(mode !== undefined && { mode }) });
  } catch (cause) {
    throw new HushtoneError(
      'embedded_postgres_directory',
      'invalid',
      `${directory} cannot be made; set DATA_DIR to a directory that this user may write to`,
      { cause },
    );
  }
}

/**
 * Makes the directory of the cluster. As root the server runs as another user, who cannot get below a directory such
 * as root's home (mode 0700); the cluster then lives in the temporary directory, under a name made of `dataDir`.
 */
export async function makeHome(dataDir: string, user: ServerUser | undefined): Promise<Home> {
  const wanted = resolve(dataDir, 'postgres');
  if (user === undefined) {
    await make(wanted, 0o700);
    return { directory: wanted, isElsewhere: false };
  }
  const isElsewhere = !(await canReach(user, resolve(dataDir)));
  const name = createHash('sha256').update(wanted).digest('hex').slice(0, 16);
  const directory = isElsewhere ? join(tmpdir(), `hushtone-postgres-${name}`) : wanted;
  await make(directory);
  await refuseForeignDirectory(directory);
  await chmod(directory, 0o711);
  return { directory, isElsewhere };
}
