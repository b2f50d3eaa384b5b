import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));

export interface CommandRun {
  readonly code: number | null;
  readonly out: string;
  readonly error: string;
}

/** Runs `hushtone …`, as it was built, with nothing in its environment but what is given here. */
export async function runCommand(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<CommandRun> {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { PATH: process.env['PATH'] ?? '', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const [out, error, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, out, error };
}

/** What a command prints that ends with 0. Rejects for any other end. */
export async function outputOf(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<string> {
  const { code, out, error } = await runCommand(args, environment);
  if (code !== 0) throw new Error(`hushtone ${args.join(' ')} ended with ${code}: ${out}${error}`);
  return out;
}
