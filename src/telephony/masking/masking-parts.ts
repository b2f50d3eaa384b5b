import type { Clock } from '../../kernel/clock.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { Mask, MaskingListener, MaskingOptions } from '../contract.ts';
import type { CallToMask, Sentinel } from './call-to-mask.ts';
import type { CallerEar } from './caller-ear.ts';
import type { EvidenceLog } from './evidence-log.ts';
import type { Guard } from './guard.ts';
import type { Hearing } from './hearing.ts';
import type { Interruptions } from './interruptions.ts';
import type { RelayedEvents } from './relayed-events.ts';
import type { SentinelEar } from './sentinel-ear.ts';

/** `failed` and `over` are final but for the undoing. */
export type MaskingPhase = 'securing' | 'secured' | 'failed' | 'releasing' | 'over';

/** What changes while one capture is masked. It may have changed after any wait. */
export class MaskingState {
  phase: MaskingPhase = 'securing';
  /** Something may have been locked: only then there is something to open. */
  lockAsked = false;
  /** The lock is being opened, or is open: nothing is locked any more. */
  openAsked = false;
  /** The sentinel was heard to listen. */
  sentinelHears = false;

  /** The call is over: nothing can be opened on it, nor started. */
  get isOver(): boolean {
    return this.phase === 'over';
  }
}

/** What the steps of one capture's masking work with. */
export interface MaskingParts {
  readonly call: CallToMask;
  readonly options: MaskingOptions;
  readonly listener: MaskingListener;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly state: MaskingState;
  readonly log: EvidenceLog;
  readonly mask: Mask;
  /** Absent when nothing can hear the agent-bound stream. */
  readonly sentinel: Sentinel | undefined;
  readonly callerEar: CallerEar;
  readonly agentEar: SentinelEar;
  readonly guard: Guard;
  readonly interruptions: Interruptions;
  readonly hearing: Hearing;
  readonly relayed: RelayedEvents;
}
