import { readSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Finder, Hit } from './finder.ts';

const CHUNK_BYTES = 1 << 17;
const ZEROS = Buffer.alloc(CHUNK_BYTES);

/** From `start` up to `end`, excluded. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** Work in steps of some milliseconds each. */
export type Steps<T> = Generator<undefined, T, undefined>;

/** Does all the work at once. */
export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** Lets others have a turn after each step: audio that the searching process plays must not be held up. */
export async function inTurns<T>(steps: Steps<T>): Promise<T> {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
    await nextTurn();
  }
}

/**
 * Looks through one range of an open file, piece by piece, whatever its size. Where nothing can be read the range ends:
 * pages of memory that are gone or were never there give EIO or EFAULT.
 */
export function* scanRange(file: number, { start, end }: Range, finder: Finder): Steps<Hit[]> {
  const overlap = Math.max(finder.longest - 1, 0);
  const chunk = Buffer.alloc(CHUNK_BYTES + overlap);
  const found: Hit[] = [];
  let carried = 0;
  for (let position = start; position < end; position += CHUNK_BYTES) {
    const wanted = Math.min(CHUNK_BYTES, end - position);
    const read = readAt(file, chunk.subarray(carried, carried + wanted), position);
    const filled = chunk.subarray(0, carried + read);
    const first = position - carried;
    for (const { needle, at } of finder.find(withoutZeros(filled, carried, overlap))) {
      // A hit that ends within what was carried over was reported with the chunk before.
      if (at + finder.lengthOf(needle) > carried) found.push({ needle, at: first + at });
    }
    if (read < wanted) break;
    yield;
    carried = Math.min(overlap, filled.length);
    chunk.copyWithin(0, filled.length - carried, filled.length);
  }
  return found;
}

/** Much of a core file or of a database's files is zeros, which no needle is made of alone. */
function withoutZeros(filled: Buffer, carried: number, overlap: number): Buffer {
  const fresh = filled.length - carried;
  if (filled.compare(ZEROS, 0, fresh, carried, filled.length) !== 0) return filled;
  return filled.subarray(0, Math.min(carried + overlap, filled.length));
}

function readAt(file: number, target: Buffer, position: number): number {
  let read = 0;
  while (read < target.length) {
    try {
      const more = readSync(file, target, read, target.length - read, position + read);
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
