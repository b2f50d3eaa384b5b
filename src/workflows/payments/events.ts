import type { NewAccountEvent, PaymentEventName, PaymentSummary } from '../../events/types.ts';
import type { Operation } from '../../payments/contract.ts';
import type { PaymentRecord } from '../stores/payment-store.ts';
import type { PaymentStatus } from './contract.ts';

const CHANGES: Readonly<Partial<Record<Operation, PaymentEventName>>> = {
  capture: 'payment.captured',
  void: 'payment.voided',
  refund: 'payment.refunded',
};

const OUTCOMES: Readonly<Partial<Record<PaymentStatus, 'succeeded' | 'declined' | 'failed' | 'unknown'>>> = {
  authorized: 'succeeded',
  captured: 'succeeded',
  declined: 'declined',
  failed: 'failed',
  unknown: 'unknown',
};

/** How a payment can stand after a change of it. */
const CHANGED = ['captured', 'voided', 'partially_refunded', 'refunded'] as const;

function summary(payment: PaymentRecord, status: PaymentSummary['status']): PaymentSummary {
  const { currency, brand, last4 } = payment;
  return {
    id: payment.id,
    status,
    purpose: payment.purpose,
    mode: payment.mode,
    amount: { value: payment.amount, currency },
    ...(payment.reference !== null && { reference: payment.reference }),
    ...(payment.customerReference !== null && { customer_reference: payment.customerReference }),
    ...((brand !== null || last4 !== null) && {
      card: { ...(brand !== null && { brand }), ...(last4 !== null && { last4 }) },
    }),
    ...(payment.authorizationCode !== null && { authorization_code: payment.authorizationCode }),
    ...(payment.providerReference !== null && { provider_reference: payment.providerReference }),
    ...(payment.declineReason !== null && { decline_reason: payment.declineReason }),
    ...(payment.failure !== null && { failure: payment.failure }),
  };
}

/**
 * What the account is told of a change of a payment's status. The outcome of a payment whose card a capture takes is
 * told with that capture, in the order of its other events: see `take-payment/account-events.ts`.
 */
export function paymentEventsOf(
  before: PaymentRecord,
  after: PaymentRecord,
  operation: Operation,
): NewAccountEvent[] {
  const at = after.updatedAt;
  const { captureId, currency } = after;
  const change = CHANGES[operation];
  if (change !== undefined) {
    const moved = before.amountRefunded !== after.amountRefunded || before.status !== after.status;
    const status = CHANGED.find((changed) => changed === after.status);
    if (!moved || status === undefined) return [];
    const payment = {
      ...summary(after, status),
      amount_captured: { value: after.amountCaptured, currency },
      amount_refunded: { value: after.amountRefunded, currency },
    };
    return [{ type: change, at, ...(captureId !== null && { captureId }), data: { payment } }];
  }
  const outcome = OUTCOMES[after.status];
  if (captureId !== null || outcome === undefined || before.status === after.status) return [];
  return [{ type: `payment.${outcome}`, at, data: { payment: summary(after, outcome) } }];
}
