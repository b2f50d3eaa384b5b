import { Problem } from './problem.ts';

/** Where a fault strikes. */
export type FaultTarget = 'pay' | 'modify' | 'lookup' | 'keys' | 'capabilities';

/**
 * What goes wrong with a request:
 * - `delay`: it is in flight for `delayMs`, then processed and answered;
 * - `lose_answer`: it is processed, then the connection is reset instead of an answer;
 * - `garbage`: it is processed, then answered with 200 and a body that is not JSON;
 * - `hang`: it is read, never processed and never answered;
 * - `server_error`: 500, not processed;
 * - `not_processed`: 503 with the problem code `not_processed`, which is a promise;
 * - `rate_limited`: 429, not processed.
 */
export type FaultKind =
  'delay' | 'lose_answer' | 'garbage' | 'hang' | 'server_error' | 'not_processed' | 'rate_limited';

export interface Fault {
  readonly kind: FaultKind;
  /** Default `pay`. */
  readonly target?: FaultTarget;
  /** How many requests it strikes. Default 1. */
  readonly times?: number;
  /** For `delay` only: 1 to 60000. */
  readonly delayMs?: number;
}

const KINDS: readonly string[] = [
  'delay',
  'lose_answer',
  'garbage',
  'hang',
  'server_error',
  'not_processed',
  'rate_limited',
] satisfies FaultKind[];
const TARGETS: readonly string[] = [
  'pay',
  'modify',
  'lookup',
  'keys',
  'capabilities',
] satisfies FaultTarget[];
const LONGEST_DELAY_MS = 60_000;

/** Throws a `Problem` with 400. */
export function parseFaults(value: unknown): Fault[] {
  if (!Array.isArray(value)) throw new Problem(400, 'malformed_faults', 'faults must be an array');
  return value.map(parseFault);
}

function parseFault(value: unknown): Fault {
  const fault = (typeof value === 'object' && value !== null ? value : {}) as Partial<
    Record<keyof Fault, unknown>
  >;
  const { kind, target = 'pay', times = 1, delayMs } = fault;
  const delays = typeof delayMs === 'number' && delayMs >= 1 && delayMs <= LONGEST_DELAY_MS;
  if (
    !KINDS.includes(kind as string) ||
    !TARGETS.includes(target as string) ||
    !Number.isInteger(times) ||
    (times as number) < 1 ||
    (kind === 'delay' ? !delays : delayMs !== undefined)
  ) {
    throw new Problem(
      400,
      'malformed_faults',
      'a fault has an unknown kind or target, or a number out of range',
    );
  }
  return {
    kind: kind as FaultKind,
    target: target as FaultTarget,
    times: times as number,
    ...(delays && { delayMs }),
  };
}

/** Faults that are still to strike, in the order in which they were set. */
export class FaultQueue {
  #pending: { fault: Fault; left: number }[] = [];

  /** Replaces whatever is pending. */
  set(faults: readonly Fault[]): void {
    this.#pending = faults.map((fault) => ({ fault, left: fault.times ?? 1 }));
  }

  /** The fault for the next request at `target`; it counts as struck. */
  take(target: FaultTarget): Fault | undefined {
    const next = this.#pending.find(({ fault, left }) => left > 0 && (fault.target ?? 'pay') === target);
    if (next === undefined) return undefined;
    next.left -= 1;
    return next.fault;
  }
}
