import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { Finder } from './finder.ts';

const CHUNK_BYTES = 1 << 20;

/** Mappings of the kernel that cannot be read, or hold nothing of the process. */
const KERNEL_MAPPINGS = new Set(['[vvar]', '[vvar_vclock]', '[vdso]', '[vsyscall]']);

interface Mapping {
  readonly start: number;
  readonly end: number;
}

/** One place where a needle was found. */
export interface Residue {
  /** Index of the needle that was given. */
  readonly needle: number;
  readonly address: number;
}

/**
 * The forms in which a number of digits can lie in memory: ASCII, UTF-16LE, and packed BCD in both nibble alignments.
 * In the odd alignment the first and the last digit share their bytes with something else, so only the whole bytes
 * between them are looked for. `digits` are values 0 to 9; 8 or more of them, as shorter needles are found by chance.
 */
export function forms(digits: readonly number[]): Uint8Array[] {
  if (digits.length < 8) throw new Error('fewer than 8 digits would be found by chance');
  const ascii = Uint8Array.from(digits, (digit) => 0x30 + digit);
  const utf16 = Uint8Array.from(digits.flatMap((digit) => [0x30 + digit, 0]));
  return [ascii, utf16, packed(digits), packed(digits.slice(1))];
}

function packed(digits: readonly number[]): Uint8Array {
  return Uint8Array.from({ length: digits.length >> 1 }, (_, index) => {
    return ((digits[2 * index] ?? 0) << 4) | (digits[2 * index + 1] ?? 0);
  });
}

/**
 * Looks for the needles in the memory of another process (Linux, same user or root): every readable private mapping
 * but file contents that cannot have been written to. The process runs on meanwhile; let it be idle.
 */
export function scanProcessMemory(pid: number, needles: readonly Uint8Array[]): Residue[] {
  if (pid === process.pid) throw new Error('the scanner holds the needles itself');
  if (needles.length === 0) return [];
  const overlap = Math.max(...needles.map((needle) => needle.length)) - 1;
  const finder = new Finder(needles);
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  try {
    return mappingsOf(pid).flatMap((mapping) => scanMapping(memory, mapping, finder, overlap, needles));
  } finally {
    closeSync(memory);
  }
}

/** See proc_pid_maps(5): `start-end perms offset device inode path`. */
function mappingsOf(pid: number): Mapping[] {
  return readFileSync(`/proc/${pid}/maps`, 'utf8')
    .split('\n')
    .flatMap((line) => {
      const parsed = /^([0-9a-f]+)-([0-9a-f]+) (r)(w|-)(?:x|-)p \S+ \S+ (\d+) *(.*)$/.exec(line);
      if (parsed === null) return [];
      const [, start = '', end = '', , write, inode, path = ''] = parsed;
      if (KERNEL_MAPPINGS.has(path) || (inode !== '0' && write === '-')) return [];
      return [{ start: Number.parseInt(start, 16), end: Number.parseInt(end, 16) }];
    });
}

function scanMapping(
  memory: number,
  { start, end }: Mapping,
  finder: Finder,
  overlap: number,
  needles: readonly Uint8Array[],
): Residue[] {
  const chunk = Buffer.alloc(CHUNK_BYTES + overlap);
  const found: Residue[] = [];
  let carried = 0;
  for (let address = start; address < end; address += CHUNK_BYTES) {
    const wanted = Math.min(CHUNK_BYTES, end - address);
    const read = readAt(memory, chunk.subarray(carried, carried + wanted), address);
    const filled = chunk.subarray(0, carried + read);
    const first = address - carried;
    for (const { needle, at } of finder.find(filled)) {
      // A hit that ends within what was carried over was reported with the chunk before.
      if (at + (needles[needle]?.length ?? 0) > carried) found.push({ needle, address: first + at });
    }
    const kept = read < wanted ? 0 : Math.min(overlap, filled.length);
    chunk.copyWithin(0, filled.length - kept, filled.length);
    carried = kept;
  }
  return found;
}

/** Pages that are gone or were never there give EIO or EFAULT: there is nothing in them. */
function readAt(memory: number, target: Buffer, address: number): number {
  let read = 0;
  while (read < target.length) {
    try {
      const more = readSync(memory, target, read, target.length - read, address + read);
      if (more === 0) break;
      read += more;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'EIO' || code === 'EFAULT') break;
      throw error;
    }
  }
  return read;
}
