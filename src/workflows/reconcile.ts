import type { Timer } from '../kernel/clock.ts';
import { newId } from '../kernel/ids.ts';
import type { PaymentDependencies } from './payments/dependencies.ts';
import { shredRefused } from './payments/keep-card.ts';
import { CAPTURE_LOST_AFTER_MS, sendLeaseMs } from './payments/leases.ts';
import { reconcileAttempt, type TakenAttempt } from './payments/reconcile-attempt.ts';
import { claimOpenAttempt, releaseAttempt } from './stores/attempt-store.ts';

/** Attempts without an outcome are looked up this often. */
const EVERY_MS = 30_000;
/** So many at a time: a provider that does not answer keeps only itself waiting. */
const WORKERS = 4;
/** What was looked at in vain is left alone for this part of the interval, by other processes as well. */
const REST = 0.8;

export interface ReconcilerOptions extends PaymentDependencies {
  /** By default 30 seconds. */
  readonly everyMs?: number;
}

export interface Reconciler {
  /** Waits for what is under way. */
  stop(): Promise<void>;
}

/**
 * Finds out what became of attempts whose answer was lost, at the start and then regularly. Any number of processes do
 * so at once: each attempt is taken by one of them.
 */
export function startReconciler(options: ReconcilerOptions): Reconciler {
  let timer: Timer | undefined;
  let stopped = false;
  const round = async (): Promise<void> => {
    try {
      await reconcileOnce(options, () => stopped);
    } catch (error) {
      options.logger.error('reconciliation failed', { error });
    }
    if (stopped) return;
    timer = options.clock.after(options.everyMs ?? EVERY_MS, () => {
      running = round();
    });
  };
  let running = round();
  return {
    async stop() {
      stopped = true;
      timer?.cancel();
      await running;
    },
  };
}

/**
 * Takes every attempt without an outcome that nobody holds, once, and settles what can be settled. Attempts of captures
 * that are not over are left alone: those look their own payment up. Returns how many were settled.
 */
export async function reconcileOnce(
  options: ReconcilerOptions,
  stopped: () => boolean = () => false,
): Promise<number> {
  await shredRefused(options);
  const round = { after: '', settled: 0 };
  const work = async (): Promise<void> => {
    while (!stopped()) {
      const attempt = await take(options, round.after);
      if (attempt === undefined) return;
      if (attempt.id > round.after) round.after = attempt.id;
      if (await reconciled(options, attempt)) round.settled += 1;
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, work));
  return round.settled;
}

async function take(options: ReconcilerOptions, after: string): Promise<TakenAttempt | undefined> {
  const { database, clock, instanceId, providerTimeoutMs } = options;
  const at = clock.now();
  const holder = newId('clm');
  // For a look and a send.
  const leaseUntil = new Date(at.getTime() + 2 * sendLeaseMs(providerTimeoutMs));
  const lostSince = new Date(at.getTime() - CAPTURE_LOST_AFTER_MS);
  const attempt = await database.systemTransaction(
    async (db) => await claimOpenAttempt(db, after, { instanceId, holder, at, leaseUntil, lostSince }),
  );
  return attempt && { ...attempt, holder, leaseUntil };
}

async function reconciled(options: ReconcilerOptions, attempt: TakenAttempt): Promise<boolean> {
  const { database, clock, logger, everyMs = EVERY_MS } = options;
  const { id: attemptId, accountId, provider } = attempt;
  try {
    if (await reconcileAttempt(options, attempt)) return true;
  } catch (error) {
    logger.warn('attempt not reconciled', { accountId, attemptId, provider, error });
  }
  try {
    const until = new Date(clock.now().getTime() + REST * everyMs);
    await database.transaction(
      accountId,
      async (db) => await releaseAttempt(db, attemptId, attempt.holder, until),
    );
  } catch (error) {
    logger.warn('attempt not released', { accountId, attemptId, error });
  }
  return false;
}
