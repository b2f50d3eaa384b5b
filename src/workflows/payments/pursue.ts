import { appendAudit } from '../../audit/store.ts';
import type { LookupQuery, PaymentOutcome, PaymentProvider } from '../../payments/contract.ts';
import { claimResend, releaseAttempt } from '../stores/attempt-claim-store.ts';
import { gaveUpAttempt } from '../stores/attempt-outcome-store.ts';
import type { Attempt } from '../stores/attempt-store.ts';
import type { RoutedProvider } from '../providers/contract.ts';
import { asConfigured, tellReconfigured } from './as-configured.ts';
import { attemptSentAgain } from './audit.ts';
import type { PaymentDependencies } from './dependencies.ts';
import { LOOK_UP_AFTER_MS, MOST_SENDS, PURSUE_WITHIN_MS, sendLeaseMs } from './leases.ts';
import { lookUp, send, type ProviderRequest } from './send.ts';

/** An attempt that somebody holds, and how it was asked. */
export interface HeldAttempt {
  readonly id: string;
  readonly accountId: string;
  readonly paymentId?: string | null;
  readonly captureId?: string | null;
  readonly holder: string;
}

/**
 * Finds out what became of an attempt while all that it was made of is at hand. The provider is asked; what it has
 * never seen goes out again, under the same key, so that it is the same payment whichever of the two arrives. A
 * provider that cannot be asked promises the same of a request that it is sent twice. Never another key, and never
 * without a look first where one is possible. Once the provider is configured anew only what is found counts, and
 * nothing goes out again. Undefined: it is still not known. Never rejects, but for a point.
 */
export async function pursue(
  dependencies: PaymentDependencies,
  routed: RoutedProvider,
  attempt: Attempt,
  query: LookupQuery,
  request: () => ProviderRequest,
): Promise<PaymentOutcome | undefined> {
  const { database, clock, logger } = dependencies;
  const startedMs = clock.monotonicMs();
  const told = new Set<string>();
  for (const wait of LOOK_UP_AFTER_MS) {
    await new Promise<void>((resolve) => clock.after(wait, resolve));
    if (clock.monotonicMs() - startedMs > PURSUE_WITHIN_MS) break;
    const { provider, provesAbsence } = asConfigured(routed, attempt.configurationVersion);
    const asked = provider.capabilities.recovery === 'lookup';
    if (!provesAbsence) tellReconfigured(logger, attempt, told);
    if (!provesAbsence && !asked) break;
    const found = asked ? await lookUp(logger, provider, attempt, query) : 'never_seen';
    if (found === undefined || (found === 'never_seen' && !provesAbsence)) continue;
    const outcome =
      found === 'never_seen' ? await sendAgain(dependencies, provider, attempt, request) : found;
    if (outcome !== 'no_outcome' && outcome !== 'not_sent') return outcome;
  }
  try {
    // The reconciler goes on at once.
    await database.transaction(
      attempt.accountId,
      async (db) => await releaseAttempt(db, attempt.id, attempt.holder, clock.now()),
    );
  } catch (error) {
    logger.warn('attempt not released', { attemptId: attempt.id, error });
  }
  return undefined;
}

/** `not_sent`: it could not be sent, or not once more. */
export type SentAgain = PaymentOutcome | 'no_outcome' | 'not_sent';

/**
 * Sends an attempt once more under its key, at most `MOST_SENDS` times in all. Whatever but an outcome comes of it says
 * nothing of the time before. Never rejects, but for a point.
 */
export async function sendAgain(
  dependencies: PaymentDependencies,
  provider: PaymentProvider,
  attempt: HeldAttempt,
  requestOf: () => ProviderRequest,
): Promise<SentAgain> {
  const { database, clock, logger, providerTimeoutMs } = dependencies;
  const at = clock.now();
  const writtenMs = clock.monotonicMs();
  let request: ProviderRequest;
  try {
    request = requestOf();
    const leaseUntil = new Date(at.getTime() + sendLeaseMs(providerTimeoutMs));
    const mine = await database.transaction(attempt.accountId, async (db) => {
      const claim = { holder: attempt.holder, leaseUntil, most: MOST_SENDS, at };
      if (!(await claimResend(db, attempt.id, claim))) return false;
      await appendAudit(db, [attemptSentAgain(attempt)]);
      return true;
    });
    if (!mine) return 'not_sent';
  } catch (error) {
    logger.error('attempt not written, not sent again', { attemptId: attempt.id, error });
    // Written perhaps, and the answer to that is what was lost: it is not known when it was sent last.
    return 'no_outcome';
  }
  const { outcome } = await send(dependencies, provider, attempt, request, writtenMs);
  if (outcome !== undefined) return outcome;
  try {
    await database.transaction(
      attempt.accountId,
      async (db) => await gaveUpAttempt(db, attempt.id, attempt.holder, clock.now()),
    );
  } catch (error) {
    // It counts from the end of the lease then, which is later.
    logger.warn('attempt not updated', { attemptId: attempt.id, error });
  }
  return 'no_outcome';
}
