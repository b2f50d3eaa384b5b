import type { PaymentProvider } from '../../payments/contract.ts';
import type { RoutedProvider } from '../providers/contract.ts';
import { interruptOrphans } from '../recovery.ts';
import type { OpenAttempt } from '../stores/attempt-claim-store.ts';
import { findOwnedCapture } from '../stores/capture-store.ts';
import { findPayment, type PaymentRecord } from '../stores/payment-store.ts';
import { asConfigured, tellReconfigured } from './as-configured.ts';
import type { PaymentDependencies } from './dependencies.ts';
import { shredCardOf } from './keep-card.ts';
import { LEASE_MARGIN_MS, RESEND_WITHIN_MS } from './leases.ts';
import { sendAgain, type SentAgain } from './pursue.ts';
import { queryOf, requestAgain } from './request-again.ts';
import { lookUp } from './send.ts';
import { doubt, settle, type Settlement } from './settle.ts';

/** An attempt that this process has taken, under the name `holder`. */
export interface TakenAttempt extends OpenAttempt {
  readonly holder: string;
  readonly leaseUntil: Date;
}

/**
 * Settles one attempt whose outcome is not known, if that can be done now: by the provider's word, by sending it again
 * under its key where it was never seen and can be made anew, or as `never_arrived` once that is proven. Where its
 * provider is configured anew, by the provider's word only; `told` are the attempts of which the log says so. Returns
 * whether it was settled. Rejects as the database does.
 */
export async function reconcileAttempt(
  dependencies: PaymentDependencies,
  attempt: TakenAttempt,
  told = new Set<string>(),
): Promise<boolean> {
  const { database, clock, directory, logger } = dependencies;
  const { accountId, captureId } = attempt;
  // Its process is gone, and nobody else will end its capture.
  if (attempt.captureOpen && captureId !== null) await interruptOrphans(dependencies, { captureId });
  if (attempt.state === 'processing') {
    const { holder, leaseUntil } = attempt;
    await doubt(dependencies, attempt, { holder, givenUpAt: clock.now(), leaseUntil });
  }
  const routed = await directory.find(accountId, attempt.providerId);
  if (routed === undefined || routed.mode !== attempt.mode) {
    const { id: attemptId, providerId: provider } = attempt;
    logger.error('the provider of an attempt is gone', { accountId, attemptId, provider });
    return false;
  }
  const { paymentId } = attempt;
  const payment =
    paymentId === null
      ? undefined
      : await database.transaction(accountId, async (db) => await findPayment(db, paymentId));
  const settlement = await findOut(dependencies, routed, attempt, payment, told);
  if (settlement === undefined) return false;
  const settled = await settle(dependencies, attempt, settlement);
  if (settled?.payment !== undefined) await shredCardOf(dependencies, settled.payment);
  return settled !== undefined;
}

async function findOut(
  dependencies: PaymentDependencies,
  routed: RoutedProvider,
  attempt: TakenAttempt,
  payment: PaymentRecord | undefined,
  told: Set<string>,
): Promise<Settlement | undefined> {
  const { clock, logger } = dependencies;
  const { provider, provesAbsence } = asConfigured(routed, attempt.configurationVersion);
  const { recovery, absenceProvenAfterMs } = provider.capabilities;
  if (!provesAbsence) tellReconfigured(logger, attempt, told);
  // As it is before the provider is asked: its answer is about that moment. Whoever gave up waiting may have done so on
  // another clock.
  const absentSince = new Date(clock.now().getTime() - absenceProvenAfterMs - LEASE_MARGIN_MS);
  const found =
    recovery === 'lookup' ? await lookUp(logger, provider, attempt, queryOf(attempt, payment)) : 'never_seen';
  if (found === undefined) return undefined;
  if (found !== 'never_seen') return { kind: 'outcome', outcome: found };
  if (!provesAbsence) return undefined;
  const outcome = await onceMore(dependencies, provider, attempt, payment);
  if (outcome === 'no_outcome') return undefined;
  if (outcome !== 'not_sent') return { kind: 'outcome', outcome };
  return recovery === 'lookup' ? { kind: 'absent', holder: attempt.holder, absentSince } : undefined;
}

/** Sends it again where that can only be the same payment, and whoever asked for it may still wait for it. */
async function onceMore(
  dependencies: PaymentDependencies,
  provider: PaymentProvider,
  attempt: TakenAttempt,
  payment: PaymentRecord | undefined,
): Promise<SentAgain> {
  const { clock, logger } = dependencies;
  if (clock.now().getTime() - attempt.createdAt.getTime() > RESEND_WITHIN_MS) return 'not_sent';
  try {
    if (await toldFailed(dependencies, attempt)) return 'not_sent';
    using again = await requestAgain(dependencies, attempt, payment);
    if (again === undefined) return 'not_sent';
    const { request } = again;
    return await sendAgain(dependencies, provider, attempt, () => request);
  } catch (error) {
    logger.warn('attempt not made anew', { attemptId: attempt.id, error });
    return 'not_sent';
  }
}

/**
 * An attempt can be on record though its capture was told that it is not: the answer to the commit was lost. Nothing was
 * sent then, and what an agent has passed on as failed is not charged behind their back.
 */
async function toldFailed(
  { database }: PaymentDependencies,
  { accountId, captureId }: TakenAttempt,
): Promise<boolean> {
  if (captureId === null) return false;
  const capture = await database.transaction(accountId, async (db) => await findOwnedCapture(db, captureId));
  return capture?.view.payment?.status === 'failed';
}
