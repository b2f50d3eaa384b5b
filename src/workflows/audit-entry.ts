import type { AuditActor, AuditEntry } from '../audit/entry.ts';
import type { Actor } from './contract.ts';

/** Who acted, in the words of the audit trail. */
export function auditActor(actor: Actor): AuditActor {
  return {
    kind: actor.grantId === undefined ? 'client' : 'grant',
    clientId: actor.clientId,
    subject: actor.subject,
    roles: actor.roles,
    ...(actor.grantId !== undefined && { grantId: actor.grantId }),
  };
}

/** The record of something that a client did, or was refused with `more.result`. */
export function auditEntry(
  actor: Actor,
  operation: AuditEntry['operation'],
  object: AuditEntry['object'],
  more: Partial<Pick<AuditEntry, 'before' | 'after' | 'result' | 'reason'>> = {},
): AuditEntry {
  return {
    accountId: actor.accountId,
    actor: auditActor(actor),
    ...(actor.address !== undefined && { address: actor.address }),
    ...(actor.requestId !== undefined && { requestId: actor.requestId }),
    operation,
    object,
    result: 'done',
    ...more,
  };
}
