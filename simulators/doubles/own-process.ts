import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const READY_WITHIN_MS = 30_000;
const STOPPED_WITHIN_MS = 10_000;

export interface OwnProcessOptions {
  /** In errors: `the double`. */
  readonly name: string;
  /** The program and its arguments. */
  readonly command: readonly string[];
  /** All that the process gets. Secrets go here, as other users can read arguments. */
  readonly environment: Readonly<Record<string, string>>;
}

/** A provider's stand-in that listens in a process of its own. */
export interface OwnProcess {
  readonly pid: number;
  readonly port: number;
  readonly adminPort: number;
  /** Ends the process and waits for it. Idempotent. Rejects when it did not end in time and had to be killed. */
  readonly stop: () => Promise<void>;
}

/**
 * Starts a process and resolves once it has written `{port, adminPort}` as its first line. It is told to end by itself
 * when this process dies. Rejects when it ends before it is ready.
 */
export async function startOwnProcess(options: OwnProcessOptions): Promise<OwnProcess> {
  const { name, command, environment } = options;
  const [program = process.execPath, ...args] = command;
  const child = spawn(program, [...args, '--exit-with-parent'], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...environment },
  });
  const stop = (): Promise<void> => end(child, name);
  try {
    return { ...(await readiness(child, name)), pid: child.pid ?? 0, stop };
  } catch (error) {
    await stop().catch(() => undefined); // why it did not start matters more
    throw error;
  }
}

/**
 * The `main.js` beside the module at `moduleUrl`: its sibling in a compiled tree; for TypeScript sources the one in the
 * build of the same package. Throws when there is none.
 */
export function compiledMain(moduleUrl: string): string {
  const here = fileURLToPath(moduleUrl);
  const root = here.endsWith('.js') ? undefined : packageRoot(here);
  const folder = root === undefined ? dirname(here) : join(root, 'dist', dirname(here).slice(root.length));
  const main = join(folder, 'main.js');
  if (!existsSync(main)) throw new Error(`${main} does not exist: run "npm run build" first`);
  return main;
}

function packageRoot(file: string): string {
  const directory = dirname(file);
  if (existsSync(join(directory, 'package.json'))) return directory;
  if (directory === file) throw new Error('no package.json above this module');
  return packageRoot(directory);
}

async function readiness(child: ChildProcess, name: string): Promise<{ port: number; adminPort: number }> {
  let deadline: NodeJS.Timeout | undefined;
  try {
    return await new Promise((resolve, reject) => {
      let complaint = '';
      deadline = setTimeout(() => reject(new Error(`${name} is not ready`)), READY_WITHIN_MS);
      child.stderr?.on('data', (chunk: Buffer) => (complaint += chunk.toString('utf8')));
      child.once('error', reject);
      child.once('close', (code) => {
        reject(new Error(`${name} ended with ${code ?? 'a signal'}: ${complaint.trim()}`));
      });
      if (child.stdout === null) return;
      createInterface({ input: child.stdout }).once('line', (line) => {
        try {
          resolve(JSON.parse(line) as { port: number; adminPort: number });
        } catch (error) {
          reject(new Error(`${name} did not say that it is ready`, { cause: error }));
        }
      });
    });
  } finally {
    clearTimeout(deadline);
  }
}

async function end(child: ChildProcess, name: string): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'close');
  child.kill('SIGTERM');
  let killed = false;
  const deadline = setTimeout(() => (killed = child.kill('SIGKILL')), STOPPED_WITHIN_MS);
  await closed;
  clearTimeout(deadline);
  if (killed) throw new Error(`${name} did not stop when asked to`);
}
