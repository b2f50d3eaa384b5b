import type { Fault } from './interruptions.ts';
import { PRESS_UNCERTAIN_MS } from './key-gate.ts';
import type { KeyGate } from './key-gate.ts';
import type { MaskingParts } from './masking-parts.ts';
import type { TransportTrust } from './transport-trust.ts';
import { pauseUntil } from './waiting.ts';

/** Keys that a media server held while it stood still come at once when it goes on: they are over after this quiet. */
const DRAINED_AFTER_MS = 1000;
const LONGEST_DRAIN_MS = 5000;

export type ConfirmingParts = Pick<
  MaskingParts,
  'call' | 'options' | 'listener' | 'clock' | 'log' | 'mask' | 'guard'
> & {
  readonly keys: KeyGate;
  readonly trust: TransportTrust;
};

/** Masks again, and confirms it, once a fault is mended: until then no key counts. */
export class ConfirmingAgain {
  readonly #parts: ConfirmingParts;
  #confirmedMs = 0;

  constructor(parts: ConfirmingParts) {
    this.#parts = parts;
  }

  /** Rejects when masking cannot be confirmed yet; `masking_lost` is final. */
  async confirm(fault: Fault): Promise<void> {
    const { mask, guard, clock, call, options } = this.#parts;
    if (fault === 'leg_renegotiated') {
      // The new leg is not masked yet: closing it waits for nothing. Until the record is written, a crash leaves a
      // lock too many, never one too few.
      const closed = mask.close();
      const saved = mask.record(options.captureId).then(async (record) => await call.saveLock(record));
      await Promise.all([closed, saved]);
      guard.confirmedClosed();
    } else if (fault === 'listen_lost' || fault === 'sentinel_lost') {
      await mask.verify();
    } else {
      await (mask.reassert?.() ?? mask.close());
      guard.confirmedClosed(); // closing was asked for when the fault was found
      if (fault === 'media_server_unreachable') await this.#drained();
    }
    this.#confirmedMs = clock.monotonicMs();
    await pauseUntil(clock, this.#confirmedMs + PRESS_UNCERTAIN_MS);
  }

  /** Nothing is out of order any more: keys count that went down after the last confirmation. */
  restored(): void {
    const { keys, log, listener, trust } = this.#parts;
    keys.acceptFrom(this.#confirmedMs);
    log.step('restored');
    listener.restored();
    trust.openWhenQuiet();
  }

  /**
   * What was keyed while the media server stood still lay in its sockets and arrives now, looking as if it had just
   * been keyed: it was not masked from its beginning, and the agent's page showed the field as held.
   */
  async #drained(): Promise<void> {
    const { clock, keys } = this.#parts;
    const startedMs = clock.monotonicMs();
    const latestMs = startedMs + LONGEST_DRAIN_MS;
    for (;;) {
      const overMs = Math.min(Math.max(startedMs, keys.lastSignMs) + DRAINED_AFTER_MS, latestMs);
      if (overMs <= clock.monotonicMs()) return;
      await pauseUntil(clock, overMs);
    }
  }
}
