import type { Logger } from '../../kernel/logger.ts';
import type { OnPaymentPoint, PaymentPoint } from './points.ts';

/** Where a process is to die, and when it comes there for how manieth time. */
export interface ChaosPoint {
  readonly point: PaymentPoint;
  /** From 1 on. */
  readonly arrival: number;
}

/**
 * Kills this very process with SIGKILL at a point, for tests: nothing is cleaned up, as in a power cut. At `after_send`
 * the request may be in this process still: there it only goes no further, and whoever tests kills it once the provider
 * has the request. Production refuses to start with it.
 */
export function dieAt({ point: where, arrival }: ChaosPoint, logger: Logger): OnPaymentPoint {
  let arrivals = 0;
  return async (point) => {
    if (point !== where) return;
    arrivals += 1;
    if (arrivals !== arrival) return;
    logger.warn('a test stops the process here', { event: point });
    if (point !== 'after_send') process.kill(process.pid, 'SIGKILL');
    // Nothing is done from here on: the signal may take a moment.
    await new Promise<never>(() => undefined);
  };
}
