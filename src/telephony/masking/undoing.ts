import { HushtoneError } from '../../kernel/errors.ts';
import type { KeyGate } from './key-gate.ts';
import type { MaskingParts } from './masking-parts.ts';
import { waitOutTail } from './tail.ts';
import type { TransportTrust } from './transport-trust.ts';

export type UndoingParts = MaskingParts & {
  readonly keys: KeyGate;
  readonly trust: TransportTrust;
  /** No longer told of what happens to the call. */
  readonly unwatch: () => void;
};

/** Ends what securing began: the tail, then the lock, then the listening, then the recording on. */
export class Undoing {
  readonly #parts: UndoingParts;
  #notOpened: HushtoneError | undefined;

  constructor(parts: UndoingParts) {
    this.#parts = parts;
  }

  /**
   * Rejects with `lock_not_opened` when everything is undone but the lock, which is not confirmed open: it stays on
   * record and the call goes on trying.
   */
  async undo(tailMs: number): Promise<void> {
    const { state, agentEar } = this.#parts;
    if (tailMs > 0) await waitOutTail(this.#parts, tailMs);
    agentEar.disarm();
    agentEar.guardOpened();
    if (!state.isOver) await this.#open();
    await this.cleanUp();
    this.#startRecording();
    if (this.#notOpened !== undefined) throw this.#notOpened;
  }

  /** Listening off, and everything heard forgotten. Idempotent. */
  async cleanUp(): Promise<void> {
    const { trust, interruptions, guard, unwatch, hearing, sentinel, callerEar, agentEar } = this.#parts;
    trust.end();
    interruptions.end();
    guard.retire();
    unwatch();
    await Promise.allSettled([hearing.close(), sentinel?.stop()]);
    callerEar.wipe();
    agentEar.wipe();
  }

  async #open(): Promise<void> {
    const { trust, interruptions, guard, state, mask, call, log, logger } = this.#parts;
    trust.end();
    interruptions.end();
    guard.retire();
    state.openAsked = true;
    if (!state.lockAsked) return;
    try {
      const { detail } = await mask.open();
      await call.saveLock(undefined);
      log.step('guard_opened', 'capture_ended');
      log.step('released', detail);
    } catch (error) {
      if (state.isOver) return;
      logger.warn('the lock stays until it can be opened', { callId: call.callId, error });
      log.step('failed', 'not confirmed open: the lock stays on record and is tried again');
      call.openLater(mask);
      this.#notOpened = new HushtoneError(
        'lock_not_opened',
        'unavailable',
        'the lock could not be opened yet',
        {
          cause: error,
        },
      );
    }
  }

  #startRecording(): void {
    const { state, call, log, logger } = this.#parts;
    if (state.isOver) return;
    try {
      const started = call.startRecording();
      if (started !== undefined) log.step('recording_started', started);
    } catch (error) {
      logger.warn('the recording could not be started again', { callId: call.callId, error });
    }
  }
}
