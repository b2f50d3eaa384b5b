import type { Timer } from '../kernel/clock.ts';
import { newId } from '../kernel/ids.ts';
import type { PaymentDependencies } from './payments/dependencies.ts';
import { shredRefused } from './payments/keep-card.ts';
import { CAPTURE_LOST_AFTER_MS, sendLeaseMs } from './payments/leases.ts';
import { reconcileAttempt, type TakenAttempt } from './payments/reconcile-attempt.ts';
import { claimOpenAttempt, releaseAttempt } from './stores/attempt-claim-store.ts';

/** Attempts without an outcome are looked up this often. */
const EVERY_MS = 30_000;
/** So many at a time. */
const MOST_AT_ONCE = 24;
/** And so many of one provider: one that does not answer keeps only its own payments waiting. */
const MOST_OF_A_PROVIDER = 4;
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
  const told = new Set<string>();
  const round = async (): Promise<void> => {
    try {
      await reconcileOnce(options, () => stopped, told);
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
 * that are not over are left alone: those look their own payment up. After one interval it begins nothing more, so that
 * what came up meanwhile has its turn; the next round starts with what has waited longest. `told` are the attempts of
 * which the log has said already that nothing more can be tried. Returns how many were settled.
 */
export async function reconcileOnce(
  options: ReconcilerOptions,
  stopped: () => boolean = () => false,
  told = new Set<string>(),
): Promise<number> {
  await shredRefused(options);
  const { clock, everyMs = EVERY_MS } = options;
  const startedAt = clock.now();
  const startedMs = clock.monotonicMs();
  const over = (): boolean => stopped() || clock.monotonicMs() - startedMs >= everyMs;
  const underWay = new Map<Promise<void>, string>();
  let settled = 0;
  const work = async (attempt: TakenAttempt): Promise<void> => {
    if (await reconciled(options, attempt, told)) settled += 1;
  };
  try {
    for (;;) {
      const free = underWay.size < MOST_AT_ONCE && !over();
      const passedOver = busy(underWay.values());
      const attempt = free ? await take(options, startedAt, passedOver) : undefined;
      if (attempt !== undefined) {
        const done = work(attempt).finally(() => void underWay.delete(done));
        underWay.set(done, attempt.providerId);
      } else if (underWay.size > 0) {
        await Promise.race(underWay.keys());
      } else if (!free || passedOver.length === 0) {
        // Otherwise what was passed over came to its end while others were looked for, and has its turn now.
        return settled;
      }
    }
  } finally {
    await Promise.all(underWay.keys());
  }
}

/** Providers with as many look-ups under way as one may have. */
function busy(providerIds: Iterable<string>): string[] {
  const counts = new Map<string, number>();
  for (const id of providerIds) counts.set(id, (counts.get(id) ?? 0) + 1);
  return [...counts].filter(([, count]) => count >= MOST_OF_A_PROVIDER).map(([id]) => id);
}

async function take(
  options: ReconcilerOptions,
  startedAt: Date,
  exceptProviders: readonly string[],
): Promise<TakenAttempt | undefined> {
  const { database, clock, instanceId, providerTimeoutMs } = options;
  const holder = newId('clm');
  // For a look and a send.
  const leaseUntil = new Date(clock.now().getTime() + 2 * sendLeaseMs(providerTimeoutMs));
  const lostSince = new Date(startedAt.getTime() - CAPTURE_LOST_AFTER_MS);
  const claim = { instanceId, holder, leaseUntil, freeSince: startedAt, lostSince, exceptProviders };
  const attempt = await database.systemTransaction(async (db) => await claimOpenAttempt(db, claim));
  return attempt && { ...attempt, holder, leaseUntil };
}

async function reconciled(
  options: ReconcilerOptions,
  attempt: TakenAttempt,
  told: Set<string>,
): Promise<boolean> {
  const { database, clock, logger, everyMs = EVERY_MS } = options;
  const { id: attemptId, accountId, provider } = attempt;
  try {
    if (await reconcileAttempt(options, attempt, told)) {
      told.delete(attemptId);
      return true;
    }
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
