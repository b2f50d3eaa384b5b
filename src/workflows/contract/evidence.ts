import type { Bridge, MaskingStep, Transport } from '../../telephony/contract.ts';

/** What an assessor gets of a capture: how it was masked, and what was heard. */
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
