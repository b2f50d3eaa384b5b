import type { Database, Queryable } from '../../db/database.ts';
import { HushtoneError } from '../../kernel/errors.ts';
import type { Actor, CaptureRequest } from '../contract.ts';
import { grantEnded, grantedRequest } from '../granted-request.ts';
import { findGrant, useGrant } from '../stores/grant-store.ts';

/** What is asked for, bound to the grant that it is asked for with. */
export async function allowedRequest(
  database: Database,
  actor: Actor,
  request: CaptureRequest,
): Promise<CaptureRequest> {
  const { grantId } = actor;
  if (grantId === undefined) return request;
  const grant = await database.transaction(actor.accountId, async (db) => await findGrant(db, grantId));
  if (grant === undefined || grant.agentId !== actor.subject) throw grantEnded();
  return grantedRequest(grant, request);
}

/** Counts the use of a grant: whether it still stood is decided here, under the lock of its row. */
export async function countUse(db: Queryable, grantId: string, at: Date): Promise<void> {
  if ((await useGrant(db, grantId, at)) !== undefined) return;
  const grant = await findGrant(db, grantId);
  if (grant === undefined || grant.revokedAt !== undefined || grant.expiresAt <= at) throw grantEnded();
  throw new HushtoneError('grant_used', 'conflict', 'The capture grant has been used already.');
}
