import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { HushtoneError } from '../kernel/errors.ts';

/** What is used of libsodium (https://doc.libsodium.org/memory_management). */
interface Sodium {
  /** Between guard pages, locked and left out of core files where the system lets it; says nothing where not. */
  sodium_malloc(bytes: number): Uint8Array<ArrayBuffer>;
  /** Throws when the pages cannot be locked. */
  sodium_mlock(memory: Uint8Array): void;
}

/** The largest page of Linux. The canary that libsodium puts before the memory takes a page more. */
const LARGEST_PAGE_BYTES = 64 * 1024;

const HOW_TO_RAISE =
  'raise it (ulimit -l, LimitMEMLOCK= in a systemd unit, --ulimit memlock= for a container) or lower SECRET_MEMORY_KIB';

/**
 * Memory, a whole number of pages, that is never written to swap (mlock(2)) nor to a core file (MADV_DONTDUMP of madvise(2)), zeroed, and never
 * given back. libsodium says nothing when the system refuses either, so that is found out here.
 *
 * Throws `secret_memory_unavailable` where libsodium's addon cannot be loaded or the system does not do what was asked,
 * and `secret_memory_limit` when RLIMIT_MEMLOCK is too low: both `unavailable`, with what an operator can do. There is no
 * other memory to fall back on.
 */
export function allocateLockedMemory(bytes: number): Uint8Array<ArrayBuffer> {
  const sodium = loadSodium();
  const before = countProtected(bytes);
  let memory: Uint8Array<ArrayBuffer>;
  try {
    memory = sodium.sodium_malloc(bytes);
    sodium.sodium_mlock(memory);
  } catch (cause) {
    throw new HushtoneError(
      'secret_memory_limit',
      'unavailable',
      `${bytes / 1024} KiB for secrets cannot be locked in memory: the limit of locked memory (RLIMIT_MEMLOCK) is too low${limitInWords()}; ${HOW_TO_RAISE}`,
      { cause },
    );
  }
  // Another thread of the process may have memory of the same size: one more than before it must be.
  if (process.platform === 'linux' && countProtected(bytes) <= before) {
    throw new HushtoneError(
      'secret_memory_unavailable',
      'unavailable',
      'the system does not keep the memory for secrets out of swap and core files (VmFlags `lo` and `dd` in /proc/self/smaps)',
    );
  }
  memory.fill(0); // libsodium fills it with another value
  return memory;
}

function loadSodium(): Sodium {
  try {
    // Not imported: where there is no build of the addon, that is an error of the first secret and says what is missing.
    return createRequire(import.meta.url)('sodium-native') as Sodium;
  } catch (cause) {
    throw new HushtoneError(
      'secret_memory_unavailable',
      'unavailable',
      `there is no memory for secrets: sodium-native cannot be loaded on ${process.platform} ${process.arch}`,
      { cause },
    );
  }
}

/**
 * How many mappings of this size, or a page more, the kernel keeps locked and out of core files; see proc_pid_smaps(5).
 * Guard pages keep each apart from its neighbours.
 */
function countProtected(bytes: number): number {
  if (process.platform !== 'linux') return 0;
  const mappings = readFileSync('/proc/self/smaps', 'latin1').split(/\n(?=[0-9a-f]+-[0-9a-f]+ )/);
  return mappings.filter((mapping) => {
    const size = Number(/^Size: +(\d+) kB$/m.exec(mapping)?.[1]) * 1024;
    const flags = /^VmFlags: (.*)$/m.exec(mapping)?.[1]?.split(' ') ?? [];
    const fits = size >= bytes && size <= bytes + LARGEST_PAGE_BYTES;
    return fits && flags.includes('lo') && flags.includes('dd');
  }).length;
}

/** See proc_pid_limits(5). */
function limitInWords(): string {
  if (process.platform !== 'linux') return '';
  const limit = /^Max locked memory +(\S+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1];
  return limit === undefined || limit === 'unlimited'
    ? ''
    : ` at ${Number(limit) / 1024} KiB for the process`;
}
