import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Operation, PaymentOutcome } from './contract.ts';
import { ProviderError } from './errors.ts';

export interface AttemptsOptions {
  /** In the log. */
  readonly provider: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * What an adapter does around its requests, whatever the provider: it tells the log what has no outcome, refuses work
 * once it is closed, and closes when nothing is under way any more.
 */
export class Attempts {
  readonly #options: AttemptsOptions;
  readonly #underWay = new Set<Promise<unknown>>();
  #closed = false;

  constructor(options: AttemptsOptions) {
    this.#options = options;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** A payment or a modification. Rejects as `unavailable` once closed: nothing was sent. */
  send(operation: Operation, work: () => Promise<PaymentOutcome>): Promise<PaymentOutcome> {
    return this.track(this.#telling(operation, work));
  }

  /** A look-up. Whatever fails in it, the payment may have been made: it never rejects as `unavailable`. */
  ask(work: () => Promise<PaymentOutcome | undefined>): Promise<PaymentOutcome | undefined> {
    return this.track(this.#asking(work));
  }

  /** Anything else that closing waits for. */
  track<T>(work: Promise<T>): Promise<T> {
    this.#underWay.add(work);
    const forget = (): void => void this.#underWay.delete(work);
    work.then(forget, forget);
    return work;
  }

  /** Takes nothing more and waits for what is under way, at most its time-outs. Never rejects. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#underWay);
  }

  async #telling(operation: Operation, work: () => Promise<PaymentOutcome>): Promise<PaymentOutcome> {
    if (this.#closed) throw new ProviderError('unavailable', 'the provider is closed');
    const { provider, clock, logger } = this.#options;
    const startedMs = clock.monotonicMs();
    try {
      return await work();
    } catch (error) {
      logger.warn('a payment has no outcome', {
        provider,
        purpose: operation,
        reason: error instanceof ProviderError ? error.failure : 'unknown_outcome',
        durationMs: Math.round(clock.monotonicMs() - startedMs),
        error,
      });
      throw error;
    }
  }

  async #asking(work: () => Promise<PaymentOutcome | undefined>): Promise<PaymentOutcome | undefined> {
    if (this.#closed) throw new ProviderError('unknown_outcome', 'the provider is closed');
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ProviderError) || error.failure !== 'unavailable') throw error;
      throw new ProviderError('unknown_outcome', error.message, { cause: error });
    }
  }
}
