import type { Purpose } from '../../payments/contract.ts';
import type { Mode } from '../../payments/kind.ts';
import type { GuardPolicy } from '../../telephony/contract.ts';
import type { FieldName, FieldRequest } from './fields.ts';

export interface CaptureRequest {
  readonly call_id?: string;
  readonly agent_id?: string;
  readonly purpose: Purpose;
  /** By default as the gateway is configured, or the token's. */
  readonly mode?: Mode;
  readonly amount?: { readonly value: number; readonly currency: string };
  readonly reference?: string;
  readonly customer_reference?: string;
  /** Where `tokenize` and `charge_and_save` keep the card. */
  readonly token_storage?: 'provider' | 'vault';
  /** A card that the vault keeps: only its security code is captured. */
  readonly token?: string;
  readonly fields?: readonly FieldRequest[];
  readonly auto_advance?: boolean;
  readonly auto_submit?: boolean;
  readonly accepted_brands?: readonly string[];
  readonly guard?: GuardPolicy;
  readonly inter_digit_timeout_seconds?: number;
  readonly timeout_seconds?: number;
}

export interface CaptureFieldResource {
  readonly field: FieldName;
  readonly required: boolean;
  readonly status: 'empty' | 'collecting' | 'accepted' | 'rejected';
  readonly digits: number;
  readonly attempts: number;
  readonly reason?: string;
  readonly brand?: string;
  readonly last4?: string;
}

export interface PaymentResource {
  /** Absent for `tokenize`, which is no payment. */
  readonly id?: string;
  readonly status: 'processing' | 'succeeded' | 'declined' | 'failed' | 'unknown';
  readonly decline_reason?: string;
  /** What the agent may say to the caller about a decline. */
  readonly agent_message?: string;
  readonly authorization_code?: string;
  readonly provider_reference?: string;
  readonly token?: string;
}

export type CaptureStatus =
  | 'created'
  | 'securing'
  | 'collecting'
  | 'ready'
  | 'processing'
  | 'succeeded'
  | 'declined'
  | 'failed'
  | 'cancelled'
  | 'expired'
  | 'abandoned'
  | 'interrupted';

export interface CaptureResource {
  readonly id: string;
  readonly call_id: string;
  readonly status: CaptureStatus;
  readonly reason?: string;
  readonly focus?: FieldName;
  readonly paused?: 'agent' | 'masking';
  readonly interruption?: string;
  readonly purpose: Purpose;
  /** Absent for a capture from before there were modes. */
  readonly mode?: Mode;
  readonly amount?: { readonly value: number; readonly currency: string };
  readonly reference?: string;
  readonly customer_reference?: string;
  /** The stored card that the security code belongs to, and what may be shown of it. */
  readonly token?: string;
  readonly card?: { readonly brand: string; readonly last4: string };
  readonly fields: readonly CaptureFieldResource[];
  readonly stray_keys: number;
  readonly payment?: PaymentResource;
  readonly created_at: string;
  readonly updated_at: string;
  readonly ended_at?: string;
}

export interface CaptureListing {
  readonly status?: CaptureStatus;
  readonly call_id?: string;
  readonly agent_id?: string;
  /** RFC 3339; created not before. */
  readonly created_from?: string;
  /** RFC 3339; created before. */
  readonly created_to?: string;
  readonly limit?: number;
  readonly cursor?: string;
}

export interface CapturePage {
  readonly captures: readonly CaptureResource[];
  /** Absent on the last page. */
  readonly next_cursor?: string;
}

export type CaptureEventType = 'capture.status' | 'capture.field';

export interface CaptureEvent {
  readonly sequence: number;
  readonly type: CaptureEventType;
  readonly at: string;
  readonly capture: CaptureResource;
}
