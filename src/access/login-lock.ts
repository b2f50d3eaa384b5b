import { createHash } from 'node:crypto';
import { siteOf } from './networks.ts';

/** A mistyped secret or a deployment that went wrong: this many failures have no consequence. */
const FREE_FAILURES = 4;
/** The fifth failure locks this long, each further one twice as long as the one before. */
const FIRST_LOCK_SECONDS = 30;
const LONGEST_LOCK_SECONDS = 3600;
/** Failures count together while no more than this lies between them. Longer than the longest lock. */
export const MEMORY_SECONDS = 2 * 3600;

/** What is known of one source, a client's id as it was given and the address that gave it. */
export interface LoginFailures {
  readonly failures: number;
  readonly lastFailureAt: Date;
  readonly lockedUntil?: Date;
}

/**
 * What stands for a source in the database. An id that nobody has may be anything, a card number included: only its
 * hash is kept. Of an IPv6 address its site counts, since its hosts are free to change theirs.
 */
export function sourceOf(clientId: string, address: string): Buffer {
  return createHash('sha256')
    .update(JSON.stringify([clientId, siteOf(address)]))
    .digest();
}

/** Seconds until the source may try again; 0 when it may now. */
export function secondsLocked(known: LoginFailures | undefined, now: Date): number {
  const left = (known?.lockedUntil?.getTime() ?? 0) - now.getTime();
  return Math.max(0, Math.ceil(left / 1000));
}

/** One more failure, and the lock that follows from it. */
export function afterFailure(known: LoginFailures | undefined, now: Date): LoginFailures {
  const remembered =
    known !== undefined && now.getTime() - known.lastFailureAt.getTime() <= MEMORY_SECONDS * 1000;
  const failures = (remembered ? known.failures : 0) + 1;
  if (failures <= FREE_FAILURES) return { failures, lastFailureAt: now };
  const doublings = Math.min(failures - FREE_FAILURES - 1, 20); // far beyond the longest, and no overflow
  const seconds = Math.min(LONGEST_LOCK_SECONDS, FIRST_LOCK_SECONDS * 2 ** doublings);
  return { failures, lastFailureAt: now, lockedUntil: new Date(now.getTime() + seconds * 1000) };
}
