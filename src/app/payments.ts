import { isAddressAllowed } from '../kernel/address-guard.ts';
import type { KeyRing } from '../vault/contract.ts';
import { dieAt } from '../workflows/payments/chaos.ts';
import type { PaymentDependencies } from '../workflows/payments/dependencies.ts';
import { UnwrittenOutcomes } from '../workflows/payments/unwritten-outcomes.ts';
import { openProviders, type OpenedProviders } from '../workflows/providers/open-providers.ts';
import { startReconciler } from '../workflows/reconcile.ts';
import type { CardVault } from '../workflows/tokens/contract.ts';
import type { SharedTime } from './shared-time.ts';
import type { StartupWithDatabase } from './startup.ts';

/** The payment providers of every account, and the one that the installation brings. */
export async function startProviders(
  { config, database, clock, logger, stopper }: StartupWithDatabase,
  ring: KeyRing,
): Promise<OpenedProviders> {
  const { timeoutMs, allowPrivate } = config.payments;
  const policy = { allowPrivate, allowPlainLoopback: false };
  const allowAddress = (address: string): boolean => isAddressAllowed(address, policy);
  const dependencies = { clock, logger, timeoutMs, allowAddress };
  const opened = await openProviders({ database, ring, dependencies, installed: config.provider });
  stopper.add('payment providers', async () => await opened.directory.close());
  return opened;
}

/** What payments are made with, and the reconciler that finds out what became of them. */
export function startPayments(
  { config, database, clock, logger, stopper }: StartupWithDatabase,
  { directory }: OpenedProviders,
  vault: CardVault,
  lastWrites: SharedTime,
): PaymentDependencies {
  const unwritten = new UnwrittenOutcomes();
  const { chaosPoint, timeoutMs, reconcileSeconds } = config.payments;
  const payments: PaymentDependencies = {
    database,
    directory,
    vault,
    clock,
    logger,
    instanceId: config.instanceId,
    providerTimeoutMs: timeoutMs,
    unwritten,
    ...(chaosPoint && { onPoint: dieAt(chaosPoint, logger) }),
  };
  const reconciler = startReconciler({ ...payments, everyMs: reconcileSeconds * 1000 });
  stopper.add('the reconciler', async () => {
    await reconciler.stop();
    await unwritten.settled(clock, lastWrites.leftMs());
  });
  return payments;
}
