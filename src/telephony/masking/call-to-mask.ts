import type { Bridge, CallEnd, LockRecord, Mask, Transport } from '../contract.ts';
import type { Hearing, HearingSink } from './hearing.ts';
import type { SentinelEar } from './sentinel-ear.ts';

/** What masking needs of one call, whatever bridge it is on. */
export interface CallToMask {
  readonly callId: string;
  readonly bridge: Bridge;
  /** Lock and guard for one capture. Where the bridge can hear what the agent is given, it feeds `ears.agent`. */
  means(ears: Ears): MaskingMeans;
  /** Listening to the caller. */
  listen(sink: HearingSink): Hearing;
  /** Stops the recording that runs on the call; returns what was done, undefined when there is none. */
  stopRecording(): string | undefined;
  /** Starts what `stopRecording` stopped; returns what was done. */
  startRecording(): string | undefined;
  transport(): Transport;
  /** What one capture learns serves the rest of the call. */
  learn(transport: Transport): void;
  /** Resolves when the record is written. */
  saveLock(lock: LockRecord | undefined): Promise<void>;
  /** The lock could not be opened: the call goes on trying while it lives. */
  openLater(mask: Mask): void;
  /** Tells what happens to the call while it is masked. Returns the undo. */
  watch(watcher: MaskedCallWatcher): () => void;
  /** What the operator says of the engine that masks. */
  readonly engineVersion?: string;
}

export interface MaskedCallWatcher {
  /** The agent leg has a new media stream, which nothing masks yet. */
  legRenegotiated(): void;
  /** The caller's leg can, or cannot, be commanded. Told of changes only. */
  control(up: boolean): void;
  /** The engine behind `mask` does, or does not, answer. Told of changes only. */
  mediaServer(reachable: boolean): void;
  ended(end: CallEnd): void;
}

export interface Ears {
  /** What the agent leg is given. */
  readonly agent: SentinelEar;
  /** The loudest level of the caller since `since` was last called, dBFS; undefined when nothing was heard. */
  readonly callerLoudest: () => number | undefined;
  /** When the caller was last heard to make a sound, `Clock.monotonicMs`; undefined: never. */
  readonly callerSoundedMs: () => number | undefined;
}

export interface MaskingMeans {
  readonly mask: Mask;
  /** Absent when nothing can hear the agent-bound stream. */
  readonly sentinel?: Sentinel;
}

/** The source of what `Ears.agent` hears. */
export interface Sentinel {
  /** Without it there is no proof of masking on this bridge: a capture must not go on. */
  readonly required: boolean;
  /** Resolves when it hears. Losses are reported to `watch`. `lock` names the stream. */
  start(lock: LockRecord, watch: { lost(): void; back(): void }): Promise<void>;
  stop(): Promise<void>;
}
