/**
 * What goes wrong with a request. Not processed:
 * - `hang`: it is read and never answered;
 * - `drop`: it is read, then the connection is reset;
 * - `rate_limited`: 429;
 * - `server_error`: 500, or the `status` given.
 *
 * Processed:
 * - `delay`: in flight for `delayMs`, then answered;
 * - `hang_after`: never answered;
 * - `lose_answer`: the connection is reset instead of an answer;
 * - `garbage`: answered with 200 and a body that is neither JSON nor a form;
 * - `truncated`: the answer ends half-way;
 * - `too_long`: the answer goes on for a mebibyte;
 * - `server_error_after`: 500, or the `status` given.
 */
export const FAULT_KINDS = [
  'hang',
  'drop',
  'rate_limited',
  'server_error',
  'delay',
  'hang_after',
  'lose_answer',
  'garbage',
  'truncated',
  'too_long',
  'server_error_after',
] as const;

export type FaultKind = (typeof FAULT_KINDS)[number];

export interface Fault {
  readonly kind: FaultKind;
  /**
   * Which requests it strikes; every double names its own. All know `pay` (the request that moves money or keeps a card),
   * `modify` and `lookup`, where the provider has them. Default `pay`.
   */
  readonly target?: string;
  /** How many requests it strikes. Default 1. */
  readonly times?: number;
  /** For `delay` only: 1 to 60000. */
  readonly delayMs?: number;
  /** For `server_error` and `server_error_after` only: 400 to 599. */
  readonly status?: number;
}

const LONGEST_DELAY_MS = 60_000;

/** Throws a `TypeError` for anything that is not a list of faults. */
export function parseFaults(value: unknown): Fault[] {
  if (!Array.isArray(value)) throw new TypeError('faults are a list');
  return value.map(parseFault);
}

function parseFault(value: unknown): Fault {
  if (typeof value !== 'object' || value === null) throw new TypeError('a fault is an object');
  const { kind, target, times, delayMs, status, ...more } = value as Record<string, unknown>;
  const known = FAULT_KINDS.find((name) => name === kind);
  const isStatus = known === 'server_error' || known === 'server_error_after';
  if (
    known === undefined ||
    Object.keys(more).length > 0 ||
    !(target === undefined || typeof target === 'string') ||
    !(times === undefined || isWhole(times, 1, Number.MAX_SAFE_INTEGER)) ||
    !(known === 'delay' ? isWhole(delayMs, 1, LONGEST_DELAY_MS) : delayMs === undefined) ||
    !(status === undefined || (isStatus && isWhole(status, 400, 599)))
  ) {
    throw new TypeError('a fault has an unknown kind or member, or a number out of range');
  }
  return value as Fault;
}

function isWhole(value: unknown, from: number, to: number): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= from && value <= to;
}

/** Faults that are still to strike, in the order in which they were set. */
export class FaultQueue {
  #pending: { readonly fault: Fault; left: number }[] = [];

  /** Replaces whatever is pending. */
  set(faults: readonly Fault[]): void {
    this.#pending = parseFaults(faults).map((fault) => ({ fault, left: fault.times ?? 1 }));
  }

  /** The fault for the next request at `target`; it counts as struck. */
  take(target: string): Fault | undefined {
    const next = this.#pending.find(({ fault, left }) => left > 0 && (fault.target ?? 'pay') === target);
    if (next === undefined) return undefined;
    next.left -= 1;
    return next.fault;
  }
}
