import { HushtoneError } from '../../kernel/errors.ts';
import type { LockRecord } from '../contract.ts';
import type { Fault } from './interruptions.ts';
import { PRESS_UNCERTAIN_MS } from './key-gate.ts';
import type { KeyGate } from './key-gate.ts';
import type { MaskingParts } from './masking-parts.ts';
import { MaskingRefused } from './refusal.ts';
import type { TransportTrust } from './transport-trust.ts';
import type { Undoing } from './undoing.ts';
import { pause, pauseUntil } from './waiting.ts';

/** jambonz needs 43 ms to stop a recorder (measured) and does not say when it has. */
const RECORDING_STOPS_MS = 100;
/** What a refused capture waits for its undoing; it goes on after that. */
const UNDO_WITHIN_MS = 1000;

const NO_SENTINEL = 'no sentinel listens: the engine’s acknowledgement is the proof';

export type SecuringParts = MaskingParts & {
  readonly keys: KeyGate;
  readonly trust: TransportTrust;
  readonly undoing: Undoing;
  /** The source of what the agent's ear hears was lost, or is back. */
  readonly sentinelWatch: { lost(): void; back(): void };
};

/**
 * Locked first: recording off, lock and guard on record and closed, the caller heard, all of it confirmed, and only
 * then secured. What cannot be confirmed in time is refused and undone.
 */
export class Securing {
  readonly #parts: SecuringParts;
  /** What went wrong before masking was confirmed. */
  readonly #faults = new Set<Fault>();
  #verifyAsked = false;
  #cut: (error: Error) => void = () => {};

  constructor(parts: SecuringParts) {
    this.#parts = parts;
  }

  /** Something is out of order before masking is confirmed. */
  lost(fault: Fault): void {
    this.#faults.add(fault);
  }

  back(fault: Fault): void {
    // It may be another one: what it said before it was gone is worth nothing.
    if (fault === 'media_server_unreachable' && this.#verifyAsked) return;
    this.#faults.delete(fault);
  }

  /** Gives up at once. */
  cut(error: Error): void {
    this.#cut(error);
  }

  /** Once. Rejects with a `MaskingRefused`. */
  async secure(): Promise<void> {
    const { clock, options, state, agentEar, log, trust } = this.#parts;
    const deadline = new Promise<never>((_, reject) => (this.#cut = reject));
    const late = new HushtoneError('masking_unavailable', 'unavailable', 'masking was not confirmed in time');
    const timer = clock.after(options.confirmWithinMs, () => this.#cut(late));
    try {
      await Promise.race([this.#confirm(), deadline]);
      this.#refuseWhenDoubtful(); // again: promises of others may have been settled in between
    } catch (error) {
      await this.#refuse(error);
    } finally {
      timer.cancel();
      this.#cut = () => {};
    }
    state.phase = 'secured';
    agentEar.arm();
    log.secured();
    if (options.guardPolicy === 'always') log.step('doubt', 'policy_always');
    trust.considerOpening();
  }

  async #confirm(): Promise<void> {
    const { mask, clock, keys, log } = this.#parts;
    const recordingStopped = this.#stopRecording();
    await Promise.all([recordingStopped, this.#listen(), this.#lock()]);
    this.#verifyAsked = true;
    const { detail } = await mask.verify();
    await pauseUntil(clock, keys.acceptsFromMs + PRESS_UNCERTAIN_MS);
    this.#refuseWhenDoubtful();
    log.step('verified', detail);
  }

  async #stopRecording(): Promise<void> {
    const { call, log, clock } = this.#parts;
    const stopped = call.stopRecording();
    if (stopped === undefined) return;
    log.step('recording_stopped', stopped);
    await pause(clock, RECORDING_STOPS_MS);
  }

  async #listen(): Promise<void> {
    const { hearing, log } = this.#parts;
    await hearing.open();
    log.step('listening');
  }

  /** The record is written before anything is locked: a crash in between leaves a record too many, never a lock. */
  async #lock(): Promise<void> {
    const { mask, options, state, call } = this.#parts;
    const record = await mask.record(options.captureId);
    this.#refuseUnlessSecuring();
    state.lockAsked = true;
    await call.saveLock(record);
    this.#refuseUnlessSecuring();
    await Promise.all([this.#close(), this.#startSentinel(record)]);
  }

  async #close(): Promise<void> {
    const { mask, guard, keys, clock, log, sentinel } = this.#parts;
    const { detail } = await mask.close();
    guard.confirmedClosed();
    keys.acceptFrom(clock.monotonicMs());
    log.step('locked', sentinel === undefined ? `${detail}; ${NO_SENTINEL}` : detail);
    log.step('guard_closed', 'capture_started');
  }

  async #startSentinel(record: LockRecord): Promise<void> {
    const { sentinel, sentinelWatch, state, log, logger, call } = this.#parts;
    if (sentinel === undefined) return;
    try {
      await sentinel.start(record, sentinelWatch);
      state.sentinelHears = true;
      log.step('listening', 'sentinel');
    } catch (error) {
      if (sentinel.required) throw error;
      logger.warn('no sentinel for this capture', { callId: call.callId, error });
      log.step('listening', NO_SENTINEL);
    }
  }

  #refuseUnlessSecuring(): void {
    if (this.#parts.state.phase !== 'securing') {
      throw new HushtoneError('masking_unavailable', 'unavailable', 'masking was given up meanwhile');
    }
  }

  #refuseWhenDoubtful(): void {
    this.#refuseUnlessSecuring();
    if (this.#faults.size > 0) {
      throw new HushtoneError('masking_unavailable', 'unavailable', 'what was confirmed did not last');
    }
  }

  async #refuse(cause: unknown): Promise<never> {
    const { state, log, undoing, clock } = this.#parts;
    if (!state.isOver) state.phase = 'failed';
    const why = cause instanceof HushtoneError ? cause.message : 'something of ours broke';
    log.step('failed', `masking_unavailable: ${why}`);
    const undone = undoing.undo(0).catch(() => {});
    const patience = pause(clock, UNDO_WITHIN_MS);
    await Promise.race([undone, patience]);
    throw new MaskingRefused('masking_unavailable', log.evidence(), undone, { cause });
  }
}
