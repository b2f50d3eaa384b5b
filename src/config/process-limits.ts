import { readFileSync } from 'node:fs';

/** What the system lets this process do with its memory. Infinity: no limit. */
export interface ProcessLimits {
  /** The largest core file in bytes: what holds now, and what this process may raise it to. */
  readonly coreFile: { readonly soft: number; readonly hard: number };
  /** How many bytes this process may lock in memory. */
  readonly lockedMemory: number;
}

/** capabilities(7): who has it may lock any amount of memory. */
const CAP_IPC_LOCK = 1n << 14n;

/** The limits of this process; undefined outside Linux. */
export function readProcessLimits(): ProcessLimits | undefined {
  if (process.platform !== 'linux') return undefined;
  return parseProcessLimits(
    readFileSync('/proc/self/limits', 'latin1'),
    readFileSync('/proc/self/status', 'latin1'),
  );
}

/** Reads what `/proc/PID/limits` and `/proc/PID/status` say; see proc(5). What is not in them counts as no limit. */
export function parseProcessLimits(limits: string, status: string): ProcessLimits {
  const [soft, hard] = limitOf(limits, 'Max core file size');
  const capabilities = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0';
  const mayLockAll = (BigInt(`0x${capabilities}`) & CAP_IPC_LOCK) !== 0n;
  const [lockedMemory] = limitOf(limits, 'Max locked memory');
  return { coreFile: { soft, hard }, lockedMemory: mayLockAll ? Infinity : lockedMemory };
}

function limitOf(limits: string, name: string): readonly [soft: number, hard: number] {
  const [, soft = '', hard = ''] = new RegExp(`^${name} +(\\S+) +(\\S+)`, 'm').exec(limits) ?? [];
  return [toNumber(soft), toNumber(hard)];
}

const toNumber = (text: string): number => (/^\d+$/.test(text) ? Number(text) : Infinity);
