import { readFile, realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Whom the server runs as. PostgreSQL refuses to run as root. */
export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

/** In this order: the account that packages make for PostgreSQL, then the one that owns nothing. */
const ACCOUNTS = ['postgres', '_postgres', 'nobody'];

/** An id that no account needs: initdb asks for a name, so it is the last resort. */
const NOBODY: ServerUser = { uid: 65_534, gid: 65_534 };

/** The account to change to; undefined when this process is not root and the server simply runs as itself. */
export async function serverUser(): Promise<ServerUser | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const accounts = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  for (const name of ACCOUNTS) {
    const account = accounts.find(([accountName]) => accountName === name);
    if (account !== undefined) return { uid: Number(account[2]), gid: Number(account[3]) };
  }
  return NOBODY;
}

async function firstExisting(path: string): Promise<string> {
  const found = await realpath(path).catch(() => undefined);
  return found ?? firstExisting(dirname(path));
}

/** May `user` pass through this directory and all above it? What does not exist yet will be made passable. */
export async function canReach(user: ServerUser, path: string): Promise<boolean> {
  for (let directory = await firstExisting(path); ; directory = dirname(directory)) {
    const { mode, uid, gid } = await stat(directory);
    const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
    if ((mode & bit) === 0) return false;
    if (directory === dirname(directory)) return true;
  }
}
