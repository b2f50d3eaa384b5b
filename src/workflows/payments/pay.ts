import type { AuditEntry } from '../../audit/entry.ts';
import { appendAudit } from '../../audit/store.ts';
import type { Queryable } from '../../db/database.ts';
import { HushtoneError } from '../../kernel/errors.ts';
import { newId } from '../../kernel/ids.ts';
import type { Amount, CardSource, LookupQuery, PaymentOutcome, Purpose } from '../../payments/contract.ts';
import type { Mode } from '../../payments/kind.ts';
import type { RoutedProvider } from '../providers/contract.ts';
import { failAttempt } from '../stores/attempt-outcome-store.ts';
import { insertAttempt, type Attempt } from '../stores/attempt-store.ts';
import { lockPayment, updatePayment, type PaymentRecord } from '../stores/payment-store.ts';
import { attemptSettled, attemptWritten } from './audit.ts';
import type { PaymentDependencies } from './dependencies.ts';
import type { PaymentFailure } from './failures.ts';
import { requestFingerprint } from './fingerprint.ts';
import { pursueLeaseMs, sendLeaseMs } from './leases.ts';
import { shredCardOf, type KeptCard } from './keep-card.ts';
import { noProvider } from './providers-for.ts';
import { pursue } from './pursue.ts';
import { send, type ProviderRequest, type Sent } from './send.ts';
import { doubt, settle, type Settlement } from './settle.ts';

/** What is asked of the providers, whichever of them takes it. */
export interface PaymentPlan {
  readonly accountId: string;
  readonly captureId?: string;
  /** Absent for a tokenization. */
  readonly paymentId?: string;
  readonly operation: Purpose;
  readonly mode: Mode;
  readonly amount?: Amount;
  readonly reference?: string;
  readonly customerReference?: string;
  readonly initiatedBy?: 'cardholder' | 'merchant';
  /** What a statement may show of the card. */
  readonly brand?: string;
  readonly last4?: string;
  /** The preferred one first; the next one is asked only when the one before was `unavailable`. */
  readonly providers: readonly RoutedProvider[];
  /** The card, as often as a request is made of it; the plan's owner wipes it. */
  readonly card: () => CardSource;
  /** Makes the payment, in the transaction of its first attempt. Throws what refuses it. */
  readonly begin?: (db: Queryable) => Promise<readonly AuditEntry[]>;
  /** The card is kept in the vault with the first attempt, and the payment has its token. */
  readonly keep?: KeptCard;
}

export type PaymentResult =
  | { readonly kind: 'outcome'; readonly outcome: PaymentOutcome }
  | { readonly kind: 'failed'; readonly failure: PaymentFailure }
  | { readonly kind: 'unknown' };

/**
 * Pays: one attempt, or one after the other where a provider was `unavailable`, each on record before it is sent.
 * Rejects with what `begin` refuses, or as the database does, and then nothing was sent; once something was, it never
 * rejects.
 */
export async function pay(dependencies: PaymentDependencies, plan: PaymentPlan): Promise<PaymentResult> {
  const [first, ...others] = plan.providers;
  if (first === undefined) throw noProvider();
  let routed = first;
  let writtenMs = dependencies.clock.monotonicMs();
  let attempt = newAttempt(dependencies, plan, routed);
  await dependencies.onPoint?.('before_write');
  await writeFirst(dependencies, plan, attempt, routed);
  for (;;) {
    await dependencies.onPoint?.('after_write');
    const { idempotencyKey } = attempt;
    const request = (): ProviderRequest => requestOf(plan, idempotencyKey);
    const sent = await sendFirst(dependencies, routed, attempt, request, writtenMs);
    const next = sent.failure === 'unavailable' ? others.shift() : undefined;
    if (next === undefined) return await conclude(dependencies, routed, attempt, request, sent);
    writtenMs = dependencies.clock.monotonicMs();
    const following = newAttempt(dependencies, plan, next);
    await dependencies.onPoint?.('before_write');
    const written = await writeNext(dependencies, attempt, following, next);
    // Either of the two is open on record, and not sent: the reconciler tells which, once its lease is over.
    if (written === 'perhaps') return { kind: 'unknown' };
    if (written === 'no') return await conclude(dependencies, routed, attempt, request, sent);
    attempt = following;
    routed = next;
  }
}

/**
 * Sends an attempt that is on record, and takes it to its end: its outcome, the proof that nothing has moved, or
 * `unknown`. Never rejects, but for a point.
 */
export async function sendAttempt(
  dependencies: PaymentDependencies,
  routed: RoutedProvider,
  attempt: Attempt,
  request: () => ProviderRequest,
  writtenMs: number,
): Promise<PaymentResult> {
  const sent = await sendFirst(dependencies, routed, attempt, request, writtenMs);
  return await conclude(dependencies, routed, attempt, request, sent);
}

type FirstSent = Sent | { readonly outcome?: never; readonly failure: 'internal' };

async function conclude(
  dependencies: PaymentDependencies,
  routed: RoutedProvider,
  attempt: Attempt,
  request: () => ProviderRequest,
  { outcome, failure }: FirstSent,
): Promise<PaymentResult> {
  if (outcome !== undefined) return await concluded(dependencies, attempt, { kind: 'outcome', outcome });
  if (failure !== 'unknown_outcome') {
    const { holder } = attempt;
    return await concluded(dependencies, attempt, { kind: 'failed', failure, holder });
  }
  return await pursued(dependencies, routed, attempt, request);
}

/** What was not sent because the card could not be read is nobody's fault but ours, and nothing has moved. */
async function sendFirst(
  dependencies: PaymentDependencies,
  { provider }: RoutedProvider,
  attempt: Attempt,
  requestOfAttempt: () => ProviderRequest,
  writtenMs: number,
): Promise<FirstSent> {
  let request: ProviderRequest;
  try {
    request = requestOfAttempt();
  } catch (error) {
    dependencies.logger.error('attempt not sent', { attemptId: attempt.id, error });
    return { failure: 'internal' };
  }
  return await send(dependencies, provider, attempt, request, writtenMs);
}

function newAttempt(
  { clock, instanceId, providerTimeoutMs }: PaymentDependencies,
  plan: PaymentPlan,
  { id: providerId, kind, pinned }: RoutedProvider,
): Attempt {
  const { operation, amount, reference } = plan;
  const createdAt = clock.now();
  const asked = {
    operation,
    providerId,
    ...(amount && { amount }),
    ...(reference !== undefined && { reference }),
  };
  return {
    id: newId('att'),
    accountId: plan.accountId,
    ...(plan.paymentId !== undefined && { paymentId: plan.paymentId }),
    ...(plan.captureId !== undefined && { captureId: plan.captureId }),
    provider: kind,
    ...(pinned && { configurationVersion: pinned().configurationVersion }),
    mode: plan.mode,
    idempotencyKey: newId('att'),
    ...asked,
    ...(plan.brand !== undefined && { brand: plan.brand }),
    ...(plan.last4 !== undefined && { last4: plan.last4 }),
    fingerprint: requestFingerprint(asked),
    instanceId,
    holder: newId('clm'),
    leaseUntil: new Date(createdAt.getTime() + sendLeaseMs(providerTimeoutMs)),
    createdAt,
  };
}

function requestOf(plan: PaymentPlan, idempotencyKey: string): ProviderRequest {
  return {
    purpose: plan.operation,
    idempotencyKey,
    ...(plan.amount && { amount: plan.amount }),
    ...(plan.reference !== undefined && { reference: plan.reference }),
    ...(plan.customerReference !== undefined && { customerReference: plan.customerReference }),
    ...(plan.initiatedBy !== undefined && { initiatedBy: plan.initiatedBy }),
    ...plan.card(),
  };
}

/** The payment, if there is one, is under way from here on. */
async function writeFirst(
  { database, clock }: PaymentDependencies,
  plan: PaymentPlan,
  attempt: Attempt,
  routed: RoutedProvider,
): Promise<void> {
  await database.transaction(attempt.accountId, async (db) => {
    const audited = (await plan.begin?.(db)) ?? [];
    await routePayment(db, attempt, routed, clock.now(), plan.keep?.face.id);
    await insertAttempt(db, attempt);
    // Its audit record comes with it: last, as all of them.
    await plan.keep?.write(db);
    await appendAudit(db, [...audited, attemptWritten(attempt)]);
  });
}

async function routePayment(
  db: Queryable,
  attempt: Attempt,
  { id: providerId, kind: providerKind }: RoutedProvider,
  at: Date,
  keptAs?: string,
): Promise<void> {
  if (attempt.paymentId === undefined) return;
  const payment = await lockPayment(db, attempt.paymentId);
  if (payment?.status !== 'requires_capture' && payment?.status !== 'processing') {
    throw new HushtoneError('payment_over', 'internal', 'the payment is not one that waits to be sent');
  }
  const { brand = payment.brand, last4 = payment.last4 } = attempt;
  const routed: PaymentRecord = {
    ...payment,
    status: 'processing',
    providerId,
    providerKind,
    brand,
    last4,
    token: keptAs ?? payment.token,
    updatedAt: at,
  };
  await updatePayment(db, routed);
}

/**
 * One transaction: between the two attempts the payment is never taken for failed. `perhaps`: the database went away,
 * and nobody knows whether it had committed before.
 */
async function writeNext(
  { database, clock, logger }: PaymentDependencies,
  failed: Attempt,
  next: Attempt,
  routed: RoutedProvider,
): Promise<'yes' | 'no' | 'perhaps'> {
  try {
    await database.transaction(next.accountId, async (db) => {
      const at = clock.now();
      await routePayment(db, next, routed, at);
      if (!(await failAttempt(db, failed, 'unavailable', at))) {
        throw new HushtoneError('attempt_settled', 'internal', 'the attempt has come to an end already');
      }
      await insertAttempt(db, next);
      await appendAudit(db, [
        attemptSettled(failed, 'failed', 'unavailable', undefined),
        attemptWritten(next),
      ]);
    });
    return 'yes';
  } catch (error) {
    logger.error('attempt not written, nothing sent', { attemptId: next.id, error });
    return error instanceof HushtoneError && error.code === 'database_unavailable' ? 'perhaps' : 'no';
  }
}

async function pursued(
  dependencies: PaymentDependencies,
  routed: RoutedProvider,
  attempt: Attempt,
  request: () => ProviderRequest,
): Promise<PaymentResult> {
  const { clock, logger, providerTimeoutMs } = dependencies;
  const givenUpAt = clock.now();
  const leaseUntil = new Date(givenUpAt.getTime() + pursueLeaseMs(providerTimeoutMs));
  try {
    await doubt(dependencies, unsettled(attempt), { holder: attempt.holder, givenUpAt, leaseUntil });
  } catch (error) {
    // The row stays `processing`: once its lease is over the reconciler makes it `unknown` and looks it up.
    logger.error('attempt not updated', { attemptId: attempt.id, error });
  }
  const query = queryOf(attempt, modifiedPayment(request));
  const outcome = await pursue(dependencies, routed, attempt, query, request);
  return outcome === undefined
    ? { kind: 'unknown' }
    : await concluded(dependencies, attempt, { kind: 'outcome', outcome });
}

function queryOf(attempt: Attempt, providerReference: string | undefined): LookupQuery {
  return {
    idempotencyKey: attempt.idempotencyKey,
    operation: attempt.operation,
    ...(attempt.amount && { amount: attempt.amount }),
    ...(attempt.reference !== undefined && { reference: attempt.reference }),
    ...(providerReference !== undefined && { providerReference }),
    since: attempt.createdAt,
  };
}

/** The provider's name of the payment that a change is for. */
function modifiedPayment(requestOfAttempt: () => ProviderRequest): string | undefined {
  const request = requestOfAttempt();
  return 'modification' in request ? request.providerReference : undefined;
}

const unsettled = ({ amount, ...attempt }: Attempt) => ({ ...attempt, amount: amount?.value ?? null });

/**
 * What the provider has decided is told at once; what cannot be written now is written as soon as that is possible. That
 * it has failed is told only once that is on record: until then another process may send what this one could not.
 */
async function concluded(
  dependencies: PaymentDependencies,
  attempt: Attempt,
  settlement: Exclude<Settlement, { kind: 'absent' }>,
): Promise<PaymentResult> {
  const { unwritten, clock, logger } = dependencies;
  const done = await unwritten.write(
    async () => await settle(dependencies, unsettled(attempt), settlement),
    clock,
    (error) => logger.error('attempt not settled', { attemptId: attempt.id, error }),
  );
  const payment = done?.written?.payment;
  if (payment !== undefined) await shredCardOf(dependencies, payment);
  return settlement.kind === 'failed' && done?.written === undefined ? { kind: 'unknown' } : settlement;
}
