import type { Bridge, CallState, Transport } from '../../telephony/contract.ts';
import type { Actor } from './actor.ts';

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
