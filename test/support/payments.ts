import type { Database } from '../../src/db/database.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { silentLogger, type Logger } from '../../src/kernel/logger.ts';
import type { PaymentProvider } from '../../src/payments/contract.ts';
import type { PaymentDependencies } from '../../src/workflows/payments/dependencies.ts';
import { UnwrittenOutcomes } from '../../src/workflows/payments/unwritten-outcomes.ts';
import { singleProvider } from '../../src/workflows/providers/single-provider.ts';

/** What payments are made with, over one provider for every account. */
export function paymentsWith(
  given: {
    readonly database: Database;
    readonly clock: Clock;
    readonly provider?: PaymentProvider | undefined;
    readonly logger?: Logger;
  } & Partial<PaymentDependencies>,
): PaymentDependencies {
  const { provider, ...dependencies } = given;
  return {
    directory: singleProvider(provider),
    logger: silentLogger,
    instanceId: 'test',
    providerTimeoutMs: 1000,
    unwritten: new UnwrittenOutcomes(),
    ...dependencies,
  };
}
