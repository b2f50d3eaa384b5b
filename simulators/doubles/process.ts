import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { LedgerEntry, ProviderDouble, SeenRequest } from './contract.ts';
import type { Fault } from './faults.ts';
import { askAdmin, LOOPBACK } from './loopback.ts';
import { compiledMain, startOwnProcess } from './own-process.ts';

export interface DoubleProcessOptions {
  /** Whose double: `stripe`. */
  readonly provider: string;
  /** What clients authenticate with. */
  readonly secret: string;
  /** PEM files. */
  readonly tls: { readonly caFile: string; readonly certFile: string; readonly keyFile: string };
  /** How it is run. Default: node with the compiled main. */
  readonly command?: readonly string[];
}

/** A double in a process of its own, which a test may kill with everything else. */
export interface DoubleProcess extends ProviderDouble {
  readonly pid: number;
}

/**
 * Starts a double as a process of its own and resolves once it listens. It ends by itself when this process dies.
 * Rejects when the build is missing or the process ends before it is ready.
 */
export async function startDoubleProcess(options: DoubleProcessOptions): Promise<DoubleProcess> {
  const { provider, secret, tls } = options;
  const { command = [process.execPath, compiledMain(import.meta.url)] } = options;
  const adminToken = randomBytes(32).toString('base64url');
  const ca = await readFile(tls.caFile, 'utf8');
  const { port, adminPort, pid, stop } = await startOwnProcess({
    name: 'the double',
    command: [
      ...command,
      `--provider=${provider}`,
      `--ca=${tls.caFile}`,
      `--tls-cert=${tls.certFile}`,
      `--tls-key=${tls.keyFile}`,
    ],
    environment: { DOUBLE_ADMIN_TOKEN: adminToken, DOUBLE_SECRET: secret },
  });
  const ask = (method: string, path: string, body?: unknown): Promise<string> =>
    askAdmin(new URL(path, `http://${LOOPBACK}:${adminPort}`), adminToken, method, body);
  return {
    url: `https://${LOOPBACK}:${port}`,
    ca,
    pid,
    ledger: async () => JSON.parse(await ask('GET', '/admin/ledger')) as LedgerEntry[],
    requests: async () => JSON.parse(await ask('GET', '/admin/requests')) as SeenRequest[],
    setFaults: async (faults: readonly Fault[]) => void (await ask('POST', '/admin/faults', faults)),
    reset: async () => void (await ask('POST', '/admin/reset')),
    close: stop,
  };
}
