import { HushtoneError } from '../../kernel/errors.ts';
import type { Doubt } from '../contract.ts';
import type { Fault, InterruptionReason } from './interruptions.ts';
import type { MaskingParts } from './masking-parts.ts';
import type { Securing } from './securing.ts';

export type FaultsParts = Pick<
  MaskingParts,
  | 'call'
  | 'listener'
  | 'clock'
  | 'logger'
  | 'state'
  | 'log'
  | 'sentinel'
  | 'callerEar'
  | 'mask'
  | 'guard'
  | 'interruptions'
> & {
  readonly securing: Securing;
};

/**
 * Fail closed: what is out of order refuses a capture that is being secured, and interrupts one that is secured until
 * masking is confirmed again.
 */
export class Faults {
  readonly #parts: FaultsParts;

  constructor(parts: FaultsParts) {
    this.#parts = parts;
  }

  lost(fault: Fault): void {
    const { callerEar, state, securing, interruptions } = this.#parts;
    if (fault === 'listen_lost') callerEar.gap();
    if (state.phase === 'securing') securing.lost(fault);
    if (state.phase === 'secured') interruptions.add(fault);
  }

  back(fault: Fault): void {
    this.#parts.securing.back(fault);
    this.#parts.interruptions.mended(fault);
  }

  lostOrBack(fault: Fault, good: boolean): void {
    if (good) this.back(fault);
    else this.lost(fault);
  }

  /** The agent leg has a new media stream, which nothing masks yet. */
  legRenegotiated(): void {
    this.lost('leg_renegotiated');
    this.#parts.interruptions.mended('leg_renegotiated'); // the new leg is there already
    this.#lockInTail();
  }

  /** What was keyed last may still be sent on: it must not reach the new leg either. It is opened with the rest. */
  #lockInTail(): void {
    const { state, call, mask, logger } = this.#parts;
    const inTail = state.phase === 'failed' || state.phase === 'releasing';
    // A conference passes no digits on, and its mute is the caller's.
    if (!inTail || state.openAsked || call.bridge === 'conference') return;
    mask.close().catch((error: unknown) => {
      logger.warn('a new agent leg could not be locked', { callId: call.callId, error });
    });
  }

  /** Nobody hears the caller but this process until masking is confirmed again. */
  interrupted(reason: InterruptionReason, fault: Fault): void {
    const { log, guard, clock, listener } = this.#parts;
    log.step('interrupted', fault);
    void guard.close(doubtOf(fault), clock.monotonicMs());
    listener.interrupted(reason);
  }

  /** The guard did not confirm that it closed: no digit is accepted until it does. */
  uncertain(error: unknown): void {
    const { logger, call, state, interruptions } = this.#parts;
    logger.warn('the guard is not confirmed closed', { callId: call.callId, error });
    if (state.phase !== 'secured') return;
    const fault: Fault = call.bridge === 'conference' ? 'control_lost' : 'media_server_unreachable';
    interruptions.add(fault);
    interruptions.mended(fault);
  }

  /**
   * Where the sentinel is the proof, silence is what it proves by: the caller's member was unmuted by something else,
   * such as its own keys under the stock caller-controls. It is muted once more before any key counts.
   */
  soundWhileGuarded(): void {
    const { sentinel, state, interruptions, guard, log } = this.#parts;
    if (state.phase !== 'secured') return; // of every frame, and there is no key to be dropped any more
    if (sentinel?.required !== true || interruptions.any || guard.isOpen) return;
    log.step('doubt', 'sound on the agent leg while the guard was closed');
    this.uncertain(new HushtoneError('masking_unavailable', 'unavailable', 'the mute was undone'));
  }
}

function doubtOf(fault: Fault): Doubt {
  if (fault === 'sentinel_lost') return 'listen_lost';
  return fault === 'control_lost' ? 'media_server_unreachable' : fault;
}
