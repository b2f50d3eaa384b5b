import { readFileSync, writeFileSync } from 'node:fs';

/** See core(5), "Controlling which mappings are written to the core dump". */
const FILTER = '/proc/self/coredump_filter';

/**
 * Leaves all memory of this process out of its core files. A limit of zero is not enough: it does not hold where the
 * system pipes core files to a program (core(5)), which is up to the system and not to this process.
 *
 * Returns whether the system has taken it; false outside Linux.
 */
export function leaveMemoryOutOfCoreFiles(): boolean {
  try {
    writeFileSync(FILTER, '0');
    return /^0+$/.test(readFileSync(FILTER, 'latin1').trim());
  } catch {
    return false;
  }
}
