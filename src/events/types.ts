/**
 * What an account is told of: the one list of event types and the shape of what each carries. Webhooks and the
 * account's event stream send the same. Payloads are thin: ids and states, of a card its brand and last four digits,
 * no telephone number. Who wants more reads the capture.
 */

/** One for each status that a capture comes to. */
export const CAPTURE_EVENT_TYPES = [
  'capture.securing',
  'capture.collecting',
  'capture.ready',
  'capture.processing',
  'capture.succeeded',
  'capture.declined',
  'capture.failed',
  'capture.cancelled',
  'capture.expired',
  'capture.abandoned',
  'capture.interrupted',
] as const;

/**
 * One for each outcome of a payment, and one for each later change of it. An outcome that was `unknown` can become
 * another one later. `payment.succeeded`: charged, or authorized. A payment whose capture ended before anything was
 * sent has no event of its own.
 */
export const PAYMENT_EVENT_TYPES = [
  'payment.succeeded',
  'payment.declined',
  'payment.failed',
  'payment.unknown',
  'payment.captured',
  'payment.voided',
  'payment.refunded',
] as const;

export const EVENT_TYPES = [...CAPTURE_EVENT_TYPES, ...PAYMENT_EVENT_TYPES, 'webhook.disabled'] as const;

export type CaptureEventName = (typeof CAPTURE_EVENT_TYPES)[number];
export type PaymentEventName = (typeof PAYMENT_EVENT_TYPES)[number];
export type EventType = (typeof EVENT_TYPES)[number];

export interface CaptureSummary {
  readonly id: string;
  readonly call_id: string;
  readonly status: string;
  readonly reason?: string;
  readonly purpose: string;
  readonly amount?: { readonly value: number; readonly currency: string };
  readonly reference?: string;
  readonly brand?: string;
  readonly last4?: string;
  readonly created_at: string;
  readonly updated_at: string;
  readonly ended_at?: string;
}

interface Money {
  readonly value: number;
  readonly currency: string;
}

/** With the event's own time it is what a receipt needs. Tokens stay out: they can be charged. */
export interface PaymentSummary {
  /** Absent for `tokenize`, which is no payment. */
  readonly id?: string;
  /** The outcome in the event's own word; of a later change, how the payment stands after it. */
  readonly status:
    | 'succeeded'
    | 'declined'
    | 'failed'
    | 'unknown'
    | 'captured'
    | 'voided'
    | 'partially_refunded'
    | 'refunded';
  readonly purpose: string;
  readonly mode?: 'test' | 'live';
  readonly amount?: Money;
  /** With a later change. */
  readonly amount_captured?: Money;
  readonly amount_refunded?: Money;
  readonly reference?: string;
  readonly customer_reference?: string;
  readonly card?: { readonly brand?: string; readonly last4?: string };
  readonly authorization_code?: string;
  readonly provider_reference?: string;
  readonly decline_reason?: string;
  readonly failure?: string;
}

export interface WebhookDisabled {
  readonly id: string;
  readonly reason: 'gone' | 'given_up';
  readonly disabled_at: string;
}

/** An event before it has a number. */
export type NewAccountEvent =
  | {
      readonly type: CaptureEventName;
      readonly at: Date;
      readonly captureId: string;
      readonly data: { readonly capture: CaptureSummary };
    }
  | {
      readonly type: PaymentEventName;
      readonly at: Date;
      /** Whose card was captured on a call. */
      readonly captureId?: string;
      readonly data: { readonly capture?: CaptureSummary; readonly payment: PaymentSummary };
    }
  | {
      readonly type: 'webhook.disabled';
      readonly at: Date;
      readonly captureId?: never;
      readonly data: { readonly webhook: WebhookDisabled };
    };

/** As it goes out, over webhooks and the account's stream alike. */
export interface AccountEvent {
  readonly id: string;
  /** Rises by one within an account, in the order of the commits. */
  readonly sequence: number;
  readonly type: EventType;
  readonly timestamp: string;
  readonly data: NewAccountEvent['data'];
}
