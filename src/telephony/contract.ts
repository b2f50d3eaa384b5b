/**
 * What the use cases may ask of a telephone system, and what they are told. Two bridges implement it (`dial` with
 * rtpengine, `conference`); no use case knows which.
 */

/** A key of the telephone as its RFC 4733 event code: 0–9, 10 `*`, 11 `#`, 12–15 `A`–`D`. Never a string. */
export type KeyCode = number;

export type Bridge = 'dial' | 'conference';

/** How this caller's phone sends digits, as far as the call has shown. `bleed`: events with an audible tone. */
export type Transport = 'unknown' | 'events' | 'tones' | 'bleed';

export type CallState = 'ringing' | 'connected' | 'ended';

export type CallEnd = 'caller_hung_up' | 'agent_hung_up' | 'agent_busy' | 'agent_no_answer' | 'failed';

/** A call as status: what agents and integrators may see. */
export interface CallSnapshot {
  readonly callId: string;
  readonly accountId: string;
  readonly state: CallState;
  readonly bridge: Bridge;
  readonly from: string;
  readonly to: string;
  readonly agentId: string;
  readonly transport: Transport;
  /** The lock of an earlier process or capture still stands on this call: the agent does not hear the caller. */
  readonly masked: boolean;
  readonly startedAt: Date;
  readonly connectedAt?: Date;
  readonly endedAt?: Date;
  readonly end?: CallEnd;
}

/** Why the guard is closed. */
export type Doubt =
  | 'capture_started'
  | 'policy_always'
  | 'tone_energy'
  | 'tone_digit'
  | 'tone_before_event'
  | 'listen_lost'
  | 'leg_renegotiated'
  | 'media_server_unreachable'
  | 'capture_ended';

export type GuardPolicy = 'until_proven' | 'always';

/** Public failure codes of masking; a capture that ends by one of them carries it as its reason. */
export type MaskingFailure = 'masking_unavailable' | 'masking_lost' | 'masking_breached';

/** What a running masking tells its capture. Handlers must not throw. */
export interface MaskingListener {
  /** One key press, whatever number of events, duplicates and tones it was seen as. */
  key(key: KeyCode): void;
  /** Digits cannot be heard, or silence is not certain, for now: the capture must not accept any. */
  interrupted(reason: 'listen_lost' | 'media_server_unreachable' | 'leg_renegotiated' | 'control_lost'): void;
  /** What `interrupted` reported is mended; masking is confirmed again. */
  restored(): void;
  /** Masking is gone or was seen to fail. Nothing more is delivered. */
  failed(failure: MaskingFailure): void;
  /** The call is over. Nothing more is delivered. */
  callEnded(end: CallEnd): void;
}

export interface MaskingOptions {
  readonly captureId: string;
  readonly guardPolicy: GuardPolicy;
  /** Give up and fail with `masking_unavailable` when masking is not confirmed in this time. */
  readonly confirmWithinMs: number;
}

/** One entry of the lock and guard timeline. Times are milliseconds after the capture was requested. */
export interface MaskingStep {
  readonly atMs: number;
  readonly step:
    | 'requested'
    | 'recording_stopped'
    | 'listening'
    | 'locked'
    | 'guard_closed'
    | 'verified'
    | 'secured'
    | 'guard_opened'
    | 'doubt'
    | 'interrupted'
    | 'restored'
    | 'breached'
    | 'released'
    | 'recording_started'
    | 'failed';
  /** The engine's answer, the doubt, or the sentinel's finding. Never a digit. */
  readonly detail?: string;
}

/** What an assessor gets: how this capture was masked and what shows it. Holds counts and times, never a digit. */
export interface MaskingEvidence {
  readonly bridge: Bridge;
  readonly transport: Transport;
  /** `engine_acknowledgement`: rtpengine's answers and a query that call and tag stand; no sentinel listened. */
  readonly proof: 'engine_acknowledgement' | 'sentinel' | 'engine_acknowledgement_and_sentinel';
  readonly engineVersion?: string;
  readonly keysDelivered: number;
  /** Key presses that began before the lock was confirmed, or came while masking was in doubt. */
  readonly keysDropped?: number;
  readonly keyEventsSeen: number;
  readonly keyTonesSeen: number;
  readonly duplicatesDropped: number;
  readonly sentinel?: {
    readonly listenedMs: number;
    readonly digitsHeard: number;
    /** Loudest moment while the guard was closed, dBFS; absent when it was closed for no whole frame. */
    readonly loudestWhileGuardedDbfs?: number;
  };
  readonly msToSecured?: number;
  /** For each doubt: from its first sample or notice here to the guard's confirmed closing. */
  readonly msFromDoubtToGuard: readonly number[];
  readonly steps: readonly MaskingStep[];
}

/** The masking of one capture on one call. */
export interface Masking {
  evidence(): MaskingEvidence;
  /** Idempotent. Tail guard, guard open, lock open, listening off, recording on. Resolves when all is undone. */
  release(): Promise<void>;
}

/** Raised by `secure` when masking cannot be confirmed. Carries what was done, for the evidence record. */
export interface MaskingRefusal extends Error {
  readonly failure: MaskingFailure;
  readonly evidence: MaskingEvidence;
}

export interface Calls {
  get(callId: string): CallSnapshot | undefined;
  /** The one call that this agent is on; undefined when there is none. */
  ofAgent(accountId: string, agentId: string): CallSnapshot | undefined;
  list(accountId: string): CallSnapshot[];
  /**
   * Locks and guards the call and listens to the caller; resolves once masking is confirmed.
   * Rejects with a `MaskingRefusal`, or with `call_not_found` / `call_not_connected`.
   */
  secure(callId: string, options: MaskingOptions, listener: MaskingListener): Promise<Masking>;
  /** Opens the lock that a crash left on a call. Rejects with `call_not_found`, or `call_not_masked`. */
  release(callId: string): Promise<void>;
}

/** What must outlive this process for a call to be adopted after a crash. */
export interface CallRecord {
  readonly snapshot: CallSnapshot;
  /** jambonz's own names for the two legs. */
  readonly callSid: string;
  readonly agentCallSid?: string;
  /** The SIP call-id of the agent leg, rtpengine's name for it. */
  readonly agentLegCallId?: string;
  readonly conferenceName?: string;
  /** Written before the lock is asked for and cleared after it is known to be open. */
  readonly lock?: LockRecord;
}

export interface LockRecord {
  readonly captureId: string;
  readonly bridge: Bridge;
  readonly agentLegCallId?: string;
  /** The tag of the agent-bound stream: unlocking needs the same one. */
  readonly tag?: string;
}

/** Where the telephone system keeps its records; implemented over the database by the use cases' layer. */
export interface CallJournal {
  save(record: CallRecord): Promise<void>;
  findBySid(callSid: string): Promise<CallRecord | undefined>;
}

/** Where an inbound number leads. */
export interface Route {
  readonly accountId: string;
  readonly agentId: string;
  /** The jambonz dial target, e.g. `{type:'phone', number:'2000', trunk:'agents'}`. */
  readonly target: Readonly<Record<string, unknown>>;
  /** jambonz's call recording to run on these calls and to stop during captures. */
  readonly recording?: Readonly<Record<string, unknown>>;
}

export type Router = (to: string) => Route | undefined;

/** Told of every change of a call, so that a capture on it can react and a record can be kept. */
export interface CallObserver {
  /** This process found a live call that an earlier one had: its captures are `interrupted`. */
  adopted(call: CallSnapshot): Promise<void>;
  changed(call: CallSnapshot): void;
}

/**
 * Lock and guard of the agent-bound stream of one call, by one means (rtpengine's block/silence, or a conference
 * mute). Every method resolves when the means has confirmed it and rejects otherwise; none decides anything. Methods
 * may be called while others are under way: they take effect in the order of the calls. An opening that a later call
 * stands against may reject with `masking_superseded`.
 */
export interface Mask {
  /** Lock and guard together, verified. Resolves with the engine's words for the evidence. */
  close(): Promise<MaskConfirmation>;
  /** Only the guard: the agent hears the caller, or not. */
  openGuard(): Promise<MaskConfirmation>;
  closeGuard(): Promise<MaskConfirmation>;
  /** Lock and guard off. */
  open(): Promise<MaskConfirmation>;
  /** Is what was applied still standing? Rejects with `masking_lost` when the engine no longer knows the call. */
  verify(): Promise<MaskConfirmation>;
  /**
   * Applies once more what should stand, after its means was out of reach. Never opens anything; rejects as `verify`
   * does. A mask that has none is closed again.
   */
  reassert?(): Promise<MaskConfirmation>;
  /** What a restart needs to undo it. Available once the leg is known, before anything is applied. */
  record(captureId: string): Promise<LockRecord>;
}

export interface MaskConfirmation {
  readonly detail: string;
}
