import type { CaptureView } from '../../capture/view.ts';
import type { PaymentOutcome } from '../../payments/contract.ts';
import type { MaskingEvidence } from '../../telephony/contract.ts';
import type { CaptureResource, EvidenceResource, PaymentResource } from '../contract.ts';
import type { PaymentOrder } from './order.ts';

/** What stays the same over a capture's life. */
export interface CaptureIdentity {
  readonly id: string;
  readonly accountId: string;
  readonly callId: string;
  /** The agent on the call. */
  readonly agentId: string;
  /** The capture grant that it was started with. */
  readonly grantId?: string;
  readonly createdAt: Date;
  readonly order: PaymentOrder;
}

const TERMINAL: readonly string[] = [
  'succeeded',
  'declined',
  'failed',
  'cancelled',
  'expired',
  'abandoned',
  'interrupted',
];

export function isEnded(capture: CaptureResource): boolean {
  return TERMINAL.includes(capture.status);
}

/** A capture in openapi.yaml's words. Of digits it has counts and the last four of an accepted card number. */
export function captureResource(
  identity: CaptureIdentity,
  view: CaptureView,
  payment: PaymentResource | undefined,
  updatedAt: Date,
): CaptureResource {
  const { order } = identity;
  const ended = TERMINAL.includes(view.status);
  return {
    id: identity.id,
    call_id: identity.callId,
    status: view.status,
    ...(view.reason !== undefined && { reason: view.reason }),
    ...(view.focus !== undefined && { focus: view.focus }),
    ...(view.paused !== false && !ended && { paused: view.paused }),
    ...(view.interruption !== undefined && !ended && { interruption: view.interruption }),
    purpose: order.purpose,
    ...(order.amount && { amount: order.amount }),
    ...(order.reference !== undefined && { reference: order.reference }),
    fields: view.fields.map((field) => ({ ...field })),
    stray_keys: view.strayKeys,
    ...(payment && { payment }),
    created_at: identity.createdAt.toISOString(),
    updated_at: updatedAt.toISOString(),
    ...(ended && { ended_at: updatedAt.toISOString() }),
  };
}

export function paymentResource(outcome: PaymentOutcome): PaymentResource {
  if (outcome.result === 'declined') {
    return {
      status: 'declined',
      decline_reason: outcome.reason,
      ...(outcome.providerReference !== undefined && { provider_reference: outcome.providerReference }),
    };
  }
  return {
    status: 'succeeded',
    provider_reference: outcome.providerReference,
    ...(outcome.authorizationCode !== undefined && { authorization_code: outcome.authorizationCode }),
    ...(outcome.providerToken !== undefined && { token: outcome.providerToken }),
  };
}

const round = (milliseconds: number): number => Math.round(milliseconds * 10) / 10;

export function evidenceResource(
  captureId: string,
  callId: string,
  evidence: MaskingEvidence,
): EvidenceResource {
  const { sentinel } = evidence;
  return {
    capture_id: captureId,
    call_id: callId,
    bridge: evidence.bridge,
    transport: evidence.transport,
    proof: evidence.proof,
    ...(evidence.engineVersion !== undefined && { engine_version: evidence.engineVersion }),
    keys_delivered: evidence.keysDelivered,
    ...(evidence.keysDropped !== undefined && { keys_dropped: evidence.keysDropped }),
    key_events_seen: evidence.keyEventsSeen,
    key_tones_seen: evidence.keyTonesSeen,
    duplicates_dropped: evidence.duplicatesDropped,
    ...(sentinel && {
      sentinel: {
        listened_ms: round(sentinel.listenedMs),
        digits_heard: sentinel.digitsHeard,
        ...(sentinel.loudestWhileGuardedDbfs !== undefined && {
          loudest_while_guarded_dbfs: round(sentinel.loudestWhileGuardedDbfs),
        }),
      },
    }),
    ...(evidence.msToSecured !== undefined && { ms_to_secured: round(evidence.msToSecured) }),
    ms_from_doubt_to_guard: evidence.msFromDoubtToGuard.map(round),
    steps: evidence.steps.map(({ atMs, step, detail }) => ({
      at_ms: round(atMs),
      step,
      ...(detail !== undefined && { detail }),
    })),
  };
}
