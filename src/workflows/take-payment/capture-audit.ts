import { canonicalJson } from '../../audit/canonical-json.ts';
import { hashOf } from '../../audit/chain.ts';
import type { AuditEntry, AuditValue } from '../../audit/entry.ts';
import { auditEntry } from '../audit-entry.ts';
import type { Actor, CaptureCommand, CaptureResource, EvidenceResource } from '../contract.ts';

/** What brought a change about: a person's command, or something that happened, by its name in the state machine. */
export type Cause =
  { readonly actor: Actor; readonly command: CaptureCommand['type'] } | { readonly occurrence: string };

/** What the audit trail holds of a capture: what an assessor follows. Counts of digits are none of it. */
type AuditView = Readonly<Record<string, AuditValue>>;

function viewOf(capture: CaptureResource): AuditView {
  const { payment } = capture;
  return {
    status: capture.status,
    reason: capture.reason ?? null,
    focus: capture.focus ?? null,
    paused: capture.paused ?? null,
    interruption: capture.interruption ?? null,
    fields: capture.fields.map(({ field, status, reason, brand }) => ({ field, status, reason, brand })),
    payment:
      payment === undefined ? null : { status: payment.status, decline_reason: payment.decline_reason },
  };
}

/** The members that differ, as they were and as they are. */
function changed(before: AuditView, after: AuditView): { before: AuditView; after: AuditView } | undefined {
  const names = Object.keys(after).filter(
    (name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]),
  );
  if (names.length === 0) return undefined;
  const pick = (view: AuditView): AuditView =>
    Object.fromEntries(names.map((name) => [name, view[name] ?? null]));
  return { before: pick(before), after: pick(after) };
}

const objectOf = (capture: CaptureResource) => ({ type: 'capture', id: capture.id });

/** The record of a capture's start. */
export function captureCreated(actor: Actor, capture: CaptureResource, paymentId?: string): AuditEntry {
  const { call_id, purpose, mode, amount, reference, token } = capture;
  const after = {
    status: capture.status,
    call_id,
    purpose,
    mode,
    amount: amount && { ...amount },
    reference,
    token,
    payment_id: paymentId,
  };
  return {
    ...auditEntry(actor, 'capture.create', objectOf(capture), { after }),
    at: new Date(capture.created_at),
  };
}

/** The record of a change of a capture; undefined when nothing changed that the trail holds. */
export function captureChanged(
  accountId: string,
  before: CaptureResource,
  after: CaptureResource,
  cause: Cause,
): AuditEntry | undefined {
  const difference = changed(viewOf(before), viewOf(after));
  const at = new Date(after.updated_at);
  if ('actor' in cause) {
    const operation = `capture.${cause.command}` as const;
    return { ...auditEntry(cause.actor, operation, objectOf(after), difference), at };
  }
  if (difference === undefined) return undefined;
  return {
    accountId,
    actor: { kind: 'system' },
    operation: before.status === after.status ? 'capture.field' : 'capture.status',
    object: objectOf(after),
    result: 'done',
    reason: cause.occurrence,
    ...difference,
    at,
  };
}

/** The record of the end of a capture that a dead process had left open. */
export function captureInterrupted(
  accountId: string,
  before: CaptureResource,
  after: CaptureResource,
): AuditEntry {
  return {
    accountId,
    actor: { kind: 'system' },
    operation: 'capture.interrupt',
    object: objectOf(after),
    result: 'done',
    reason: 'process_lost',
    ...changed(viewOf(before), viewOf(after)),
    at: new Date(after.updated_at),
  };
}

/** The record of a payment's outcome that was found out after its capture had ended. */
export function paymentSettled(
  accountId: string,
  before: CaptureResource,
  after: CaptureResource,
): AuditEntry {
  return {
    accountId,
    actor: { kind: 'system' },
    operation: 'payment.settle',
    object: objectOf(after),
    result: 'done',
    reason: 'looked_up',
    ...changed(viewOf(before), viewOf(after)),
    at: new Date(after.updated_at),
  };
}

/** The record of the evidence of masking, with the hash that it can be held to: SHA-256 of its canonical JSON. */
export function evidenceSealed(accountId: string, evidence: EvidenceResource): AuditEntry {
  // As the database keeps it: JSON has no infinities.
  const kept: unknown = JSON.parse(JSON.stringify(evidence));
  return {
    accountId,
    actor: { kind: 'system' },
    operation: 'capture.evidence',
    object: { type: 'capture', id: evidence.capture_id },
    result: 'done',
    after: { proof: evidence.proof, evidence_sha256: hashOf(canonicalJson(kept)) },
  };
}
