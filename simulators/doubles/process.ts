import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { LedgerEntry, ProviderDouble, SeenRequest } from './contract.ts';
import type { Fault } from './faults.ts';

const MAIN = join('dist', 'simulators', 'doubles', 'main.js');
const READY_WITHIN_MS = 30_000;
const STOPPED_WITHIN_MS = 10_000;

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
  const { provider, secret, tls, command = [process.execPath, compiledMain()] } = options;
  const adminToken = randomBytes(32).toString('base64url');
  const [program = process.execPath, ...before] = command;
  const child = spawn(
    program,
    [
      ...before,
      `--provider=${provider}`,
      `--ca=${tls.caFile}`,
      `--tls-cert=${tls.certFile}`,
      `--tls-key=${tls.keyFile}`,
      '--exit-with-parent',
    ],
    {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { DOUBLE_ADMIN_TOKEN: adminToken, DOUBLE_SECRET: secret },
    },
  );
  try {
    const { port, adminPort } = await readiness(child);
    const ask = (method: string, path: string, body?: unknown): Promise<string> =>
      send(`http://127.0.0.1:${adminPort}${path}`, adminToken, method, body);
    return {
      url: `https://127.0.0.1:${port}`,
      ca: await readFile(tls.caFile, 'utf8'),
      pid: child.pid ?? 0,
      ledger: async () => JSON.parse(await ask('GET', '/admin/ledger')) as LedgerEntry[],
      requests: async () => JSON.parse(await ask('GET', '/admin/requests')) as SeenRequest[],
      setFaults: async (faults: readonly Fault[]) => void (await ask('POST', '/admin/faults', faults)),
      reset: async () => void (await ask('POST', '/admin/reset')),
      close: () => end(child),
    };
  } catch (error) {
    await end(child).catch(() => undefined); // why it did not start matters more
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
  if (directory === file) throw new Error('no package.json above the doubles');
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
      deadline = setTimeout(() => reject(new Error('the double is not ready')), READY_WITHIN_MS);
      child.stderr?.on('data', (chunk: Buffer) => (complaint += chunk.toString('utf8')));
      child.once('error', reject);
      child.once('close', (code) => {
        reject(new Error(`the double ended with ${code ?? 'a signal'}: ${complaint.trim()}`));
      });
      if (child.stdout === null) return;
      createInterface({ input: child.stdout }).once('line', (line) => {
        try {
          resolve(JSON.parse(line) as Readiness);
        } catch (error) {
          reject(new Error('the double did not say that it is ready', { cause: error }));
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
  if (killed) throw new Error('the double did not stop when asked to');
}

function send(url: string, token: string, method: string, body?: unknown): Promise<string> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    // No agent: a test must not be left with an idle connection.
    const options = { method, headers: { authorization: `Bearer ${token}` }, agent: false };
    const request = httpRequest(url, options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const answer = Buffer.concat(chunks).toString('utf8');
        if (response.statusCode === 200 || response.statusCode === 204) resolve(answer);
        else reject(new Error(`the double’s admin said ${response.statusCode} ${answer}`));
      });
    });
    request.on('error', reject);
    request.end(text);
  });
}
