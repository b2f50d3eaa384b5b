import type { CaptureView } from '../../capture/view.ts';
import type { PaymentOutcome } from '../../payments/contract.ts';
import { agentMessage } from '../../payments/decline-reasons.ts';
import type { MaskingEvidence } from '../../telephony/contract.ts';
import type { CaptureResource, EvidenceResource, PaymentResource } from '../contract.ts';
import type { RecordedAttempt } from '../stores/attempt-store.ts';
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
  /** Absent for `tokenize`, which is no payment. */
  readonly paymentId?: string;
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
    mode: order.mode,
    ...(order.amount && { amount: order.amount }),
    ...(order.reference !== undefined && { reference: order.reference }),
    ...(order.customerReference !== undefined && { customer_reference: order.customerReference }),
    ...(order.token && {
      token: order.token.id,
      card: { brand: order.token.brand, last4: order.token.last4 },
    }),
    fields: view.fields.map((field) => ({ ...field })),
    stray_keys: view.strayKeys,
    ...(payment && { payment }),
    created_at: identity.createdAt.toISOString(),
    updated_at: updatedAt.toISOString(),
    ...(ended && { ended_at: updatedAt.toISOString() }),
  };
}

/** A capture's payment, from the provider's answer and what else is known of it. */
export function paymentResource(
  outcome: PaymentOutcome,
  { paymentId, token }: { readonly paymentId?: string; readonly token?: string } = {},
): PaymentResource {
  const id = paymentId !== undefined && { id: paymentId };
  if (outcome.result === 'declined') {
    return {
      ...id,
      status: 'declined',
      decline_reason: outcome.reason,
      agent_message: agentMessage(outcome.reason),
      ...(outcome.providerReference !== undefined && { provider_reference: outcome.providerReference }),
    };
  }
  const left = token ?? outcome.providerToken;
  return {
    ...id,
    status: 'succeeded',
    provider_reference: outcome.providerReference,
    ...(outcome.authorizationCode !== undefined && { authorization_code: outcome.authorizationCode }),
    ...(left !== undefined && { token: left }),
  };
}

/** The same from what is on record. */
export function recordedPayment(recorded: RecordedAttempt): PaymentResource {
  const { paymentId, state, reference, code, token, reason } = recorded;
  const id = paymentId !== null && { id: paymentId };
  const providerReference = reference !== null && { provider_reference: reference };
  if (state === 'declined') {
    const declined = reason ?? 'generic_decline';
    return {
      ...id,
      status: state,
      decline_reason: declined,
      agent_message: agentMessage(declined),
      ...providerReference,
    };
  }
  if (state !== 'succeeded') return { ...id, status: state };
  return {
    ...id,
    status: state,
    ...providerReference,
    ...(code !== null && { authorization_code: code }),
    ...(token !== null && { token }),
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
