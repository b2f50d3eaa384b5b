import { appendAudit } from '../../audit/store.ts';
import type { Queryable } from '../../db/database.ts';
import { violatedConstraint } from '../../db/errors.ts';
import { HushtoneError } from '../../kernel/errors.ts';
import { newId } from '../../kernel/ids.ts';
import type { Amount, DeclineReason, Modification } from '../../payments/contract.ts';
import type { Actor, IdempotencyClaim } from '../contract.ts';
import type { RoutedProvider } from '../providers/contract.ts';
import {
  findChangeByIdempotencyId,
  insertAttempt,
  type Attempt,
  type RecordedChange,
} from '../stores/attempt-store.ts';
import { findPayment, lockPayment, type PaymentRecord } from '../stores/payment-store.ts';
import { attemptWritten, changeAsked } from './audit.ts';
import type { PaymentDependencies } from './dependencies.ts';
import { requestFingerprint } from './fingerprint.ts';
import { sendLeaseMs } from './leases.ts';
import { sendAttempt, type PaymentResult } from './pay.ts';
import { noProvider } from './providers-for.ts';
import { afterOutcome, allowedChange, type AllowedChange } from './rules.ts';
import type { ProviderRequest } from './send.ts';

/** One open request at a time: the database holds it. */
const ONE_OPEN = 'payment_attempts_one_open';

export interface AskedChange {
  readonly modification: Modification;
  /** Minor units; all that is left by default. */
  readonly amount?: number;
}

/**
 * Captures, voids or refunds a payment: the change is on record before it is sent, under a key of its own, and no other
 * one is sent until it is known what became of it. A lost answer leaves it `pending`.
 *
 * Under a claim that was taken over, what the request had begun before is what it comes to: nothing is sent for it a
 * second time. Rejects with `payment_not_found`, a refusal of `allowedChange`, `change_not_supported`,
 * `payment_change_declined`, or `provider_…`.
 */
export async function modifyPayment(
  dependencies: PaymentDependencies,
  actor: Actor,
  paymentId: string,
  asked: AskedChange,
  claim?: IdempotencyClaim,
): Promise<PaymentRecord> {
  const { database, directory } = dependencies;
  const { accountId } = actor;
  const { payment, begun } = await database.transaction(accountId, async (db) => ({
    payment: await findPayment(db, paymentId),
    begun: claim?.takenOver === true ? await begunUnder(db, claim.id) : undefined,
  }));
  if (payment === undefined) throw paymentNotFound();
  if (begun !== undefined) return asBegun(payment, begun);
  const { modification } = asked;
  const change = allowedChange(payment, modification, asked.amount);
  const routed = await providerOf(directory, payment);
  checkCapabilities(routed, modification, change);
  const attempt = attemptOf(dependencies, payment, routed, modification, change, claim?.id);
  const request = requestOf(payment, attempt, modification);
  await dependencies.onPoint?.('before_write');
  const writtenMs = dependencies.clock.monotonicMs();
  const other = await write(dependencies, actor, attempt, asked);
  if (other !== undefined) return asBegun(other.payment, other.begun);
  await dependencies.onPoint?.('after_write');
  const result = await sendAttempt(dependencies, routed, attempt, () => request, writtenMs);
  return await concluded(dependencies, payment, attempt, result);
}

/** What a request has begun already: its change, unless that has failed for certain. */
async function begunUnder(db: Queryable, idempotencyId: string): Promise<RecordedChange | undefined> {
  const begun = await findChangeByIdempotencyId(db, idempotencyId);
  return begun?.state === 'failed' ? undefined : begun;
}

function asBegun(payment: PaymentRecord, { state, declineReason }: RecordedChange): PaymentRecord {
  if (state === 'declined') throw declined(declineReason ?? 'generic_decline');
  return payment;
}

async function providerOf(
  directory: PaymentDependencies['directory'],
  { accountId, providerId, mode }: PaymentRecord,
): Promise<RoutedProvider> {
  const routed = providerId === null ? undefined : await directory.find(accountId, providerId);
  if (routed === undefined || routed.mode !== mode) throw noProvider();
  return routed;
}

function checkCapabilities(
  { provider }: RoutedProvider,
  modification: Modification,
  { partial }: AllowedChange,
): void {
  const { modifications, partialAmounts } = provider.capabilities;
  if (!modifications.includes(modification)) {
    throw new HushtoneError('change_not_supported', 'conflict', `The provider offers no ${modification}.`);
  }
  if (partial && !partialAmounts) {
    throw new HushtoneError(
      'partial_amount_not_supported',
      'conflict',
      'The provider takes no part of an amount.',
    );
  }
}

function attemptOf(
  { clock, instanceId, providerTimeoutMs }: PaymentDependencies,
  payment: PaymentRecord,
  { id: providerId, kind, pinned }: RoutedProvider,
  operation: Modification,
  { amount: value }: AllowedChange,
  idempotencyId: string | undefined,
): Attempt {
  const { accountId, id: paymentId, mode, currency, reference } = payment;
  const createdAt = clock.now();
  const asked = {
    operation,
    providerId,
    ...(value !== undefined && { amount: { value, currency } }),
    ...(reference !== null && { reference }),
  };
  return {
    id: newId('att'),
    accountId,
    paymentId,
    provider: kind,
    ...(pinned && { configurationVersion: pinned().configurationVersion }),
    mode,
    idempotencyKey: newId('att'),
    ...asked,
    fingerprint: requestFingerprint(asked),
    ...(idempotencyId !== undefined && { idempotencyId }),
    instanceId,
    holder: newId('clm'),
    leaseUntil: new Date(createdAt.getTime() + sendLeaseMs(providerTimeoutMs)),
    createdAt,
  };
}

function requestOf(
  { providerReference, amount, currency }: PaymentRecord,
  { idempotencyKey, amount: asked, reference }: Attempt,
  modification: Modification,
): ProviderRequest {
  if (providerReference === null) {
    throw new HushtoneError(
      'payment_without_reference',
      'internal',
      'the payment has no name at its provider',
    );
  }
  const authorized: Amount = { value: amount, currency };
  return {
    modification,
    idempotencyKey,
    providerReference,
    authorized,
    ...(asked && { amount: asked }),
    ...(reference !== undefined && { reference }),
  };
}

/**
 * Held against the rules once more: the payment may have changed since it was read. Gives what another process has begun
 * for the same request meanwhile, if it has: this one was held up until its claim was taken over, and begins nothing.
 */
async function write(
  { database }: PaymentDependencies,
  actor: Actor,
  attempt: Attempt,
  { modification, amount }: AskedChange,
): Promise<{ readonly payment: PaymentRecord; readonly begun: RecordedChange } | undefined> {
  const { idempotencyId } = attempt;
  try {
    return await database.transaction(attempt.accountId, async (db) => {
      const payment = attempt.paymentId === undefined ? undefined : await lockPayment(db, attempt.paymentId);
      if (payment === undefined) throw paymentNotFound();
      const begun = idempotencyId === undefined ? undefined : await begunUnder(db, idempotencyId);
      if (begun !== undefined) return { payment, begun };
      const change = allowedChange(payment, modification, amount);
      if (change.amount !== attempt.amount?.value) throw pending();
      await insertAttempt(db, attempt);
      await appendAudit(db, [
        changeAsked(actor, payment, modification, change.amount),
        attemptWritten(attempt),
      ]);
      return undefined;
    });
  } catch (error) {
    throw violatedConstraint(error) === ONE_OPEN ? pending() : error;
  }
}

async function concluded(
  { database, clock }: PaymentDependencies,
  payment: PaymentRecord,
  { accountId, operation, amount }: Attempt,
  result: PaymentResult,
): Promise<PaymentRecord> {
  if (result.kind === 'failed') {
    const { failure } = result;
    const kind = failure === 'invalid_request' ? 'conflict' : 'unavailable';
    throw new HushtoneError(
      `provider_${failure}`,
      kind,
      `The provider did not take the ${operation}, and nothing has changed.`,
    );
  }
  if (result.kind === 'outcome' && result.outcome.result === 'declined') {
    throw declined(result.outcome.reason);
  }
  try {
    const current = await database.transaction(accountId, async (db) => await findPayment(db, payment.id));
    if (current !== undefined) return current;
  } catch {
    // The change was made, and whoever asked for it is told so whatever the database does.
  }
  if (result.kind === 'unknown') return { ...payment, pending: operation as Modification };
  const settled = { operation, ...(amount && { amount: amount.value }) };
  return afterOutcome(payment, settled, result.outcome, clock.now());
}

export function paymentNotFound(): HushtoneError {
  return new HushtoneError('payment_not_found', 'not_found', 'There is no such payment.');
}

function pending(): HushtoneError {
  return new HushtoneError(
    'payment_change_pending',
    'conflict',
    'Another change of this payment is under way. Read the payment before you ask again.',
  );
}

function declined(reason: DeclineReason): HushtoneError {
  return new HushtoneError(
    'payment_change_declined',
    'conflict',
    `The provider has refused the change (${reason}), and nothing has changed.`,
  );
}
