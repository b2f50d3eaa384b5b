import { createHash } from 'node:crypto';
import { canonicalJson } from './canonical-json.ts';
import type { AuditEntry, AuditValue } from './entry.ts';
import { maskText, maskMembers } from './masking.ts';

/** What the first record of an account has as the hash before it: 32 zero bytes. */
export const GENESIS_HASH = 'A'.repeat(43);

/** An act as it is kept, in the words of openapi.yaml. Its canonical JSON is what the next record's hash rests on. */
export interface AuditRecord {
  readonly account_id: string;
  /** 1 for the first record of the account, then without a gap. */
  readonly sequence: number;
  /** SHA-256 of the record before, base64url. */
  readonly previous_hash: string;
  /** RFC 3339, UTC, milliseconds. */
  readonly at: string;
  readonly operation: string;
  readonly operation_id?: string;
  readonly result: 'done' | 'refused' | 'failed';
  readonly reason?: string;
  readonly actor: {
    readonly kind: 'client' | 'grant' | 'system' | 'operator';
    readonly client_id?: string;
    readonly subject?: string;
    readonly roles?: readonly string[];
    readonly grant_id?: string;
  };
  readonly address?: string;
  readonly request_id?: string;
  readonly object: { readonly type: string; readonly id: string };
  readonly before?: { readonly [name: string]: AuditValue | undefined };
  readonly after?: { readonly [name: string]: AuditValue | undefined };
}

/** Where a chain stands: its last record. */
export interface ChainHead {
  readonly sequence: number;
  readonly hash: string;
}

/** A record as text and its hash: what is stored, exported and verified. */
export interface ChainLink {
  readonly sequence: number;
  readonly record: string;
  readonly hash: string;
}

/** SHA-256 over the UTF-8 bytes of the canonical text, base64url without padding. */
export function hashOf(record: string): string {
  return createHash('sha256').update(record, 'utf8').digest('base64url');
}

/** The link that continues a chain by `entry`. Throws `audit_digits` (see masking.ts). */
export function nextLink(head: ChainHead, entry: AuditEntry, now: Date): ChainLink {
  const { actor } = entry;
  const sequence = head.sequence + 1;
  const content: AuditRecord = {
    account_id: entry.accountId,
    sequence,
    previous_hash: head.hash,
    at: (entry.at ?? now).toISOString(),
    operation: entry.operation,
    ...(entry.operationId !== undefined && { operation_id: entry.operationId }),
    result: entry.result,
    ...(entry.reason !== undefined && { reason: maskText(entry.reason) }),
    actor: {
      kind: actor.kind,
      ...(actor.clientId !== undefined && { client_id: maskText(actor.clientId) }),
      ...(actor.subject !== undefined && { subject: maskText(actor.subject) }),
      ...(actor.roles !== undefined && { roles: [...actor.roles] }),
      ...(actor.grantId !== undefined && { grant_id: maskText(actor.grantId) }),
    },
    ...(entry.address !== undefined && { address: maskText(entry.address) }),
    ...(entry.requestId !== undefined && { request_id: maskText(entry.requestId) }),
    object: { type: maskText(entry.object.type), id: maskText(entry.object.id) },
    ...(entry.before && { before: maskMembers(entry.before) }),
    ...(entry.after && { after: maskMembers(entry.after) }),
  };
  const record = canonicalJson(content);
  return { sequence, record, hash: hashOf(record) };
}
