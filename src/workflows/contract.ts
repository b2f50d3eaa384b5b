/**
 * What a client can do, as the use cases offer it. The shapes are those of openapi.yaml, in its words; every response
 * is checked against it outside production.
 */
import type { AuditRecord } from '../audit/chain.ts';
import type { Reach } from '../kernel/reach.ts';
import type { Role } from '../kernel/roles.ts';
import type { Bridge, CallState, GuardPolicy, MaskingStep, Transport } from '../telephony/contract.ts';
import type { Purpose } from '../payments/contract.ts';
import type { Mode } from '../payments/kind.ts';

export type FieldName = 'card_number' | 'expiry' | 'security_code' | 'postal_code' | 'pin';

export interface FieldRequest {
  readonly field: FieldName;
  readonly required?: boolean;
  readonly max_attempts?: number;
  readonly min_length?: number;
  readonly max_length?: number;
}

export interface CaptureRequest {
  readonly call_id?: string;
  readonly agent_id?: string;
  readonly purpose: Purpose;
  /** By default as the gateway is configured, or the token's. */
  readonly mode?: Mode;
  readonly amount?: { readonly value: number; readonly currency: string };
  readonly reference?: string;
  readonly customer_reference?: string;
  /** Where `tokenize` and `charge_and_save` keep the card. */
  readonly token_storage?: 'provider' | 'vault';
  /** A card that the vault keeps: only its security code is captured. */
  readonly token?: string;
  readonly fields?: readonly FieldRequest[];
  readonly auto_advance?: boolean;
  readonly auto_submit?: boolean;
  readonly accepted_brands?: readonly string[];
  readonly guard?: GuardPolicy;
  readonly inter_digit_timeout_seconds?: number;
  readonly timeout_seconds?: number;
}

export interface CaptureFieldResource {
  readonly field: FieldName;
  readonly required: boolean;
  readonly status: 'empty' | 'collecting' | 'accepted' | 'rejected';
  readonly digits: number;
  readonly attempts: number;
  readonly reason?: string;
  readonly brand?: string;
  readonly last4?: string;
}

export interface PaymentResource {
  /** Absent for `tokenize`, which is no payment. */
  readonly id?: string;
  readonly status: 'processing' | 'succeeded' | 'declined' | 'failed' | 'unknown';
  readonly decline_reason?: string;
  /** What the agent may say to the caller about a decline. */
  readonly agent_message?: string;
  readonly authorization_code?: string;
  readonly provider_reference?: string;
  readonly token?: string;
}

export type CaptureStatus =
  | 'created'
  | 'securing'
  | 'collecting'
  | 'ready'
  | 'processing'
  | 'succeeded'
  | 'declined'
  | 'failed'
  | 'cancelled'
  | 'expired'
  | 'abandoned'
  | 'interrupted';

export interface CaptureResource {
  readonly id: string;
  readonly call_id: string;
  readonly status: CaptureStatus;
  readonly reason?: string;
  readonly focus?: FieldName;
  readonly paused?: 'agent' | 'masking';
  readonly interruption?: string;
  readonly purpose: Purpose;
  /** Absent for a capture from before there were modes. */
  readonly mode?: Mode;
  readonly amount?: { readonly value: number; readonly currency: string };
  readonly reference?: string;
  readonly customer_reference?: string;
  /** The stored card that the security code belongs to, and what may be shown of it. */
  readonly token?: string;
  readonly card?: { readonly brand: string; readonly last4: string };
  readonly fields: readonly CaptureFieldResource[];
  readonly stray_keys: number;
  readonly payment?: PaymentResource;
  readonly created_at: string;
  readonly updated_at: string;
  readonly ended_at?: string;
}

export interface CaptureListing {
  readonly status?: CaptureStatus;
  readonly call_id?: string;
  readonly agent_id?: string;
  /** RFC 3339; created not before. */
  readonly created_from?: string;
  /** RFC 3339; created before. */
  readonly created_to?: string;
  readonly limit?: number;
  readonly cursor?: string;
}

export interface CapturePage {
  readonly captures: readonly CaptureResource[];
  /** Absent on the last page. */
  readonly next_cursor?: string;
}

export type CaptureEventType = 'capture.status' | 'capture.field';

export interface CaptureEvent {
  readonly sequence: number;
  readonly type: CaptureEventType;
  readonly at: string;
  readonly capture: CaptureResource;
}

export interface CallResource {
  readonly id: string;
  readonly state: CallState;
  readonly bridge: Bridge;
  readonly from: string;
  readonly to: string;
  readonly agent_id: string;
  readonly transport: Transport;
  readonly masked: boolean;
  readonly started_at: string;
  readonly connected_at?: string;
  readonly ended_at?: string;
}

export interface CallSearch {
  /** The caller's number, in any usual way of writing it. */
  readonly from: string;
  readonly limit?: number;
  readonly cursor?: string;
}

export interface CallPage {
  readonly calls: readonly CallResource[];
  /** Absent on the last page. */
  readonly next_cursor?: string;
}

export interface EvidenceResource {
  readonly capture_id: string;
  readonly call_id: string;
  readonly bridge: Bridge;
  readonly transport: Transport;
  readonly proof: string;
  readonly engine_version?: string;
  readonly keys_delivered: number;
  readonly keys_dropped?: number;
  readonly key_events_seen: number;
  readonly key_tones_seen: number;
  readonly duplicates_dropped: number;
  readonly sentinel?: {
    readonly listened_ms: number;
    readonly digits_heard: number;
    readonly loudest_while_guarded_dbfs?: number;
  };
  readonly ms_to_secured?: number;
  readonly ms_from_doubt_to_guard: readonly number[];
  readonly steps: readonly {
    readonly at_ms: number;
    readonly step: MaskingStep['step'];
    readonly detail?: string;
  }[];
}

/** Who asks: what decides over access, and what the record tells. */
export interface Actor {
  readonly accountId: string;
  readonly subject: string;
  readonly clientId: string;
  readonly roles: readonly Role[];
  readonly scopes: ReadonlySet<string>;
  /** How far this request may go, as the table of operations and roles has it. Empty: nowhere. */
  readonly reach: readonly Reach[];
  /** Whether whole telephone numbers may be shown. */
  readonly numbersVisible?: boolean;
  /** The capture grant that stands behind the request. */
  readonly grantId?: string;
  /** Where the request came from. */
  readonly address?: string;
  readonly requestId?: string;
}

export type CaptureCommand =
  | { readonly type: 'focus'; readonly field: FieldName }
  | { readonly type: 'clear'; readonly field: FieldName }
  | { readonly type: 'pause' }
  | { readonly type: 'resume' }
  | { readonly type: 'submit' }
  | { readonly type: 'cancel' };

export interface CaptureSubscription {
  close(): void;
}

export interface CaptureDesk {
  /** Rejects with `call_not_found`, `call_not_connected`, `capture_running`, `pin_not_supported`, or `request_…`. */
  /** Under a claim that was taken over, answers with the capture that the request had started before, if it had. */
  create(actor: Actor, request: CaptureRequest, claim?: IdempotencyClaim): Promise<CaptureResource>;
  /**
   * Captures as they are recorded, the newest first; what `get` would not give is not listed. Rejects with
   * `cursor_invalid` or `time_invalid`.
   */
  page(actor: Actor, listing: CaptureListing): Promise<CapturePage>;
  /** Rejects with `capture_not_found`. */
  get(actor: Actor, captureId: string): Promise<CaptureResource>;
  /** Rejects with `capture_not_found`, `capture_ended`, or the refusal of the state machine. */
  command(actor: Actor, captureId: string, command: CaptureCommand): Promise<CaptureResource>;
  /** Rejects with `capture_not_found`, or `evidence_not_found` when masking was never asked for. */
  evidence(actor: Actor, captureId: string): Promise<EvidenceResource>;
  /**
   * Replays the events after `afterSequence`, then follows. `listener` gets them in order, each once. `ended` is
   * called once, when nothing more will come: the capture is over, or does not run in this process. Neither is called
   * after `close`. Rejects with `capture_not_found`.
   */
  follow(
    actor: Actor,
    captureId: string,
    afterSequence: number,
    listener: (event: CaptureEvent) => void,
    ended: () => void,
  ): Promise<CaptureSubscription>;
}

export interface CallDesk {
  list(actor: Actor): CallResource[];
  /**
   * Calls from a number, live and ended, the newest first. Rejects with `numbers_forbidden` when the actor may not see
   * numbers, or `cursor_invalid`.
   */
  search(actor: Actor, search: CallSearch): Promise<CallPage>;
  /** Rejects with `call_not_found`, `call_not_masked`, or `capture_running`. */
  release(actor: Actor, callId: string): Promise<CallResource>;
}

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

/** A request that came with an Idempotency-Key. */
export interface IdempotentRequest {
  /** 1 to 64 characters of the client's. */
  readonly key: string;
  /** `operationId` of openapi.yaml. */
  readonly operation: string;
  readonly method: string;
  /** Without query. */
  readonly path: string;
  /** As parsed; undefined without one. */
  readonly body?: unknown;
}

/** The answer to a request, to be told again. Holds nothing that is told once only. */
export interface StoredAnswer {
  /** 200 to 499. */
  readonly status: number;
  /** JSON; undefined for an answer without a body. */
  readonly body?: unknown;
  readonly location?: string;
}

/** The right to work on a request, and what its effect is found by. */
export interface IdempotencyClaim {
  readonly accountId: string;
  /** One for each key and 24 hours; stays when the claim changes hands. */
  readonly id: string;
  readonly claim: string;
  /** Whoever had it before never answered: the effect may be there already. */
  readonly takenOver: boolean;
}

export interface IdempotencyDesk {
  /**
   * Claims the key, or tells the answer that was given under it. Two at once, of one process or several: one gets the
   * claim. Rejects with `idempotency_in_flight` or `idempotency_mismatch`.
   */
  begin(
    actor: Actor,
    request: IdempotentRequest,
  ): Promise<{ readonly claim: IdempotencyClaim } | { readonly answer: StoredAnswer }>;
  /** The answer is told to whoever sends the request again within 24 hours. Never rejects. */
  keep(claim: IdempotencyClaim, answer: StoredAnswer): Promise<void>;
  /** Nothing was done: the key is free again. Never rejects. */
  release(claim: IdempotencyClaim): Promise<void>;
  /**
   * Nobody can tell whether something was done, as after a commit whose answer was lost: whoever sends the request again
   * takes the claim over at once, under the same id. Never rejects.
   */
  abandon(claim: IdempotencyClaim): Promise<void>;
}

export interface HealthReport {
  readonly status: 'ok' | 'unavailable';
  readonly checks: Readonly<Record<string, 'ok' | 'unavailable'>>;
}
