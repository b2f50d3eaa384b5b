import type { Clock, Timer } from '../../kernel/clock.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { Mask } from '../contract.ts';

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 30_000;

export interface LockOpenerOptions {
  readonly callId: string;
  readonly mask: Mask;
  /** Called once the lock is known to be open. A rejection counts as not opened. */
  readonly opened: () => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Opens a lock that should be open and is not known to be, for as long as the call lives. Until it succeeds the lock
 * stays on record: the agent then hears nothing, and no digit.
 */
export class LockOpener {
  readonly #options: LockOpenerOptions;
  #timer: Timer | undefined;
  #retryMs = FIRST_RETRY_MS;
  #cancelled = false;
  #attempt: Promise<void> | undefined;

  constructor(options: LockOpenerOptions) {
    this.#options = options;
  }

  /** Tries now. Rejects when the lock could not be opened; the tries go on all the same. */
  async open(): Promise<void> {
    this.#timer?.cancel();
    this.#attempt ??= this.#try().finally(() => (this.#attempt = undefined));
    await this.#attempt;
  }

  /** Tries after the back-off. */
  later(): void {
    if (this.#cancelled) return;
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(this.#retryMs, () => void this.open().catch(() => {}));
    this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
  }

  /** The call is over, or a new capture takes the lock over. Resolves when no attempt is under way any more. */
  async cancel(): Promise<void> {
    this.#cancelled = true;
    this.#timer?.cancel();
    await this.#attempt?.catch(() => {});
  }

  async #try(): Promise<void> {
    const { mask, opened, logger, callId } = this.#options;
    try {
      await mask.open();
      if (!this.#cancelled) await opened();
    } catch (error) {
      logger.warn('a lock could not be opened yet', { callId, error });
      this.later();
      throw error;
    }
  }
}
