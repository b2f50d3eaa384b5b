import type { AuditOperation } from './operations.ts';

/** Who acted. `client`: by an access token; `grant`: by a capture grant; `operator`: by a command on the server. */
export interface AuditActor {
  readonly kind: 'client' | 'grant' | 'system' | 'operator';
  readonly clientId?: string;
  readonly subject?: string;
  readonly roles?: readonly string[];
  readonly grantId?: string;
}

/** What JSON can say. A member that is `undefined` is left out. */
export type AuditValue =
  | null
  | boolean
  | number
  | string
  | readonly AuditValue[]
  | { readonly [name: string]: AuditValue | undefined };

/**
 * One act, as `appendAudit` takes it. `before` and `after` hold the members of the object that the act changed; they
 * are masked on the way in (see masking.ts), and refused when they hold twelve digits in a row.
 */
export interface AuditEntry {
  readonly accountId: string;
  readonly actor: AuditActor;
  /** The network address that the request came from. */
  readonly address?: string;
  readonly requestId?: string;
  /** The operationId of openapi.yaml that asked for it. */
  readonly operationId?: string;
  readonly operation: AuditOperation;
  readonly object: { readonly type: string; readonly id: string };
  readonly result: 'done' | 'refused' | 'failed';
  /** A stable code: why it was refused or failed, or what brought it about. */
  readonly reason?: string;
  readonly before?: { readonly [name: string]: AuditValue | undefined };
  readonly after?: { readonly [name: string]: AuditValue | undefined };
  /** When it happened; by default when it is written, by the database's clock. */
  readonly at?: Date;
}
