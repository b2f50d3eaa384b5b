import type { Amount, DeclineReason, Purpose } from '../../payments/contract.ts';
import type { Mode } from '../../payments/kind.ts';
import type { Actor, IdempotencyClaim } from '../contract.ts';

/**
 * The state machine of a payment; the database holds the legal transitions. `requires_capture`: its card, or its
 * security code, is still being captured on a call. `captured`: the money is taken.
 */
export const PAYMENT_STATUSES = [
  'requires_capture',
  'processing',
  'authorized',
  'captured',
  'partially_refunded',
  'refunded',
  'voided',
  'declined',
  'failed',
  'unknown',
] as const;
export type PaymentStatus = (typeof PAYMENT_STATUSES)[number];

interface Money {
  readonly value: number;
  readonly currency: string;
}

/** A payment in openapi.yaml's words (schema `Payment`). */
export interface PaymentDetails {
  /** `pay_…` */
  readonly id: string;
  readonly status: PaymentStatus;
  readonly mode: Mode;
  readonly purpose: Exclude<Purpose, 'tokenize'>;
  readonly amount: Money;
  readonly amount_captured: Money;
  readonly amount_refunded: Money;
  readonly reference?: string;
  readonly customer_reference?: string;
  readonly capture_id?: string;
  readonly call_id?: string;
  /** Brand and last 4 of the card. */
  readonly card?: { readonly brand?: string; readonly last4?: string };
  /** The vault's token that it was made with or that it left behind. */
  readonly token?: string;
  /** The provider's own token for the card, when it keeps it. */
  readonly provider_token?: string;
  readonly provider?: { readonly id: string; readonly kind: string };
  readonly provider_reference?: string;
  readonly authorization_code?: string;
  readonly decline_reason?: DeclineReason;
  /** What an agent may say to the caller. */
  readonly agent_message?: string;
  /** Why it failed: a stable code. */
  readonly failure?: string;
  /** A capture, void or refund whose outcome is not known yet. */
  readonly pending?: 'capture' | 'void' | 'refund';
  readonly created_at: string;
  readonly updated_at: string;
}

/** A payment with a card that is stored already. */
export interface NewPayment {
  readonly purpose: 'charge' | 'authorize';
  readonly mode?: Mode;
  readonly amount: Amount;
  readonly reference?: string;
  readonly customer_reference?: string;
  /** A token of the vault; either this or `provider_token` together with `provider_id`. */
  readonly token?: string;
  readonly provider_token?: string;
  readonly provider_id?: string;
  readonly initiated_by?: 'cardholder' | 'merchant';
}

export interface PaymentListing {
  readonly status?: PaymentStatus;
  readonly mode?: Mode;
  readonly reference?: string;
  readonly customer_reference?: string;
  readonly capture_id?: string;
  readonly token?: string;
  readonly created_from?: string;
  readonly created_to?: string;
  readonly limit?: number;
  readonly cursor?: string;
}

export interface PaymentPage {
  readonly payments: readonly PaymentDetails[];
  /** Absent on the last page. */
  readonly next_cursor?: string;
}

export interface PaymentChange {
  /** What is left of it by default. In the payment's currency, minor units. */
  readonly amount?: number;
}

export interface PaymentDesk {
  /** Rejects with `token_…`, `provider_not_configured`, `purpose_not_supported`, … A decline is a payment, no error. */
  create(actor: Actor, request: NewPayment, claim?: IdempotencyClaim): Promise<PaymentDetails>;
  get(actor: Actor, paymentId: string): Promise<PaymentDetails>;
  page(actor: Actor, listing: PaymentListing): Promise<PaymentPage>;
  /** Rejects with `payment_not_found`, `payment_not_authorized`, `amount_too_large`, `payment_change_pending`, … */
  capture(
    actor: Actor,
    paymentId: string,
    change: PaymentChange,
    claim?: IdempotencyClaim,
  ): Promise<PaymentDetails>;
  void(actor: Actor, paymentId: string, claim?: IdempotencyClaim): Promise<PaymentDetails>;
  refund(
    actor: Actor,
    paymentId: string,
    change: PaymentChange,
    claim?: IdempotencyClaim,
  ): Promise<PaymentDetails>;
}
