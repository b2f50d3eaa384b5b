import { createHash, randomBytes } from 'node:crypto';
import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';

/** Of a lock: a name of its own, where its holder's number counts, the number, and when the holder began. */
const HOLDER = /^([0-9a-f]{24}) ([0-9a-f]{16}) ([1-9]\d{0,9}) (\d*)$/;

/**
 * Where process numbers mean what they mean here: one boot of one machine and, in a container, its own numbers
 * (pid_namespaces(7)). Containers that share a folder see each other's locks and not each other's processes.
 */
async function placeOfProcesses(): Promise<string> {
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'latin1').catch(() => '');
  const numbers = await readlink('/proc/self/ns/pid').catch(() => '');
  return createHash('sha256').update(`${hostname()}\n${boot.trim()}\n${numbers}`).digest('hex').slice(0, 16);
}

/** When the process began, in ticks since the boot (proc_pid_stat(5)): empty where the system does not say. */
async function beginOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
  // The program's name is in brackets and may hold anything; the 22nd field is the 20th behind it.
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

/** What this process writes into a lock: another text each time. */
export async function newHolder(): Promise<string> {
  const mark = randomBytes(12).toString('hex');
  return `${mark} ${await placeOfProcesses()} ${process.pid} ${await beginOf(process.pid)}`;
}

/** The lock's own name; undefined for a text that is none of ours. */
export function markOf(holder: string): string | undefined {
  return HOLDER.exec(holder)?.[1];
}

/** Whether the holder is certainly gone. Of a process in another place nobody here can tell. */
export async function isGone(holder: string): Promise<boolean> {
  const [, , place, pid, begin] = HOLDER.exec(holder) ?? [];
  if (place === undefined || place !== (await placeOfProcesses())) return false;
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
  // The number may have been given to another process since.
  const now = await beginOf(Number(pid));
  return now !== '' && begin !== '' && now !== begin;
}
