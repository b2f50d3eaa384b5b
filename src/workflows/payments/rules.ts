import { HushtoneError } from '../../kernel/errors.ts';
import type { Modification, Operation, PaymentOutcome } from '../../payments/contract.ts';
import type { PaymentRecord } from '../stores/payment-store.ts';
import type { PaymentStatus } from './contract.ts';
import type { PaymentFailure } from './failures.ts';

/** The legal transitions. The database holds the same ones, and a test holds the two against each other. */
export const PAYMENT_TRANSITIONS: Readonly<Record<PaymentStatus, readonly PaymentStatus[]>> = {
  requires_capture: ['processing', 'voided', 'failed'],
  processing: ['authorized', 'captured', 'declined', 'failed', 'unknown'],
  unknown: ['authorized', 'captured', 'declined', 'failed'],
  authorized: ['captured', 'voided'],
  captured: ['partially_refunded', 'refunded'],
  partially_refunded: ['refunded'],
  refunded: [],
  voided: [],
  declined: [],
  failed: [],
};

/** What a settled attempt asked. */
export interface SettledAttempt {
  readonly operation: Operation;
  /** Minor units; absent for `void` and `tokenize`. */
  readonly amount?: number;
}

function isModification(operation: Operation): operation is Modification {
  return operation === 'capture' || operation === 'void' || operation === 'refund';
}

/** The payment once the provider's answer to an attempt is known. A declined change leaves it as it was. */
export function afterOutcome(
  payment: PaymentRecord,
  attempt: SettledAttempt,
  outcome: PaymentOutcome,
  at: Date,
): PaymentRecord {
  if (isModification(attempt.operation)) {
    return outcome.result === 'succeeded' ? modified(payment, attempt, at) : payment;
  }
  if (outcome.result === 'declined') {
    return {
      ...payment,
      status: 'declined',
      declineReason: outcome.reason,
      providerReference: outcome.providerReference ?? null,
      ...withoutSavedCard(payment),
      updatedAt: at,
    };
  }
  const authorizes = payment.purpose === 'authorize';
  return {
    ...payment,
    status: authorizes ? 'authorized' : 'captured',
    amountCaptured: authorizes ? 0 : payment.amount,
    providerReference: outcome.providerReference,
    authorizationCode: outcome.authorizationCode ?? null,
    providerToken: outcome.providerToken ?? null,
    updatedAt: at,
  };
}

/** The payment once it is certain that an attempt moved nothing. */
export function afterFailure(
  payment: PaymentRecord,
  { operation }: SettledAttempt,
  failure: PaymentFailure,
  at: Date,
): PaymentRecord {
  if (isModification(operation)) return payment;
  return { ...payment, status: 'failed', failure, ...withoutSavedCard(payment), updatedAt: at };
}

/** The payment while nobody knows what became of an attempt. */
export function afterDoubt(payment: PaymentRecord, { operation }: SettledAttempt, at: Date): PaymentRecord {
  return isModification(operation) ? payment : { ...payment, status: 'unknown', updatedAt: at };
}

/** A card is kept with the payment that it was saved for, or not at all. */
function withoutSavedCard({
  purpose,
  token,
}: PaymentRecord): Partial<Pick<PaymentRecord, 'token' | 'tokenToShred'>> {
  return purpose === 'charge_and_save' && token !== null ? { token: null, tokenToShred: token } : {};
}

function modified(
  payment: PaymentRecord,
  { operation, amount = 0 }: SettledAttempt,
  at: Date,
): PaymentRecord {
  if (operation === 'void') return { ...payment, status: 'voided', updatedAt: at };
  if (operation === 'capture') {
    return { ...payment, status: 'captured', amountCaptured: amount, updatedAt: at };
  }
  const amountRefunded = payment.amountRefunded + amount;
  const status = amountRefunded === payment.amountCaptured ? 'refunded' : 'partially_refunded';
  return { ...payment, status, amountRefunded, updatedAt: at };
}

/** A change that is allowed now. */
export interface AllowedChange {
  /** Minor units; absent for `void`. */
  readonly amount?: number;
  /** Less than what could be captured or refunded. */
  readonly partial: boolean;
}

/**
 * What a change would come to; by default it is of all that is left. What an authorization has beyond a partial capture
 * lapses: it is captured once. Throws `payment_change_pending`, `payment_not_authorized`, `payment_not_captured`,
 * `amount_invalid` or `amount_too_large`.
 */
export function allowedChange(
  payment: PaymentRecord,
  modification: Modification,
  asked?: number,
): AllowedChange {
  if (payment.pending !== null) {
    throw conflict(
      'payment_change_pending',
      `What became of an earlier ${payment.pending} of this payment is not known yet.`,
    );
  }
  if (modification === 'refund') {
    if (payment.status !== 'captured' && payment.status !== 'partially_refunded') {
      throw conflict(
        'payment_not_captured',
        `Only a payment whose money was taken can be refunded; it is ${payment.status}.`,
      );
    }
    return changeOf(payment.amountCaptured - payment.amountRefunded, payment.amountCaptured, asked);
  }
  if (payment.status !== 'authorized') {
    const done = modification === 'capture' ? 'captured' : 'voided';
    throw conflict(
      'payment_not_authorized',
      `Only an authorized payment can be ${done}; it is ${payment.status}.`,
    );
  }
  return modification === 'void' ? { partial: false } : changeOf(payment.amount, payment.amount, asked);
}

function changeOf(left: number, whole: number, asked = left): AllowedChange {
  if (!Number.isSafeInteger(asked) || asked < 1) {
    throw new HushtoneError(
      'amount_invalid',
      'invalid',
      'An amount is a whole number of minor units, 1 or more.',
    );
  }
  if (asked > left) {
    throw conflict('amount_too_large', `At most ${left} minor units are left of this payment.`);
  }
  return { amount: asked, partial: asked < whole };
}

function conflict(code: string, message: string): HushtoneError {
  return new HushtoneError(code, 'conflict', message);
}
