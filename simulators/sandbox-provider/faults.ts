import { seededRandom } from '../audio/tones.ts';
import { Problem } from './problem.ts';

/** Where a fault strikes. */
export type FaultTarget = 'pay' | 'modify' | 'lookup' | 'keys' | 'capabilities';

/**
 * What goes wrong with a request. Not processed:
 * - `hang`: it is read and never answered;
 * - `drop`: it is read, then the connection is reset;
 * - `server_error`: 500, or the `status` given;
 * - `not_processed`: 503 with the problem code `not_processed`, which is a promise;
 * - `rate_limited`: 429.
 *
 * Processed:
 * - `late`: it arrives only after `delayMs`; until then no look-up sees it;
 * - `delay`: it is in flight for `delayMs`, then answered;
 * - `hang_after`: it is never answered;
 * - `lose_answer`: the connection is reset instead of an answer;
 * - `garbage`: it is answered with 200 and a body that is not JSON;
 * - `truncated`: its answer ends half-way;
 * - `too_long`: its answer goes on for a mebibyte;
 * - `server_error_after`: 500, or the `status` given.
 */
const KINDS = [
  'hang',
  'drop',
  'server_error',
  'not_processed',
  'rate_limited',
  'late',
  'delay',
  'hang_after',
  'lose_answer',
  'garbage',
  'truncated',
  'too_long',
  'server_error_after',
] as const;

export type FaultKind = (typeof KINDS)[number];

export interface Fault {
  readonly kind: FaultKind;
  /** Default `pay`. */
  readonly target?: FaultTarget;
  /** How many requests it strikes. Default 1. */
  readonly times?: number;
  /** For `delay` and `late` only: 1 to 60000. */
  readonly delayMs?: number;
  /** For `server_error` and `server_error_after` only: 400 to 599. */
  readonly status?: number;
}

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
  const { kind, target = 'pay', times = 1, delayMs, status } = fault;
  const known = KINDS.find((name) => name === kind);
  const waits = known === 'delay' || known === 'late';
  const errs = known === 'server_error' || known === 'server_error_after';
  if (
    known === undefined ||
    !TARGETS.includes(target as string) ||
    !isWhole(times, 1, Number.MAX_SAFE_INTEGER) ||
    (waits ? !isWhole(delayMs, 1, LONGEST_DELAY_MS) : delayMs !== undefined) ||
    (status !== undefined && !(errs && isWhole(status, 400, 599)))
  ) {
    throw new Problem(
      400,
      'malformed_faults',
      'a fault has an unknown kind or target, or a number out of range',
    );
  }
  return {
    kind: known,
    target: target as FaultTarget,
    times,
    ...(delayMs !== undefined && { delayMs: delayMs as number }),
    ...(status !== undefined && { status }),
  };
}

function isWhole(value: unknown, from: number, to: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= from && value <= to;
}

/** How likely each fault is to strike a request at its target; those of one target sum up to 1 at most. */
export interface FaultRates {
  /** The same seed gives the same faults in the same order. */
  readonly seed: number;
  readonly rates: readonly FaultRate[];
}

export interface FaultRate {
  /** Its `times` do not count. */
  readonly fault: Fault;
  /** 0 to 1. */
  readonly probability: number;
}

/** Throws a `Problem` with 400. */
export function parseFaultRates(value: unknown): FaultRates {
  const { seed, rates } = (typeof value === 'object' && value !== null ? value : {}) as Record<
    string,
    unknown
  >;
  if (!isWhole(seed, 0, 0xffff_ffff) || !Array.isArray(rates)) throw malformedRates();
  const parsed = rates.map((rate: unknown): FaultRate => {
    const { fault, probability } = (typeof rate === 'object' && rate !== null ? rate : {}) as Record<
      string,
      unknown
    >;
    if (typeof probability !== 'number' || !(probability >= 0 && probability <= 1)) throw malformedRates();
    return { fault: parseFault(fault), probability };
  });
  for (const target of TARGETS) {
    const sum = parsed
      .filter(({ fault }) => fault.target === target)
      .reduce((total, { probability }) => total + probability, 0);
    if (sum > 1) throw malformedRates();
  }
  return { seed, rates: parsed };
}

function malformedRates(): Problem {
  return new Problem(400, 'malformed_rates', 'rates are faults with a probability, and a seed of 32 bits');
}

/** Faults that are still to strike, in the order in which they were set; then those that strike by chance. */
export class FaultQueue {
  #pending: { fault: Fault; left: number }[] = [];
  #rates: readonly FaultRate[] = [];
  #random = new Map<string, () => number>();
  readonly #struck = new Map<string, number>();

  /** Replaces whatever is pending. */
  set(faults: readonly Fault[]): void {
    this.#pending = faults.map((fault) => ({ fault, left: fault.times ?? 1 }));
  }

  /** What strikes by chance from now on, whenever nothing is pending. */
  setRates({ seed, rates }: FaultRates): void {
    this.#rates = rates;
    // Of its own for each target: what strikes one does not depend on how often the others are asked.
    this.#random = new Map(TARGETS.map((target, index) => [target, seededRandom(seed + index)]));
  }

  /** The fault for the next request at `target`; it counts as struck. */
  take(target: FaultTarget): Fault | undefined {
    const fault = this.#nextPending(target) ?? this.#byChance(target);
    if (fault !== undefined) {
      const name = `${target} ${fault.kind}`;
      this.#struck.set(name, (this.#struck.get(name) ?? 0) + 1);
    }
    return fault;
  }

  /** How many requests were struck, by target and kind. */
  struck(): Record<string, number> {
    return Object.fromEntries(this.#struck);
  }

  #nextPending(target: FaultTarget): Fault | undefined {
    const next = this.#pending.find(({ fault, left }) => left > 0 && (fault.target ?? 'pay') === target);
    if (next === undefined) return undefined;
    next.left -= 1;
    return next.fault;
  }

  #byChance(target: FaultTarget): Fault | undefined {
    const rates = this.#rates.filter(({ fault }) => (fault.target ?? 'pay') === target);
    if (rates.length === 0) return undefined;
    let drawn = this.#random.get(target)?.() ?? 1;
    for (const { fault, probability } of rates) {
      drawn -= probability;
      if (drawn < 0) return fault;
    }
    return undefined;
  }
}
