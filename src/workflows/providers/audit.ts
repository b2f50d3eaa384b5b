import type { AuditEntry } from '../../audit/entry.ts';
import type { AuditOperation } from '../../audit/operations.ts';
import { auditEntry } from '../audit-entry.ts';
import type { ProviderActor } from './contract.ts';

type Change = Pick<AuditEntry, 'before' | 'after'>;

/** The record of a change of one provider. */
export function providerEntry(
  actor: ProviderActor,
  operation: AuditOperation,
  providerId: string,
  change: Change,
): AuditEntry {
  return entryOf(actor, operation, { type: 'provider', id: providerId }, change);
}

/** The record of a change of the account's rules. */
export function routingEntry(actor: ProviderActor, change: Change): AuditEntry {
  return entryOf(actor, 'provider.routing', { type: 'provider_routing', id: actor.accountId }, change);
}

/** What an operator does by a command is on record as theirs; no client has asked for it. */
function entryOf(
  actor: ProviderActor,
  operation: AuditOperation,
  object: AuditEntry['object'],
  change: Change,
): AuditEntry {
  if (!('operator' in actor)) return auditEntry(actor, operation, object, change);
  const { accountId, operator: subject } = actor;
  return { accountId, actor: { kind: 'operator', subject }, operation, object, result: 'done', ...change };
}
