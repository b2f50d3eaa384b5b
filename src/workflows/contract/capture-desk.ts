import type { Actor } from './actor.ts';
import type {
  CaptureEvent,
  CaptureListing,
  CapturePage,
  CaptureRequest,
  CaptureResource,
} from './captures.ts';
import type { EvidenceResource } from './evidence.ts';
import type { FieldName } from './fields.ts';
import type { IdempotencyClaim } from './idempotency.ts';
import type { CaptureSubscription } from './subscription.ts';

export type CaptureCommand =
  | { readonly type: 'focus'; readonly field: FieldName }
  | { readonly type: 'clear'; readonly field: FieldName }
  | { readonly type: 'pause' }
  | { readonly type: 'resume' }
  | { readonly type: 'submit' }
  | { readonly type: 'cancel' };

export interface CaptureDesk {
  /**
   * Under a claim that was taken over, answers with the capture that the request had started before, if it had. Rejects
   * with `call_not_found`, `call_not_connected`, `capture_running`, `pin_not_supported`, or `request_…`.
   */
  create(actor: Actor, request: CaptureRequest, claim?: IdempotencyClaim): Promise<CaptureResource>;
  /**
   * Captures as they are recorded, the newest first; what `get` would not give is not listed. Rejects with
   * `cursor_invalid` or `time_invalid`.
   */
  page(actor: Actor, listing: CaptureListing): Promise<CapturePage>;
  /** Rejects with `capture_not_found`. */
  get(actor: Actor, captureId: string): Promise<CaptureResource>;
  /** Rejects with `capture_not_found`, `capture_ended`, or the refusal of the state machine. */
  command(actor: Actor, captureId: string, command: CaptureCommand): Promise<CaptureResource>;
  /** Rejects with `capture_not_found`, or `evidence_not_found` when masking was never asked for. */
  evidence(actor: Actor, captureId: string): Promise<EvidenceResource>;
  /**
   * Replays the events after `afterSequence`, then follows. `listener` gets them in order, each once. `ended` is
   * called once, when nothing more will come: the capture is over, or does not run in this process. Neither is called
   * after `close`. Rejects with `capture_not_found`.
   */
  follow(
    actor: Actor,
    captureId: string,
    afterSequence: number,
    listener: (event: CaptureEvent) => void,
    ended: () => void,
  ): Promise<CaptureSubscription>;
}
