import { Idempotency, startIdempotencyCleanup } from '../workflows/idempotency.ts';
import type { StartupWithDatabase } from './startup.ts';

/** Keys of any instance, forgotten after 24 hours by whichever comes first. */
export function startIdempotency({ database, clock, logger, stopper }: StartupWithDatabase): Idempotency {
  const options = { database, clock, logger };
  const cleanup = startIdempotencyCleanup(options);
  stopper.add('idempotency keys', async () => await cleanup.stop());
  return new Idempotency(options);
}
