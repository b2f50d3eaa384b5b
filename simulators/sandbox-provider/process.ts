import { randomBytes } from 'node:crypto';
import { LOOPBACK } from '../doubles/loopback.ts';
import { compiledMain, startOwnProcess } from '../doubles/own-process.ts';
import { SandboxAdmin } from './admin.ts';

export interface SandboxProviderProcessOptions {
  /** PEM files. Clients must show a certificate of `clientCaFile`. */
  readonly tls: { readonly certFile: string; readonly keyFile: string; readonly clientCaFile: string };
  /** 32 or 64 hexadecimal digits. Without it the provider takes no PIN. */
  readonly pinKey?: string;
  /** Default 0: any free port. */
  readonly port?: number;
  /** What its look-up promises: see `ProviderCapabilities`. Default 30 seconds. */
  readonly absenceProvenAfterMs?: number;
  /** Default: a random one. */
  readonly adminToken?: string;
}

export interface SandboxProviderProcess {
  /** `https://127.0.0.1:<port>` */
  readonly url: string;
  readonly port: number;
  /** `http://127.0.0.1:<port>` */
  readonly adminUrl: string;
  readonly admin: SandboxAdmin;
  readonly pid: number;
  /** Ends the process and waits for it. Idempotent. Rejects when it did not end in time and had to be killed. */
  stop(): Promise<void>;
}

/**
 * Starts the compiled sandbox provider as a process of its own and resolves once it listens. It ends by itself when
 * this process dies. Rejects when the build is missing or the process ends before it is ready.
 */
export async function startSandboxProviderProcess(
  options: SandboxProviderProcessOptions,
): Promise<SandboxProviderProcess> {
  const { tls, pinKey, absenceProvenAfterMs } = options;
  const adminToken = options.adminToken ?? randomBytes(32).toString('base64url');
  const { port, adminPort, pid, stop } = await startOwnProcess({
    name: 'the sandbox provider',
    command: [
      process.execPath,
      compiledMain(import.meta.url),
      `--tls-cert=${tls.certFile}`,
      `--tls-key=${tls.keyFile}`,
      `--client-ca=${tls.clientCaFile}`,
      `--port=${options.port ?? 0}`,
      ...(absenceProvenAfterMs === undefined ? [] : [`--absence-proven-after-ms=${absenceProvenAfterMs}`]),
    ],
    environment: {
      SANDBOX_ADMIN_TOKEN: adminToken,
      ...(pinKey !== undefined && { SANDBOX_PIN_KEY: pinKey }),
    },
  });
  const adminUrl = `http://${LOOPBACK}:${adminPort}`;
  const admin = new SandboxAdmin(adminUrl, adminToken);
  return { url: `https://${LOOPBACK}:${port}`, port, adminUrl, admin, pid, stop };
}
