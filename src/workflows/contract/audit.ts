import type { AuditRecord } from '../../audit/chain.ts';
import type { Actor } from './actor.ts';

export interface AuditSearch {
  /** RFC 3339; not before. */
  readonly from?: string;
  /** RFC 3339; before. */
  readonly to?: string;
  readonly operation?: string;
  readonly subject?: string;
  readonly client_id?: string;
  readonly object_type?: string;
  readonly object_id?: string;
  readonly result?: string;
  readonly limit?: number;
  readonly cursor?: string;
}

export interface AuditRecordResource extends AuditRecord {
  /** SHA-256 of the record's canonical JSON (RFC 8785), this member left out; base64url. */
  readonly hash: string;
}

export interface AuditPage {
  readonly records: readonly AuditRecordResource[];
  /** Absent on the last page. */
  readonly next_cursor?: string;
}

export interface RefusedAccess {
  readonly operationId: string;
  /** What was asked for, as far as the request names it. */
  readonly object: { readonly type: string; readonly id: string };
  /** The code of the problem that it was answered with. */
  readonly reason: string;
}

export interface AuditDesk {
  /** Records of the account, the newest first. Rejects with `cursor_invalid` or `time_invalid`. */
  search(actor: Actor, search: AuditSearch): Promise<AuditPage>;
  /**
   * The records as NDJSON, the oldest first, and a manifest as the last line: an export without it is not whole.
   * Rejects with `time_invalid`.
   */
  export(actor: Actor, search: Omit<AuditSearch, 'limit' | 'cursor'>): Promise<AsyncIterable<string>>;
  /** Records that someone with a valid token was refused. Never rejects. */
  refused(actor: Actor, access: RefusedAccess): Promise<void>;
}
