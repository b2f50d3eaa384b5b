import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { Finder } from './finder.ts';
import { atOnce, scanRange, type Range, type Steps } from './scan.ts';

/** Mappings of the kernel that cannot be read, or hold nothing of the process. */
const KERNEL_MAPPINGS = new Set(['[vvar]', '[vvar_vclock]', '[vdso]', '[vsyscall]']);

/** x86-64, and arm64 as Debian builds it. */
const PAGE_BYTES = 4096;

/** Linux, Documentation/admin-guide/mm/pagemap.rst: 64 bits a page, bit 63 "present", bit 62 "swapped". */
const ENTRY_BYTES = 8;
const IN_USE = 0xc0;

/** One place where a needle was found. */
export interface Residue {
  /** Index of the needle that was given. */
  readonly needle: number;
  readonly address: number;
}

/**
 * Looks for the needles in the memory of another process (Linux, same user or root): every readable private mapping
 * but file contents that cannot have been written to. The process runs on meanwhile; let it be idle.
 */
export function scanProcessMemory(pid: number, needles: readonly Uint8Array[]): Residue[] {
  return atOnce(scanMemoryWith(pid, new Finder(needles)));
}

/** The same in steps, with a finder that is used for other places too. */
export function* scanMemoryWith(pid: number, finder: Finder): Steps<Residue[]> {
  if (pid === process.pid) throw new Error('the scanner holds the needles itself');
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  const pages = openSync(`/proc/${pid}/pagemap`, 'r');
  try {
    const found: Residue[] = [];
    for (const range of mappingsOf(pid).flatMap((mapping) => rangesInUse(pages, mapping))) {
      const hits = yield* scanRange(memory, range, finder);
      found.push(...hits.map(({ needle, at }) => ({ needle, address: at })));
    }
    return found;
  } finally {
    closeSync(memory);
    closeSync(pages);
  }
}

/** See proc_pid_maps(5): `start-end perms offset device inode path`. */
function mappingsOf(pid: number): Range[] {
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

/**
 * The pages that were ever touched. The rest of a mapping, often nearly all of it, is zeros, or what a file has that the
 * process did not write.
 */
function rangesInUse(pages: number, { start, end }: Range): Range[] {
  const entries = Buffer.alloc(((end - start) / PAGE_BYTES) * ENTRY_BYTES);
  const read = readSync(pages, entries, 0, entries.length, (start / PAGE_BYTES) * ENTRY_BYTES);
  const ranges: { start: number; end: number }[] = [];
  for (let entry = 0; entry < read; entry += ENTRY_BYTES) {
    if (((entries[entry + ENTRY_BYTES - 1] ?? 0) & IN_USE) === 0) continue;
    const page = start + (entry / ENTRY_BYTES) * PAGE_BYTES;
    const last = ranges.at(-1);
    if (last?.end === page) last.end += PAGE_BYTES;
    else ranges.push({ start: page, end: page + PAGE_BYTES });
  }
  return ranges;
}
