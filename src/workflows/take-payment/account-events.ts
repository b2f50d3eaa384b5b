import {
  CAPTURE_EVENT_TYPES,
  type CaptureSummary,
  type NewAccountEvent,
  type PaymentSummary,
} from '../../events/types.ts';
import type { CaptureResource, PaymentResource } from '../contract.ts';

function summary(capture: CaptureResource): CaptureSummary {
  const card = cardOf(capture);
  return {
    id: capture.id,
    call_id: capture.call_id,
    status: capture.status,
    ...(capture.reason !== undefined && { reason: capture.reason }),
    purpose: capture.purpose,
    ...(capture.amount && { amount: { value: capture.amount.value, currency: capture.amount.currency } }),
    ...(capture.reference !== undefined && { reference: capture.reference }),
    ...(card?.brand !== undefined && { brand: card.brand }),
    ...(card?.last4 !== undefined && { last4: card.last4 }),
    created_at: capture.created_at,
    updated_at: capture.updated_at,
    ...(capture.ended_at !== undefined && { ended_at: capture.ended_at }),
  };
}

/** What may be shown of the card: of the one that was keyed, or of the stored one. */
function cardOf(capture: CaptureResource): { readonly brand?: string; readonly last4?: string } | undefined {
  const keyed = capture.fields.find(({ field, status }) => field === 'card_number' && status === 'accepted');
  return keyed ?? capture.card;
}

type Outcome = 'succeeded' | 'declined' | 'failed' | 'unknown';

/** The token stays out: it can be charged, and the capture has it for whoever may read that. */
function paymentSummary(capture: CaptureResource, payment: PaymentResource, status: Outcome): PaymentSummary {
  const { brand, last4 } = cardOf(capture) ?? {};
  return {
    ...(payment.id !== undefined && { id: payment.id }),
    status,
    purpose: capture.purpose,
    ...(capture.mode !== undefined && { mode: capture.mode }),
    ...(capture.amount && { amount: { value: capture.amount.value, currency: capture.amount.currency } }),
    ...(capture.reference !== undefined && { reference: capture.reference }),
    ...(capture.customer_reference !== undefined && { customer_reference: capture.customer_reference }),
    ...((brand !== undefined || last4 !== undefined) && {
      card: { ...(brand !== undefined && { brand }), ...(last4 !== undefined && { last4 }) },
    }),
    ...(payment.authorization_code !== undefined && { authorization_code: payment.authorization_code }),
    ...(payment.provider_reference !== undefined && { provider_reference: payment.provider_reference }),
    ...(payment.decline_reason !== undefined && { decline_reason: payment.decline_reason }),
  };
}

/**
 * What the account is told of a change: of a payment's outcome first, of the capture's status after it. Nothing of
 * what happens within a status.
 */
export function accountEventsOf(before: CaptureResource, after: CaptureResource): NewAccountEvent[] {
  const at = new Date(after.updated_at);
  const capture = summary(after);
  const events: NewAccountEvent[] = [];
  const { payment } = after;
  const outcome = payment?.status;
  if (
    payment !== undefined &&
    outcome !== undefined &&
    outcome !== 'processing' &&
    outcome !== before.payment?.status
  ) {
    const data = { capture, payment: paymentSummary(after, payment, outcome) };
    events.push({ type: `payment.${outcome}`, at, captureId: after.id, data });
  }
  const status = CAPTURE_EVENT_TYPES.find((type) => type === `capture.${after.status}`);
  if (status !== undefined && after.status !== before.status) {
    events.push({ type: status, at, captureId: after.id, data: { capture } });
  }
  return events;
}
