import type { Clock } from '../../kernel/clock.ts';
import type { Doubt, Mask } from '../contract.ts';
import type { EvidenceLog } from './evidence-log.ts';
import type { SentinelEar } from './sentinel-ear.ts';

export interface GuardOptions {
  readonly mask: Mask;
  readonly log: EvidenceLog;
  readonly agentEar: SentinelEar;
  readonly clock: Clock;
  /** The guard could not be confirmed closed: the agent may be hearing the caller. */
  readonly uncertain: (error: unknown) => void;
}

/**
 * The guard of one capture: whether the agent hears the caller. It starts closed. What is not known to be closed
 * counts as open, what is not known to be open counts as closed.
 */
export class Guard {
  readonly #options: GuardOptions;
  #open = false;
  /** Counts what was asked for: an opening that was overtaken is not reported as one. */
  #asked = 0;
  /** Counts the openings: a closing that was asked for before one says nothing of it. */
  #openings = 0;
  #closing: Promise<void> | undefined;
  #retired = false;

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  /** True from the moment that opening is asked for until closing is confirmed. */
  get isOpen(): boolean {
    return this.#open;
  }

  /** The lock and the guard were just confirmed closed by `Mask.close` or `reassert`. */
  confirmedClosed(): void {
    this.#asked += 1;
    this.#open = false;
    this.#options.agentEar.guardClosed();
  }

  async open(): Promise<void> {
    if (this.#open || this.#retired) return;
    const { mask, log, agentEar } = this.#options;
    this.#asked += 1;
    const asked = this.#asked;
    this.#open = true;
    this.#openings += 1;
    this.#closing = undefined;
    agentEar.guardOpened();
    try {
      const { detail } = await mask.openGuard();
      if (asked === this.#asked) log.step('guard_opened', detail);
    } catch {
      // Not known to have opened: it is closed once more, and the next good reason opens it.
      if (asked === this.#asked)
        await this.close('media_server_unreachable', this.#options.clock.monotonicMs());
    }
  }

  /** The capture opens everything now: whatever is still under way here changes nothing any more. */
  retire(): void {
    this.#asked += 1;
    this.#retired = true;
  }

  /** `sinceMs`: when the reason for the doubt reached this process. Resolves when it is confirmed or reported. */
  close(doubt: Doubt, sinceMs: number): Promise<void> {
    if (!this.#open || this.#retired) return Promise.resolve();
    if (this.#closing === undefined) this.#options.log.step('doubt', doubt);
    if (this.#closing !== undefined) return this.#closing;
    const closing = this.#shut(doubt, sinceMs).finally(() => {
      if (this.#closing === closing) this.#closing = undefined;
    });
    this.#closing = closing;
    return closing;
  }

  async #shut(doubt: Doubt, sinceMs: number): Promise<void> {
    const { mask, log, agentEar, clock, uncertain } = this.#options;
    this.#asked += 1;
    const openings = this.#openings;
    try {
      const { detail } = await mask.closeGuard();
      if (openings !== this.#openings) return;
      this.#open = false;
      agentEar.guardClosed();
      log.guardClosedOnDoubt(clock.monotonicMs() - sinceMs);
      log.step('guard_closed', `${doubt}: ${detail}`);
    } catch (error) {
      if (!this.#retired && openings === this.#openings) uncertain(error);
    }
  }
}
