import { isDeepStrictEqual } from 'node:util';
import type { AuditEntry } from '../../audit/entry.ts';
import { appendAudit } from '../../audit/store.ts';
import type { Queryable } from '../../db/database.ts';
import { publish } from '../../events/outbox-store.ts';
import type { NewAccountEvent } from '../../events/types.ts';
import type { Operation, PaymentOutcome } from '../../payments/contract.ts';
import type { CaptureResource } from '../contract.ts';
import {
  contradictAttempt,
  doubtAttempt,
  failAbsentAttempt,
  failAttempt,
  settleAttempt,
  type GivenUp,
} from '../stores/attempt-outcome-store.ts';
import { findRecordedAttempt } from '../stores/attempt-store.ts';
import { lockEndedCapture, rewriteEndedCapture } from '../stores/capture-store.ts';
import { lockPayment, updatePayment, type PaymentRecord } from '../stores/payment-store.ts';
import { accountEventsOf } from '../take-payment/account-events.ts';
import { paymentSettled } from '../take-payment/capture-audit.ts';
import { recordedPayment } from '../take-payment/resource.ts';
import { attemptContradicted, attemptSettled } from './audit.ts';
import type { PaymentDependencies } from './dependencies.ts';
import { paymentEventsOf } from './events.ts';
import type { PaymentFailure } from './failures.ts';
import { afterDoubt, afterFailure, afterOutcome } from './rules.ts';

/** What an end is written with. */
export type SettlingDependencies = Pick<PaymentDependencies, 'database' | 'clock' | 'logger' | 'onPoint'>;

/** How an attempt came to its end. */
export type Settlement =
  | { readonly kind: 'outcome'; readonly outcome: PaymentOutcome }
  /** Whoever holds it knows that it moved nothing. */
  | { readonly kind: 'failed'; readonly failure: PaymentFailure; readonly holder: string }
  /** Whoever holds it has asked, and it is not there; the database knows whether anybody waited for it since. */
  | { readonly kind: 'absent'; readonly holder: string; readonly absentSince: Date };

/** What was written; `payment` as it is now, absent for a tokenization. */
export interface Settled {
  readonly payment?: PaymentRecord;
}

/** What belongs to the same transaction. */
export interface SettledWith {
  /** Once the payment is locked and before anything is written. Throws what refuses it. */
  readonly guard?: (db: Queryable) => Promise<void>;
  /** Once the end of the attempt is written. */
  readonly written?: (db: Queryable) => Promise<void>;
  readonly audited?: readonly AuditEntry[];
}

/** An attempt without an outcome, as far as its end is concerned. */
export interface UnsettledAttempt {
  readonly id: string;
  readonly accountId: string;
  readonly paymentId?: string | null;
  readonly captureId?: string | null;
  readonly operation: Operation;
  /** Minor units. */
  readonly amount?: number | null;
}

/** What a transaction still has to tell, once everything else in it is written. */
interface Telling {
  readonly events: readonly NewAccountEvent[];
  readonly audited: readonly AuditEntry[];
}

/**
 * Writes the end of an attempt, with all that follows from it, in one transaction: the payment, the capture if that has
 * ended, events and audit records. Undefined: it was settled already, it is another's by now, or it is not proven absent
 * yet; whoever comes first tells. An outcome that contradicts the end on record is kept and reported. Rejects when the
 * database does not answer.
 */
export async function settle(
  { database, clock, logger, onPoint }: SettlingDependencies,
  attempt: UnsettledAttempt,
  settlement: Settlement,
  { guard, written, audited = [] }: SettledWith = {},
): Promise<Settled | undefined> {
  const at = clock.now();
  let contradicted = false;
  const settled = await database.transaction(attempt.accountId, async (db) => {
    // Always in this order: capture, payment, attempt, events, audit.
    const capture = await endedCaptureOf(db, attempt);
    const before = await paymentOf(db, attempt);
    await guard?.(db);
    if (!(await writeAttempt(db, attempt, settlement, at))) {
      contradicted = await contradicts(db, attempt, settlement, at);
      return undefined;
    }
    await written?.(db);
    const asked = settledOf(attempt);
    const after =
      before &&
      (settlement.kind === 'outcome'
        ? afterOutcome(before, asked, settlement.outcome, at)
        : afterFailure(before, asked, failureOf(settlement), at));
    if (after !== undefined) await updatePayment(db, after);
    const events =
      before === undefined || after === undefined ? [] : paymentEventsOf(before, after, attempt.operation);
    const corrected = capture && (await correctCapture(db, attempt.accountId, capture, at));
    await tell(db, attempt.accountId, {
      events: [...events, ...(corrected?.events ?? [])],
      audited: [...audited, auditOf(attempt, settlement, after), ...(corrected?.audited ?? [])],
    });
    await onPoint?.('before_commit');
    return after === undefined ? {} : { payment: { ...after, pending: null } };
  });
  if (contradicted) {
    const { id: attemptId, accountId } = attempt;
    logger.error('the provider contradicts what is on record of an attempt', { accountId, attemptId });
  }
  return settled;
}

/** What its provider says of an attempt that has come to another end. What is on record stays; people have to look. */
async function contradicts(
  db: Queryable,
  attempt: UnsettledAttempt,
  settlement: Settlement,
  at: Date,
): Promise<boolean> {
  if (settlement.kind !== 'outcome') return false;
  const { outcome } = settlement;
  const recorded = await contradictAttempt(db, attempt.id, outcome, at);
  if (recorded === undefined) return false;
  await appendAudit(db, [attemptContradicted(attempt, recorded, outcome.result)]);
  return true;
}

/** Writes that nobody knows what became of an attempt: at `givenUpAt` its holder does not wait for it any more. */
export async function doubt(
  { database, clock }: Pick<PaymentDependencies, 'database' | 'clock'>,
  attempt: UnsettledAttempt,
  givenUp: GivenUp,
): Promise<void> {
  await database.transaction(attempt.accountId, async (db) => {
    const before = await paymentOf(db, attempt);
    if (!(await doubtAttempt(db, attempt.id, givenUp))) return;
    const after = before && afterDoubt(before, settledOf(attempt), clock.now());
    if (after !== undefined) await updatePayment(db, after);
    await tell(db, attempt.accountId, {
      events:
        before === undefined || after === undefined ? [] : paymentEventsOf(before, after, attempt.operation),
      audited: [attemptSettled(attempt, 'unknown', 'unknown_outcome', after)],
    });
  });
}

async function writeAttempt(
  db: Queryable,
  { id }: UnsettledAttempt,
  settlement: Settlement,
  at: Date,
): Promise<boolean> {
  if (settlement.kind === 'outcome') return await settleAttempt(db, id, settlement.outcome, at);
  if (settlement.kind === 'absent') return await failAbsentAttempt(db, id, settlement, at);
  return await failAttempt(db, { id, holder: settlement.holder }, settlement.failure, at);
}

function failureOf(settlement: Exclude<Settlement, { kind: 'outcome' }>): PaymentFailure {
  return settlement.kind === 'absent' ? 'never_arrived' : settlement.failure;
}

async function tell(db: Queryable, accountId: string, { events, audited }: Telling): Promise<void> {
  await publish(db, accountId, events);
  await appendAudit(db, audited);
}

function settledOf({ operation, amount }: UnsettledAttempt): { operation: Operation; amount?: number } {
  return { operation, ...(typeof amount === 'number' && { amount }) };
}

async function paymentOf(db: Queryable, { paymentId }: UnsettledAttempt): Promise<PaymentRecord | undefined> {
  return typeof paymentId === 'string' ? await lockPayment(db, paymentId) : undefined;
}

/** A capture that runs tells of its payment itself. */
async function endedCaptureOf(
  db: Queryable,
  { captureId }: UnsettledAttempt,
): Promise<CaptureResource | undefined> {
  return typeof captureId === 'string' ? await lockEndedCapture(db, captureId) : undefined;
}

/** An ended capture says what became of its payment, however late that is known. */
async function correctCapture(
  db: Queryable,
  accountId: string,
  capture: CaptureResource,
  at: Date,
): Promise<Telling | undefined> {
  const recorded = await findRecordedAttempt(db, capture.id);
  const payment = recorded && recordedPayment(recorded);
  if (payment === undefined || isDeepStrictEqual(payment, capture.payment)) return undefined;
  const corrected: CaptureResource = { ...capture, payment, updated_at: at.toISOString() };
  await rewriteEndedCapture(db, corrected);
  return {
    events: accountEventsOf(capture, corrected),
    audited: [paymentSettled(accountId, capture, corrected)],
  };
}

function auditOf(
  attempt: UnsettledAttempt,
  settlement: Settlement,
  payment: PaymentRecord | undefined,
): AuditEntry {
  if (settlement.kind !== 'outcome') {
    return attemptSettled(attempt, 'failed', failureOf(settlement), payment);
  }
  const { outcome } = settlement;
  const reason = outcome.result === 'declined' ? outcome.reason : undefined;
  return attemptSettled(attempt, outcome.result, reason, payment);
}
