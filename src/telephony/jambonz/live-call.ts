import { HushtoneError } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/logger.ts';
import type {
  Bridge,
  CallEnd,
  CallJournal,
  CallObserver,
  CallRecord,
  CallSnapshot,
  CallState,
  LockRecord,
  Route,
  Transport,
} from '../contract.ts';
import { ControlLink } from './control-link.ts';
import { CallRecording } from './recording.ts';

export interface LiveCallOptions {
  /** The call as an earlier process left it, or as it starts. */
  readonly record: CallRecord;
  readonly route: Route | undefined;
  readonly recordedByJambonz: boolean;
  readonly journal: CallJournal;
  readonly observer: CallObserver;
  readonly now: () => Date;
  readonly logger: Logger;
}

/** What a call tells whoever runs on it. */
export interface CallWatcher {
  legRenegotiated(): void;
  ended(end: CallEnd): void;
}

/** One call that this process holds: its two legs, its state, and the record of it that outlives the process. */
export class LiveCall {
  readonly callId: string;
  readonly callSid: string;
  readonly bridge: Bridge;
  readonly route: Route | undefined;
  /** The caller's leg and, in a conference, the agent's. */
  readonly caller = new ControlLink();
  readonly agent = new ControlLink();
  readonly recording: CallRecording;
  readonly #options: LiveCallOptions;
  readonly #watchers = new Set<CallWatcher>();
  #snapshot: CallSnapshot;
  #agentCallSid: string | undefined;
  #agentLegCallId: string | undefined;
  readonly #conferenceName: string | undefined;
  #lock: LockRecord | undefined;
  #maskedByCapture = false;
  #saving: Promise<void> = Promise.resolve();

  constructor(options: LiveCallOptions) {
    const { record } = options;
    this.#options = options;
    this.callId = record.snapshot.callId;
    this.callSid = record.callSid;
    this.bridge = record.snapshot.bridge;
    this.route = options.route;
    this.recording = new CallRecording(this.caller, options.route?.recording, options.recordedByJambonz);
    this.#snapshot = record.snapshot;
    this.#agentCallSid = record.agentCallSid;
    this.#agentLegCallId = record.agentLegCallId;
    this.#conferenceName = record.conferenceName;
    this.#lock = record.lock;
  }

  get state(): CallState {
    return this.#snapshot.state;
  }

  get transport(): Transport {
    return this.#snapshot.transport;
  }

  get agentCallSid(): string | undefined {
    return this.#agentCallSid;
  }

  get agentLegCallId(): string | undefined {
    return this.#agentLegCallId;
  }

  get conferenceName(): string {
    return this.#conferenceName ?? this.callId;
  }

  get lock(): LockRecord | undefined {
    return this.#lock;
  }

  snapshot(): CallSnapshot {
    return { ...this.#snapshot, masked: this.#lock !== undefined && !this.#maskedByCapture };
  }

  /** Returns the undo. */
  watch(watcher: CallWatcher): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** Put on record for the first time. */
  begun(): void {
    this.#changed();
  }

  /** The agent leg as jambonz names it now. A new SIP call-id on a connected call means a new media stream. */
  agentLeg(agentCallSid: string, agentLegCallId: string | undefined): void {
    const renegotiated =
      this.state === 'connected' &&
      agentLegCallId !== undefined &&
      this.#agentLegCallId !== undefined &&
      agentLegCallId !== this.#agentLegCallId;
    if (
      agentCallSid === this.#agentCallSid &&
      (agentLegCallId ?? this.#agentLegCallId) === this.#agentLegCallId
    ) {
      return;
    }
    this.#agentCallSid = agentCallSid;
    this.#agentLegCallId = agentLegCallId ?? this.#agentLegCallId;
    this.#changed();
    if (renegotiated) for (const watcher of this.#watchers) watcher.legRenegotiated();
  }

  connected(): void {
    if (this.state !== 'ringing') return;
    this.#snapshot = { ...this.#snapshot, state: 'connected', connectedAt: this.#options.now() };
    this.#changed();
  }

  /** Idempotent: the first reason stays. The lock goes with the media of the call. */
  ended(end: CallEnd, lock: 'gone_with_call' | 'may_stand' = 'gone_with_call'): void {
    if (this.state === 'ended') return;
    this.#snapshot = { ...this.#snapshot, state: 'ended', endedAt: this.#options.now(), end };
    if (lock === 'gone_with_call') this.#lock = undefined;
    this.#changed();
    for (const watcher of this.#watchers) watcher.ended(end);
  }

  learn(transport: Transport): void {
    if (this.transport === transport || this.state === 'ended') return;
    this.#snapshot = { ...this.#snapshot, transport };
    this.#changed();
  }

  /** While a capture runs its own lock does not count as left behind. */
  maskedByCapture(yes: boolean): void {
    if (this.#maskedByCapture === yes) return;
    this.#maskedByCapture = yes;
    if (this.#lock !== undefined) this.#options.observer.changed(this.snapshot());
  }

  /** A lock that was left on the call is open: those who watch the call are told. */
  lockOpened(): void {
    this.#options.observer.changed(this.snapshot());
  }

  /** Resolves when the record is written; rejects when it could not be. */
  async saveLock(lock: LockRecord | undefined): Promise<void> {
    if (this.state === 'ended' && lock !== undefined) {
      throw new HushtoneError('call_not_connected', 'conflict', 'the call is over');
    }
    this.#lock = lock;
    await this.save();
  }

  /** Writes the call as it is now. Writes of one call never overtake each other. */
  save(): Promise<void> {
    const record = this.record();
    const saved = this.#saving.then(() => this.#options.journal.save(record));
    this.#saving = saved.catch(() => {});
    return saved;
  }

  record(): CallRecord {
    return {
      snapshot: this.snapshot(),
      callSid: this.callSid,
      ...(this.#agentCallSid !== undefined && { agentCallSid: this.#agentCallSid }),
      ...(this.#agentLegCallId !== undefined && { agentLegCallId: this.#agentLegCallId }),
      ...(this.bridge === 'conference' && { conferenceName: this.conferenceName }),
      ...(this.#lock !== undefined && { lock: this.#lock }),
    };
  }

  #changed(): void {
    this.save().catch((error: unknown) => {
      this.#options.logger.error('a call could not be recorded', { callId: this.callId, error });
    });
    this.#options.observer.changed(this.snapshot());
  }
}
