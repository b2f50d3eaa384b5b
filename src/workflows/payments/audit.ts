import type { AuditEntry, AuditValue } from '../../audit/entry.ts';
import { auditEntry } from '../audit-entry.ts';
import type { Actor } from '../contract.ts';
import type { Attempt } from '../stores/attempt-store.ts';
import type { PaymentRecord } from '../stores/payment-store.ts';

type Members = Readonly<Record<string, AuditValue | undefined>>;

/** What names an attempt in the trail. */
export interface AuditedAttempt {
  readonly id: string;
  readonly accountId: string;
  readonly paymentId?: string | null | undefined;
}

function attemptEntry(
  { accountId, id, paymentId }: AuditedAttempt,
  operation: 'payment.attempt' | 'payment.outcome' | 'payment.contradiction',
  after: Members,
): AuditEntry {
  const object = { type: 'payment_attempt', id };
  return {
    accountId,
    actor: { kind: 'system' },
    operation,
    object,
    result: 'done',
    after: { ...after, payment_id: paymentId ?? undefined },
  };
}

/** The record of a request that is about to be sent. */
export function attemptWritten(attempt: Attempt): AuditEntry {
  const { captureId, operation, amount, provider, providerId, mode } = attempt;
  return attemptEntry(attempt, 'payment.attempt', {
    state: 'processing',
    capture_id: captureId,
    provider,
    provider_id: providerId,
    mode,
    operation,
    amount: amount && { ...amount },
  });
}

/** The record of a request that is about to be sent once more under its key. */
export function attemptSentAgain(attempt: AuditedAttempt): AuditEntry {
  return { ...attemptEntry(attempt, 'payment.attempt', { state: 'unknown' }), reason: 'sent_again' };
}

/** The record of what became of a request; `failed` and `unknown` with their reason. */
export function attemptSettled(
  attempt: AuditedAttempt,
  state: 'succeeded' | 'declined' | 'failed' | 'unknown',
  reason: string | undefined,
  payment: PaymentRecord | undefined,
): AuditEntry {
  const declined = state === 'declined';
  const after = {
    state,
    decline_reason: declined ? reason : undefined,
    payment_status: payment?.status,
    amount_captured: payment?.amountCaptured,
    amount_refunded: payment?.amountRefunded,
  };
  const entry = attemptEntry(attempt, 'payment.outcome', after);
  const withoutOutcome = state === 'failed' || state === 'unknown';
  return withoutOutcome ? { ...entry, result: 'failed', ...(reason !== undefined && { reason }) } : entry;
}

/** The record of what a provider said of a request that had come to another end by then. */
export function attemptContradicted(
  attempt: AuditedAttempt,
  recorded: 'succeeded' | 'declined' | 'failed',
  said: 'succeeded' | 'declined',
): AuditEntry {
  const entry = attemptEntry(attempt, 'payment.contradiction', { state: recorded, provider_says: said });
  return { ...entry, result: 'failed', reason: 'contradicts_record' };
}

/** The record of a payment that a client asked for. */
export function paymentCreated(actor: Actor, payment: PaymentRecord): AuditEntry {
  return auditEntry(
    actor,
    'payment.create',
    { type: 'payment', id: payment.id },
    {
      after: {
        status: payment.status,
        mode: payment.mode,
        purpose: payment.purpose,
        amount: { value: payment.amount, currency: payment.currency },
        reference: payment.reference ?? undefined,
        token: payment.token ?? undefined,
        initiated_by: payment.initiatedBy,
      },
    },
  );
}

/** The record of a change of a payment that a client asked for. */
export function changeAsked(
  actor: Actor,
  payment: PaymentRecord,
  modification: 'capture' | 'void' | 'refund',
  amount: number | undefined,
): AuditEntry {
  const after = amount === undefined ? {} : { amount: { value: amount, currency: payment.currency } };
  return auditEntry(
    actor,
    `payment.${modification}`,
    { type: 'payment', id: payment.id },
    { before: { status: payment.status }, after: { pending: modification, ...after } },
  );
}

/** The record of a payment whose status came about without a request: its capture ended, or its process did. */
export function paymentStatusChanged(
  before: PaymentRecord,
  after: PaymentRecord,
  reason: string,
): AuditEntry {
  return {
    accountId: after.accountId,
    actor: { kind: 'system' },
    operation: 'payment.status',
    object: { type: 'payment', id: after.id },
    result: 'done',
    reason,
    before: { status: before.status },
    after: { status: after.status, failure: after.failure ?? undefined },
    at: after.updatedAt,
  };
}
