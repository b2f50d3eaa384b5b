import type { FieldName } from './fields.ts';
import type {
  CallEnd,
  DeclineReason,
  MaskingFailure,
  MaskingInterruption,
  ProviderFailure,
} from './reasons.ts';

/** What people and integrators ask for. Each is either done or refused. */
export type CaptureCommand =
  | { readonly type: 'secure_requested' }
  /** Opens a field for the caller's keys. An accepted one is opened again and its value wiped. */
  | { readonly type: 'focus'; readonly field: FieldName }
  /** Wipes what a field holds. Counts as no attempt. */
  | { readonly type: 'clear'; readonly field: FieldName }
  | { readonly type: 'pause' }
  | { readonly type: 'resume' }
  | { readonly type: 'submit' }
  | { readonly type: 'cancel' };

/** What happens. One that does not fit the state is ignored. */
export type CaptureOccurrence =
  /** Masking is confirmed. */
  | { readonly type: 'secured' }
  | { readonly type: 'masking_failed'; readonly failure: MaskingFailure }
  | { readonly type: 'masking_interrupted'; readonly reason: MaskingInterruption }
  | { readonly type: 'masking_restored' }
  /** `key` is an RFC 4733 event code: 0–9, 10 `*`, 11 `#`, 12–15 `A`–`D`. */
  | { readonly type: 'key'; readonly key: number; readonly at: Date }
  | { readonly type: 'inter_digit_timeout'; readonly at: Date }
  | { readonly type: 'overall_timeout' }
  | { readonly type: 'call_ended'; readonly end: CallEnd }
  | { readonly type: 'provider_succeeded' }
  | { readonly type: 'provider_declined'; readonly reason: DeclineReason }
  | { readonly type: 'provider_failed'; readonly reason: ProviderFailure }
  /** The process that owned the capture is gone. */
  | { readonly type: 'process_lost' }
  /** Something of ours broke, so that the capture cannot go on. */
  | { readonly type: 'internal_error' };

export type CaptureEvent = CaptureCommand | CaptureOccurrence;
