import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** How long a gateway may take from its start until it listens. */
const START_LIMIT_MS = 30_000;

export interface GatewayProcess {
  readonly pid: number;
  /** Everything it wrote, a line each. */
  readonly log: readonly string[];
  readonly exited: Promise<number | null>;
  /** SIGTERM, and waits. */
  stop(): Promise<void>;
  /** SIGKILL, and waits: a crash. */
  kill(): Promise<void>;
}

const MAIN = new URL(
  import.meta.url.includes('/dist/') ? '../../src/main.js' : '../../dist/src/main.js',
  import.meta.url,
);

/**
 * Starts the built gateway as a process of its own. Resolves when both its listeners are open; rejects when it ends
 * before that, or is not there after `limitMs`.
 */
export async function startGateway(
  environment: Record<string, string>,
  limitMs = START_LIMIT_MS,
): Promise<GatewayProcess> {
  const main = fileURLToPath(MAIN);
  if (!existsSync(main)) throw new Error('the gateway is not built: run npm run build');
  const child = spawn(process.execPath, [main, 'serve'], {
    // Nothing of this process's environment reaches the gateway: what it is given here is all it has.
    env: { PATH: process.env['PATH'] ?? '', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log: string[] = [];
  const exited = new Promise<number | null>((resolve) => {
    child.once('exit', (code) => resolve(code));
  });
  await untilListening(child, log, limitMs);
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await exited;
  };
  return {
    pid: child.pid as number,
    log,
    exited,
    stop: async () => await end('SIGTERM'),
    kill: async () => await end('SIGKILL'),
  };
}

async function untilListening(child: ChildProcess, log: string[], limitMs: number): Promise<void> {
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  const errors = createInterface({ input: child.stderr as NodeJS.ReadableStream });
  errors.on('line', (line) => log.push(line));
  const cancel = new AbortController();
  const listening = new Promise<true>((resolve) => {
    lines.on('line', (line) => {
      log.push(line);
      if (line.includes('"msg":"ready"')) resolve(true);
    });
  });
  const exited = once(child, 'exit', { signal: cancel.signal }).then(() => false);
  let limit: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    limit = setTimeout(() => resolve(false), limitMs);
  });
  const up = await Promise.race([listening, exited.catch(() => false), late]);
  clearTimeout(limit);
  cancel.abort();
  if (up) return;
  child.kill('SIGKILL');
  throw new Error(`the gateway did not start:\n${log.slice(-20).join('\n')}`);
}
