import type { Clock } from '../../kernel/clock.ts';
import type { KeyCode, MaskingListener } from '../contract.ts';
import type { EvidenceLog } from './evidence-log.ts';
import type { Interruptions } from './interruptions.ts';
import type { MaskingState } from './masking-parts.ts';

/**
 * An event tells of a press by its end, 63 to 84 ms after it (measured), so its beginning is known to 21 ms and taken
 * for the earliest. Keys are asked for this long after masking was confirmed: none of them can look older than that.
 */
export const PRESS_UNCERTAIN_MS = 25;

export interface KeyGateOptions {
  readonly state: MaskingState;
  readonly interruptions: Interruptions;
  readonly log: EvidenceLog;
  readonly listener: MaskingListener;
  readonly clock: Clock;
}

/**
 * Locked first: a key counts only when it went down after masking was confirmed, and nothing is in doubt. Every other
 * key is dropped and counted.
 */
export class KeyGate {
  readonly #options: KeyGateOptions;
  /** A press that began before this was not masked from its beginning. */
  #acceptFromMs = Number.POSITIVE_INFINITY;
  #lastSignMs = 0;

  constructor(options: KeyGateOptions) {
    this.#options = options;
  }

  /** Masking has been confirmed since then, `Clock.monotonicMs`. */
  get acceptsFromMs(): number {
    return this.#acceptFromMs;
  }

  /** The last sign of a key: an event, or the beginning or end of something like a tone. */
  get lastSignMs(): number {
    return this.#lastSignMs;
  }

  acceptFrom(monotonicMs: number): void {
    this.#acceptFromMs = monotonicMs;
  }

  /** Something may be a key. */
  sign(): void {
    this.#lastSignMs = this.#options.clock.monotonicMs();
  }

  /** One key press, which went down at `startedMs`. */
  press(key: KeyCode, startedMs: number): void {
    const { state, interruptions, log, listener } = this.#options;
    this.sign();
    if (state.phase !== 'secured' || interruptions.any || startedMs < this.#acceptFromMs) {
      log.keyDropped();
      return;
    }
    log.keyDelivered();
    listener.key(key);
  }
}
