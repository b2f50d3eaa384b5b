import { appendAudit } from '../audit/store.ts';
import type { Database } from '../db/database.ts';
import { publish } from '../events/outbox-store.ts';
import type { Clock, Timer } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import type { PaymentOutcome, PaymentProvider } from '../payments/contract.ts';
import { findOpenAttempts, settleAttempt, type OpenAttempt } from './stores/attempt-store.ts';
import { findCapture, rewriteEndedCapture } from './stores/capture-store.ts';
import { paymentSettled } from './take-payment/capture-audit.ts';
import { accountEventsOf } from './take-payment/account-events.ts';
import { paymentResource } from './take-payment/resource.ts';

/** Attempts without an outcome are looked up this often. */
const EVERY_MS = 30_000;
/** They are read this many at a time. */
const PAGE = 100;

export interface ReconcilerOptions {
  readonly database: Database;
  readonly provider: PaymentProvider;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface Reconciler {
  stop(): void;
}

/**
 * Asks the provider what became of attempts whose answer was lost, at the start and then regularly. It only ever
 * asks: a payment is never sent again.
 */
export function startReconciler(options: ReconcilerOptions): Reconciler {
  let timer: Timer | undefined;
  let stopped = false;
  const round = async (): Promise<void> => {
    try {
      await reconcileOnce(options);
    } catch (error) {
      options.logger.error('reconciliation failed', { error });
    }
    if (!stopped) timer = options.clock.after(EVERY_MS, () => void round());
  };
  void round();
  return {
    stop() {
      stopped = true;
      timer?.cancel();
    },
  };
}

/**
 * Looks up every attempt without an outcome once and settles those that the provider knows. Attempts of captures that
 * are not over are left alone: those look their own payment up. Returns how many were settled.
 */
export async function reconcileOnce(options: ReconcilerOptions): Promise<number> {
  const { database, provider } = options;
  let settled = 0;
  let after = '';
  for (;;) {
    const from = after;
    const page = await database.systemTransaction(
      async (db) => await findOpenAttempts(db, provider.name, from, PAGE),
    );
    settled += await reconcilePage(options, page);
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return settled;
    after = last.id;
  }
}

async function reconcilePage(options: ReconcilerOptions, page: readonly OpenAttempt[]): Promise<number> {
  const { provider, logger } = options;
  let settled = 0;
  for (const attempt of page) {
    try {
      const outcome = await provider.lookup({
        idempotencyKey: attempt.idempotencyKey,
        operation: attempt.operation,
        since: attempt.createdAt,
      });
      if (outcome === undefined) continue;
      await settle(options, attempt, outcome);
      settled += 1;
    } catch (error) {
      logger.warn('payment look-up failed', { attemptId: attempt.id, provider: provider.name, error });
    }
  }
  return settled;
}

async function settle(
  { database, clock }: ReconcilerOptions,
  attempt: OpenAttempt,
  outcome: PaymentOutcome,
): Promise<void> {
  const at = clock.now();
  await database.transaction(attempt.accountId, async (db) => {
    await settleAttempt(db, attempt.id, outcome, at);
    const capture = await findCapture(db, attempt.captureId);
    if (capture === undefined) return;
    const corrected = { ...capture, payment: paymentResource(outcome), updated_at: at.toISOString() };
    await rewriteEndedCapture(db, corrected);
    await publish(db, attempt.accountId, accountEventsOf(capture, corrected));
    await appendAudit(db, [paymentSettled(attempt.accountId, capture, corrected)]);
  });
}
