import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { text } from 'node:stream/consumers';

const MULTIMON = '/usr/bin/multimon-ng';
const SOX = '/usr/bin/sox';

/** multimon-ng reads blocks: without something after it, it never decodes the end. */
const TAIL_SAMPLES = 4_000;

const RAW = ['-t', 'raw', '-e', 'signed', '-b', '16', '-c', '1'];

/** Whether multimon-ng, and sox to resample for it, are there. */
export function multimonInstalled(): boolean {
  return existsSync(MULTIMON) && existsSync(SOX);
}

/**
 * The keys that an independent decoder hears in 8 kHz samples, in order. Rejects when a program is missing or fails.
 */
export async function decodeWithMultimon(samples: Int16Array): Promise<string[]> {
  if (!multimonInstalled()) throw new Error('multimon-ng and sox are not installed');
  // multimon-ng takes 22 050 Hz only.
  const sox = spawn(SOX, [...RAW, '-r', '8000', '-', ...RAW, '-r', '22050', '-'], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const multimon = spawn(MULTIMON, ['-q', '-a', 'DTMF', '-t', 'raw', '-'], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const ended = Promise.all([once(sox, 'close'), once(multimon, 'close')]);
  // When one of them ends early the other's pipe breaks; the exit status tells.
  for (const stream of [sox.stdin, multimon.stdin]) stream.on('error', () => undefined);
  sox.stdout.pipe(multimon.stdin);
  const padded = new Int16Array(samples.length + TAIL_SAMPLES);
  padded.set(samples);
  sox.stdin.end(Buffer.from(padded.buffer));
  const [printed] = await Promise.all([text(multimon.stdout), ended]);
  if (sox.exitCode !== 0 || multimon.exitCode !== 0) throw new Error('sox or multimon-ng failed');
  return [...printed.matchAll(/^DTMF: (?<key>[0-9A-D*#])$/gm)].map((match) => match.groups?.['key'] ?? '');
}
