import type { Database } from '../../db/database.ts';
import { HushtoneError } from '../../kernel/errors.ts';
import type { Actor, CaptureResource, EvidenceResource, IdempotencyClaim } from '../contract.ts';
import { reachesCapture } from '../reach.ts';
import { findCaptureByIdempotencyId, findEvidence, findOwnedCapture } from '../stores/capture-store.ts';
import { isEnded } from '../take-payment/resource.ts';

/** A capture as it is on record. Rejects with `capture_not_found`, also when the actor may not know of it. */
export async function storedCapture(
  database: Database,
  actor: Actor,
  captureId: string,
): Promise<CaptureResource> {
  const capture = await database.transaction(
    actor.accountId,
    async (db) => await findOwnedCapture(db, captureId),
  );
  if (capture !== undefined) {
    const { view, agentId, grantId } = capture;
    const ownership = { agentId, ended: isEnded(view), ...(grantId !== null && { grantId }) };
    if (reachesCapture(actor, ownership)) return view;
  }
  throw new HushtoneError('capture_not_found', 'not_found', 'There is no such capture.');
}

/** What whoever had the claim before has started: its answer never came. */
export async function captureStartedUnder(
  database: Database,
  { accountId, id }: IdempotencyClaim,
): Promise<CaptureResource | undefined> {
  return await database.transaction(accountId, async (db) => await findCaptureByIdempotencyId(db, id));
}

/** Rejects with `evidence_not_found`. */
export async function storedEvidence(
  database: Database,
  { accountId }: Actor,
  captureId: string,
): Promise<EvidenceResource> {
  const stored = await database.transaction(accountId, async (db) => await findEvidence(db, captureId));
  if (stored !== undefined) return stored;
  throw new HushtoneError('evidence_not_found', 'not_found', 'Masking has left no record for this capture.');
}
