import type { FieldName } from './fields.ts';
import type { EndReason } from './reasons.ts';
import type { CaptureStatus, Pause } from './state.ts';

/** What the owner of a capture has to do after a transition, in this order. Never a keyed digit. */
export type CaptureEffect =
  | { readonly type: 'status_changed'; readonly status: CaptureStatus; readonly reason?: EndReason }
  | { readonly type: 'field_changed'; readonly field: FieldName }
  /** Without `field`: no field is open. */
  | { readonly type: 'focus_changed'; readonly field?: FieldName }
  | { readonly type: 'pause_changed'; readonly paused: Pause }
  | { readonly type: 'stray_key_counted'; readonly strayKeys: number }
  /** A timer that still runs starts anew. */
  | { readonly type: 'start_inter_digit_timer'; readonly ms: number }
  | { readonly type: 'cancel_inter_digit_timer' }
  | { readonly type: 'start_overall_timer'; readonly ms: number }
  | { readonly type: 'cancel_overall_timer' }
  /** The values are lent by `cardDetails` until the outcome is reported. */
  | { readonly type: 'submit_to_provider' }
  /** Once, with the terminal status; also when masking was never asked for. */
  | { readonly type: 'release_masking' };
