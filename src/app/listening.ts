import { HushtoneError } from '../kernel/errors.ts';

/** Why a server cannot listen, as the operating system has it: listen(2), bind(2). */
const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'something else listens there',
  EADDRNOTAVAIL: 'this host has no such address',
  EACCES: 'the process may not take that port',
  ENOTFOUND: 'that name has no address',
};

/**
 * Runs `listen`. What stands in its way on the outside is told in words, as `cannot_listen` with the settings to
 * change; any other error stays what it is.
 */
export async function listening<T>(
  { host, port }: { readonly host: string; readonly port: number },
  settings: 'HTTP' | 'TELEPHONY',
  listen: () => Promise<T>,
): Promise<T> {
  try {
    return await listen();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
    const reason = REASONS[code];
    if (reason === undefined) throw error;
    throw new HushtoneError(
      'cannot_listen',
      'unavailable',
      `cannot listen on ${host}, port ${port}: ${reason} (${settings}_HOST, ${settings}_PORT)`,
      { cause: error },
    );
  }
}
