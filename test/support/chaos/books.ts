import type { LedgerEntry, ModificationEntry } from '../../../simulators/sandbox-provider/ledger.ts';

/** What the provider has done. */
export interface Ledger {
  readonly payments: readonly LedgerEntry[];
  readonly modifications: readonly ModificationEntry[];
}

/** A row of `payments`. */
export interface BookedPayment {
  readonly id: string;
  readonly status: string;
  readonly purpose: string;
  readonly amount: number;
  readonly currency: string;
  readonly amountCaptured: number;
  readonly amountRefunded: number;
  readonly reference: string | null;
  readonly providerReference: string | null;
}

/** A row of `payment_attempts`. */
export interface BookedAttempt {
  readonly id: string;
  readonly paymentId: string | null;
  readonly operation: string;
  readonly state: string;
  readonly idempotencyKey: string;
  readonly amount: number | null;
  readonly providerReference: string | null;
}

/** What the audit trail tells of one attempt: `payment.attempt` and `payment.outcome`, in their order. */
export interface AuditedAttempt {
  readonly attemptId: string;
  readonly operation: string;
  /** `after.state` of the record. */
  readonly state: string;
}

export interface Books {
  readonly payments: readonly BookedPayment[];
  readonly attempts: readonly BookedAttempt[];
  readonly audited: readonly AuditedAttempt[];
}

/** One thing that an integrator wanted, however often it had to ask, and what it was told in the end. */
export interface Order {
  /** No other order has it; it travels to the provider. */
  readonly reference: string;
  readonly amount: number;
  /** Every payment that an answer named. */
  readonly paymentIds: readonly string[];
  /** The payment's status in the first final answer; absent: the integrator never learned it. */
  readonly told?: string;
  /** What it wanted done with the payment after that, each once. */
  readonly changes: readonly OrderedChange[];
}

export interface OrderedChange {
  readonly modification: 'capture' | 'void' | 'refund';
  /** Minor units; absent for `void`. */
  readonly amount?: number;
  readonly told: 'done' | 'refused' | 'nothing';
}

/** One way in which the ledger, our books and what clients were told do not agree. */
export interface Disagreement {
  readonly kind:
    | 'double_charge'
    | 'double_change'
    | 'unwritten_request'
    | 'lost_success'
    | 'invented_success'
    | 'wrong_amount'
    | 'attempt_differs'
    | 'left_open'
    | 'told_otherwise'
    | 'two_payments'
    | 'no_answer'
    | 'no_audit_trail';
  /** The reference of the order, or the id of what it is about. */
  readonly of: string;
  readonly detail: string;
}

const MOVED = new Set(['authorized', 'captured', 'partially_refunded', 'refunded', 'voided']);
const OPEN = new Set(['processing', 'unknown']);

/** A capture that ends before its submit voids its payment too, and nothing was ever sent for that. */
const hasMoved = ({ status, providerReference }: BookedPayment): boolean =>
  MOVED.has(status) && !(status === 'voided' && providerReference === null);

/** Holds all against each other. Empty: they agree exactly. */
export function compareBooks(ledger: Ledger, books: Books, orders: readonly Order[]): Disagreement[] {
  return [
    ...chargedTwice(ledger),
    ...changedTwice(ledger, orders),
    ...attemptsThatDiffer(ledger, books),
    ...paymentsThatDiffer(ledger, books),
    ...ordersThatDiffer(ledger, books, orders),
    ...withoutTrail(books),
  ];
}

const succeeded = <T extends { readonly result: string }>(entries: readonly T[]): T[] =>
  entries.filter(({ result }) => result === 'succeeded');

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string | null | undefined): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    if (typeof key === 'string') groups.set(key, [...(groups.get(key) ?? []), item]);
  }
  return groups;
}

/** By the reference, which is the order's own: our books are not asked. */
function chargedTwice({ payments }: Ledger): Disagreement[] {
  return [...groupBy(succeeded(payments), ({ reference }) => reference)]
    .filter(([, charges]) => charges.length > 1)
    .map(([reference, charges]) => ({
      kind: 'double_charge',
      of: reference,
      detail: charges.map(({ chargeId }) => chargeId).join(', '),
    }));
}

/** An order wants each of its changes once; the provider has done none more often, and none that nobody wanted. */
function changedTwice({ payments, modifications }: Ledger, orders: readonly Order[]): Disagreement[] {
  const wanted = new Map(orders.map(({ reference, changes }) => [reference, changes]));
  const charges = new Map(payments.map(({ chargeId, reference }) => [chargeId, reference]));
  const named = ({ chargeId, modification, amount }: ModificationEntry): string =>
    `${charges.get(chargeId) ?? chargeId} ${modification} ${amount ?? ''}`;
  return [...groupBy(succeeded(modifications), named)].flatMap(([name, done]) => {
    const [{ chargeId, modification, amount } = done[0] as ModificationEntry] = done;
    const reference = charges.get(chargeId) ?? chargeId;
    const times = (wanted.get(reference) ?? []).filter(
      (change) => change.modification === modification && (change.amount ?? null) === (amount ?? null),
    ).length;
    return done.length > times
      ? [{ kind: 'double_change', of: reference, detail: `${name}: ${done.length} of ${times}` } as const]
      : [];
  });
}

/** Every request that arrived is on record with the outcome that it had, and what is on record arrived. */
function attemptsThatDiffer({ payments, modifications }: Ledger, { attempts }: Books): Disagreement[] {
  const entries = [
    ...payments.map((entry) => ({ ...entry, operation: entry.purpose as string, name: entry.chargeId })),
    ...modifications.map((entry) => ({
      ...entry,
      operation: entry.modification as string,
      name: entry.modificationId,
    })),
  ];
  const byKey = new Map(entries.map((entry) => [entry.idempotencyKey, entry]));
  const known = new Set(attempts.map(({ idempotencyKey }) => idempotencyKey));
  const unwritten = entries
    .filter(({ idempotencyKey }) => !known.has(idempotencyKey))
    .map(({ name, operation }): Disagreement => ({ kind: 'unwritten_request', of: name, detail: operation }));
  const different = attempts.flatMap((attempt): Disagreement[] => {
    const { id, state, operation, amount } = attempt;
    if (OPEN.has(state)) return [{ kind: 'left_open', of: id, detail: `${operation} is ${state}` }];
    const entry = byKey.get(attempt.idempotencyKey);
    const arrived = entry?.result ?? 'failed';
    if (arrived !== state) {
      const kind = arrived === 'succeeded' ? 'lost_success' : 'attempt_differs';
      const invented = state === 'succeeded';
      return [
        {
          kind: invented ? 'invented_success' : kind,
          of: id,
          detail: `${operation} is ${state}, and ${arrived} at the provider`,
        },
      ];
    }
    if (entry === undefined) return [];
    if (entry.operation !== operation || (entry.amount ?? null) !== amount) {
      return [{ kind: 'wrong_amount', of: id, detail: `${operation} of ${amount}: ${entry.amount}` }];
    }
    return [];
  });
  return [...unwritten, ...different];
}

/** Where the money of one charge is, by the provider's own entries. */
function balanceOf(entry: LedgerEntry, changes: readonly ModificationEntry[]): string {
  const sum = (kind: string): number =>
    changes
      .filter(({ modification }) => modification === kind)
      .reduce((total, { amount = 0 }) => total + amount, 0);
  const captured = entry.purpose === 'authorize' ? sum('capture') : (entry.amount ?? 0);
  const refunded = sum('refund');
  const voided = changes.some(({ modification }) => modification === 'void');
  return balance(entry.amount ?? 0, entry.currency ?? '', captured, refunded, voided);
}

function balance(
  amount: number,
  currency: string,
  captured: number,
  refunded: number,
  voided: boolean,
): string {
  return `${amount} ${currency}, captured ${captured}, refunded ${refunded}${voided ? ', voided' : ''}`;
}

/** A payment of ours with money in it is one charge of the ledger, with the same money in it, and the other way round. */
function paymentsThatDiffer(ledger: Ledger, { payments }: Books): Disagreement[] {
  const charges = succeeded(ledger.payments).filter(({ purpose }) => purpose !== 'tokenize');
  const changes = groupBy(succeeded(ledger.modifications), ({ chargeId }) => chargeId);
  const byReference = new Map(charges.map((charge) => [charge.chargeId, charge]));
  const moved = payments.filter(hasMoved);
  const ours = groupBy(moved, ({ providerReference }) => providerReference);
  const lost = charges.flatMap(({ chargeId, reference = '' }): Disagreement[] => {
    const count = ours.get(chargeId)?.length ?? 0;
    if (count === 1) return [];
    return [{ kind: 'lost_success', of: reference, detail: `${chargeId} is ${count} payments of ours` }];
  });
  const others = payments.flatMap((payment): Disagreement[] => {
    const { id, status, providerReference } = payment;
    if (OPEN.has(status)) return [{ kind: 'left_open', of: id, detail: status }];
    if (!hasMoved(payment)) return [];
    const charge = byReference.get(providerReference ?? '');
    if (charge === undefined)
      return [{ kind: 'invented_success', of: id, detail: `${status} ${providerReference}` }];
    const theirs = balanceOf(charge, changes.get(charge.chargeId) ?? []);
    const { amount, currency, amountCaptured, amountRefunded } = payment;
    const mine = balance(amount, currency, amountCaptured, amountRefunded, status === 'voided');
    return mine === theirs && charge.purpose === payment.purpose
      ? []
      : [{ kind: 'wrong_amount', of: id, detail: `${mine}; at the provider ${theirs}` }];
  });
  return [...lost, ...others];
}

/** What an integrator was told is so, and it has one payment for each of its orders. */
function ordersThatDiffer(ledger: Ledger, { payments }: Books, orders: readonly Order[]): Disagreement[] {
  const ours = groupBy(payments, ({ reference }) => reference);
  const charged = groupBy(succeeded(ledger.payments), ({ reference }) => reference);
  return orders.flatMap((order): Disagreement[] => {
    const { reference, told, amount, changes } = order;
    const mine = ours.get(reference) ?? [];
    const ids = new Set([...order.paymentIds, ...mine.map(({ id }) => id)]);
    const found: Disagreement[] = [];
    const add = (kind: Disagreement['kind'], detail: string): void =>
      void found.push({ kind, of: reference, detail });
    if (ids.size > 1) add('two_payments', [...ids].join(', '));
    const [payment] = mine;
    if (told === undefined) add('no_answer', payment?.status ?? 'no payment');
    else if (told !== 'unknown' && told !== 'processing') {
      const now = payment?.status ?? 'none';
      const agrees = MOVED.has(told) ? payment !== undefined && hasMoved(payment) : told === now;
      if (!agrees) add('told_otherwise', `told ${told}, and it is ${now}`);
      const [charge] = charged.get(reference) ?? [];
      if (MOVED.has(told) !== (charge !== undefined)) {
        add(
          'told_otherwise',
          `told ${told}, and the provider has ${charge === undefined ? 'no' : 'a'} charge`,
        );
      }
    }
    if (payment !== undefined && payment.amount !== amount) {
      add('wrong_amount', `${payment.amount} instead of ${amount}`);
    }
    for (const { modification, told: outcome } of changes) {
      if (outcome === 'nothing') add('no_answer', modification);
      if (outcome === 'refused') add('told_otherwise', `${modification} refused, which was asked for once`);
    }
    const done = (kind: OrderedChange['modification']): OrderedChange[] =>
      changes.filter(({ modification, told: outcome }) => modification === kind && outcome === 'done');
    const refunded = done('refund').reduce((total, change) => total + (change.amount ?? 0), 0);
    if (payment !== undefined && payment.amountRefunded !== refunded) {
      add('told_otherwise', `told ${refunded} refunded, and it is ${payment.amountRefunded}`);
    }
    const [captured] = done('capture');
    if (captured !== undefined && payment?.amountCaptured !== captured.amount) {
      add('told_otherwise', `told ${captured.amount} captured, and it is ${payment?.amountCaptured}`);
    }
    const voided = payment?.status === 'voided' && hasMoved(payment);
    if (done('void').length > 0 !== voided) {
      add('told_otherwise', `void, and it is ${payment?.status}`);
    }
    return found;
  });
}

/** Every attempt was recorded before it was sent, and so was what became of it in the end. */
function withoutTrail({ payments, attempts, audited }: Books): Disagreement[] {
  const trails = groupBy(audited, ({ attemptId }) => attemptId);
  const attempted = new Set(attempts.map(({ paymentId }) => paymentId));
  const never = new Set(['requires_capture', 'voided', 'failed']); // a capture that ended before its submit
  return [
    ...attempts.flatMap(({ id, state }): Disagreement[] => {
      const trail = trails.get(id) ?? [];
      const written = trail[0]?.operation === 'payment.attempt';
      const outcomes = trail.filter(({ operation }) => operation === 'payment.outcome');
      const ends = outcomes.filter(({ state: end }) => end !== 'unknown');
      if (written && ends.length === 1 && ends[0] === outcomes.at(-1) && ends[0]?.state === state) return [];
      const told = trail.map(({ operation, state: end }) => `${operation} ${end}`).join(', ');
      return [{ kind: 'no_audit_trail', of: id, detail: `${state}: ${told}` }];
    }),
    ...payments
      .filter(({ id, status }) => !attempted.has(id) && !never.has(status))
      .map(({ id, status }): Disagreement => ({ kind: 'no_audit_trail', of: id, detail: status })),
  ];
}
