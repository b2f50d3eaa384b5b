import type { Timer } from '../../kernel/clock.ts';
import type { ShownTransport } from './caller-ear.ts';
import type { MaskingParts } from './masking-parts.ts';

/** A doubt that was no digit is forgotten after this much quiet. */
const QUIET_BEFORE_TRUST_MS = 500;

export type TrustParts = Pick<
  MaskingParts,
  'call' | 'options' | 'clock' | 'state' | 'guard' | 'interruptions' | 'callerEar'
>;

/**
 * Whether the agent may hear the caller while keys are asked for: only where this phone has shown that it sends events
 * without any tone, nothing is out of order and nothing sounds. Every doubt closes the guard at once.
 */
export class TransportTrust {
  readonly #parts: TrustParts;
  #quiet: Timer | undefined;

  constructor(parts: TrustParts) {
    this.#parts = parts;
  }

  /** A key showed how this phone sends digits. Only events without any tone leave room for trust, and trust is lost once. */
  showed(shown: ShownTransport, sinceMs: number): void {
    const { call, guard } = this.#parts;
    const known = call.transport();
    if (shown === 'events' && (known === 'unknown' || known === 'events')) {
      call.learn('events');
      this.considerOpening();
      return;
    }
    const mixed = known === 'bleed' || shown === 'events' || (known !== 'unknown' && known !== shown);
    call.learn(mixed ? 'bleed' : shown);
    void guard.close(shown === 'bleed' ? 'tone_before_event' : 'tone_digit', sinceMs);
  }

  /** A phone that was trusted sends a tone that is certainly a key: it is not trusted again on this call. */
  toneDigit(sinceMs: number): void {
    const { call, guard } = this.#parts;
    if (call.transport() === 'events') call.learn('bleed');
    void guard.close('tone_digit', sinceMs);
  }

  /** Something like a tone began or ended. */
  energy(sounding: boolean, sinceMs: number): void {
    if (sounding) {
      this.#quiet?.cancel();
      void this.#parts.guard.close('tone_energy', sinceMs);
    } else this.openWhenQuiet();
  }

  openWhenQuiet(): void {
    this.#quiet?.cancel();
    this.#quiet = this.#parts.clock.after(QUIET_BEFORE_TRUST_MS, () => this.considerOpening());
  }

  considerOpening(): void {
    const { state, options, call, interruptions, callerEar, guard } = this.#parts;
    const trusted =
      state.phase === 'secured' &&
      options.guardPolicy === 'until_proven' &&
      call.transport() === 'events' &&
      !interruptions.any &&
      !callerEar.sounding;
    if (trusted) void guard.open();
  }

  /** Nothing is opened any more when it gets quiet. */
  end(): void {
    this.#quiet?.cancel();
  }
}
