import type { Purpose } from '../../payments/contract.ts';
import type { Actor } from './actor.ts';
import type { FieldRequest } from './fields.ts';
import type { CaptureSubscription } from './subscription.ts';

export interface GrantRequest {
  readonly agent_id: string;
  readonly call_id?: string;
  readonly purpose: Purpose;
  readonly amount?: { readonly value: number; readonly currency: string };
  readonly fields?: readonly FieldRequest[];
  readonly expires_in_seconds?: number;
  readonly uses?: 'once' | 'many';
}

export interface GrantResource {
  readonly id: string;
  readonly status: 'active' | 'used' | 'expired' | 'revoked';
  readonly agent_id: string;
  readonly call_id?: string;
  readonly purpose: Purpose;
  readonly amount?: { readonly value: number; readonly currency: string };
  readonly fields?: readonly FieldRequest[];
  readonly uses: 'once' | 'many';
  readonly use_count: number;
  readonly created_at: string;
  readonly expires_at: string;
  readonly revoked_at?: string;
}

/** The token is told once, here, and kept nowhere: an answer that is told again has none. */
export interface IssuedGrantResource extends GrantResource {
  readonly token: string;
}

/** An actor who acts by a capture grant. */
export interface GrantActor {
  readonly accountId: string;
  readonly subject: string;
  readonly grantId: string;
}

export interface GrantDesk {
  /** Rejects with `call_not_found`, `amount_not_allowed`, or `agent_id_like_card`. */
  create(actor: Actor, request: GrantRequest): Promise<IssuedGrantResource>;
  /** Rejects with `grant_not_found`. */
  get(actor: Actor, grantId: string): Promise<GrantResource>;
  /** Takes effect with its answer. Idempotent. Rejects with `grant_not_found`. */
  revoke(actor: Actor, grantId: string): Promise<GrantResource>;
  /** Rejects with `grant_ended` unless the grant is this agent's and neither revoked nor expired at this moment. */
  check(actor: GrantActor): Promise<void>;
  /** Calls `ended` once, within a second of the grant's end, whichever process revoked it. Not after `close`. */
  watch(actor: GrantActor, ended: () => void): CaptureSubscription;
}
