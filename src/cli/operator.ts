import { userInfo } from 'node:os';

/** Who runs this command, as the operating system knows them; a container may have a user without a name. */
export function operator(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
