import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { SandboxAdmin } from './admin.ts';

const MAIN = join('dist', 'simulators', 'sandbox-provider', 'main.js');
const READY_WITHIN_MS = 30_000;
const STOPPED_WITHIN_MS = 10_000;

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
  const adminToken = options.adminToken ?? randomBytes(32).toString('base64url');
  const child = spawn(
    process.execPath,
    [
      compiledMain(),
      `--tls-cert=${options.tls.certFile}`,
      `--tls-key=${options.tls.keyFile}`,
      `--client-ca=${options.tls.clientCaFile}`,
      `--port=${options.port ?? 0}`,
      ...(options.absenceProvenAfterMs === undefined
        ? []
        : [`--absence-proven-after-ms=${options.absenceProvenAfterMs}`]),
      '--exit-with-parent',
    ],
    {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: {
        SANDBOX_ADMIN_TOKEN: adminToken,
        ...(options.pinKey !== undefined && { SANDBOX_PIN_KEY: options.pinKey }),
      },
    },
  );
  const stop = (): Promise<void> => end(child);
  try {
    const { port, adminPort } = await readiness(child);
    const adminUrl = `http://127.0.0.1:${adminPort}`;
    return {
      url: `https://127.0.0.1:${port}`,
      port,
      adminUrl,
      admin: new SandboxAdmin(adminUrl, adminToken),
      pid: child.pid ?? 0,
      stop,
    };
  } catch (error) {
    await stop().catch(() => undefined); // why it did not start matters more
    throw error;
  }
}

/** From a compiled tree it is the sibling; from TypeScript sources it is in the build of the same package. */
function compiledMain(): string {
  const here = fileURLToPath(import.meta.url);
  const main = here.endsWith('.js') ? join(dirname(here), 'main.js') : join(packageRoot(here), MAIN);
  if (!existsSync(main)) throw new Error(`${main} does not exist: run "npm run build" first`);
  return main;
}

function packageRoot(file: string): string {
  const directory = dirname(file);
  if (existsSync(join(directory, 'package.json'))) return directory;
  if (directory === file) throw new Error('no package.json above the sandbox provider');
  return packageRoot(directory);
}

interface Readiness {
  readonly port: number;
  readonly adminPort: number;
}

async function readiness(child: ChildProcess): Promise<Readiness> {
  let deadline: NodeJS.Timeout | undefined;
  try {
    return await new Promise<Readiness>((resolve, reject) => {
      let complaint = '';
      deadline = setTimeout(() => reject(new Error('the sandbox provider is not ready')), READY_WITHIN_MS);
      child.stderr?.on('data', (chunk: Buffer) => (complaint += chunk.toString('utf8')));
      child.once('error', reject);
      child.once('close', (code) => {
        reject(new Error(`the sandbox provider ended with ${code ?? 'a signal'}: ${complaint.trim()}`));
      });
      if (child.stdout === null) return;
      createInterface({ input: child.stdout }).once('line', (line) => {
        try {
          resolve(JSON.parse(line) as Readiness);
        } catch (error) {
          reject(new Error('the sandbox provider did not say that it is ready', { cause: error }));
        }
      });
    });
  } finally {
    clearTimeout(deadline);
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'close');
  child.kill('SIGTERM');
  let killed = false;
  const deadline = setTimeout(() => (killed = child.kill('SIGKILL')), STOPPED_WITHIN_MS);
  await closed;
  clearTimeout(deadline);
  if (killed) throw new Error('the sandbox provider did not stop when asked to');
}
