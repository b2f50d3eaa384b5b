import type { AuditEntry, AuditValue } from '../../audit/entry.ts';
import { appendAudit } from '../../audit/store.ts';
import type { Database } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import { HushtoneError } from '../../kernel/errors.ts';
import { newId } from '../../kernel/ids.ts';
import type { Logger } from '../../kernel/logger.ts';
import type {
  CardDetails,
  PaymentOutcome,
  PaymentProvider,
  ProviderFailure,
} from '../../payments/contract.ts';
import { ProviderError } from '../../payments/errors.ts';
import { failAttempt, insertAttempt, settleAttempt, type Attempt } from '../stores/attempt-store.ts';
import type { CaptureIdentity } from './resource.ts';

/** An unknown outcome is looked up after these waits; what is still unknown then is the reconciler's. */
const LOOK_UP_AFTER_MS = [500, 2000, 5000];

export type PaymentResult =
  | { readonly kind: 'outcome'; readonly outcome: PaymentOutcome }
  | { readonly kind: 'failed'; readonly failure: ProviderFailure | 'internal' };

export interface PaymentDependencies {
  readonly database: Database;
  readonly provider: PaymentProvider;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What a statement may show of the card: brand and last four. */
export interface CardFace {
  readonly brand?: string;
  readonly last4?: string;
}

/**
 * One attempt, from its row to its outcome. The row is committed before anything is sent; an unknown outcome is
 * looked up by its idempotency key and never sent again. Never rejects.
 */
export async function payOnce(
  dependencies: PaymentDependencies,
  capture: CaptureIdentity,
  card: () => CardDetails,
  face: CardFace,
): Promise<PaymentResult> {
  const { database, provider, clock, logger } = dependencies;
  const { order, accountId } = capture;
  const attempt: Attempt = {
    id: newId('att'),
    accountId,
    captureId: capture.id,
    provider: provider.name,
    idempotencyKey: newId('att'),
    purpose: order.purpose,
    ...(order.amount && { amount: order.amount }),
    ...face,
  };
  try {
    await database.transaction(accountId, async (db) => {
      await insertAttempt(db, attempt, clock.now());
      const { captureId, purpose, amount, provider: name } = attempt;
      await appendAudit(db, [
        attemptEntry(attempt, 'payment.attempt', {
          state: 'processing',
          capture_id: captureId,
          provider: name,
          purpose,
          amount: amount && { ...amount },
        }),
      ]);
    });
  } catch (error) {
    logger.error('attempt not written, nothing sent', {
      captureId: capture.id,
      attemptId: attempt.id,
      error,
    });
    return { kind: 'failed', failure: 'internal' };
  }
  try {
    const outcome = await provider.pay({
      purpose: order.purpose,
      idempotencyKey: attempt.idempotencyKey,
      ...(order.amount && { amount: order.amount }),
      ...(order.reference !== undefined && { reference: order.reference }),
      card: card(),
    });
    return await settled(dependencies, attempt, outcome);
  } catch (error) {
    const failure = error instanceof ProviderError ? error.failure : 'unknown_outcome';
    logger.warn('no outcome from the provider', {
      captureId: capture.id,
      attemptId: attempt.id,
      reason: failure,
      error,
    });
    return await withoutOutcome(dependencies, attempt, failure);
  }
}

async function withoutOutcome(
  dependencies: PaymentDependencies,
  attempt: Attempt,
  failure: ProviderFailure,
): Promise<PaymentResult> {
  const { database, clock, logger } = dependencies;
  try {
    await database.transaction(attempt.accountId, async (db) => {
      await failAttempt(db, attempt.id, failure, clock.now());
      const state = failure === 'unknown_outcome' ? 'unknown' : 'failed';
      const entry = attemptEntry(attempt, 'payment.outcome', { state });
      await appendAudit(db, [{ ...entry, reason: failure, result: 'failed' }]);
    });
  } catch (error) {
    // The row stays `processing`: recovery makes it `unknown` and looks it up.
    logger.error('attempt not updated', { attemptId: attempt.id, error });
  }
  if (failure !== 'unknown_outcome') return { kind: 'failed', failure };
  const outcome = await lookUp(dependencies, attempt, clock.now());
  return outcome ? await settled(dependencies, attempt, outcome) : { kind: 'failed', failure };
}

async function lookUp(
  dependencies: PaymentDependencies,
  attempt: Attempt,
  since: Date,
): Promise<PaymentOutcome | undefined> {
  const { provider, clock, logger } = dependencies;
  for (const delay of LOOK_UP_AFTER_MS) {
    await new Promise<void>((resolve) => clock.after(delay, resolve));
    try {
      const outcome = await provider.lookup({
        idempotencyKey: attempt.idempotencyKey,
        operation: attempt.purpose,
        ...(attempt.amount && { amount: attempt.amount }),
        since,
      });
      if (outcome !== undefined) return outcome;
    } catch (error) {
      logger.warn('payment look-up failed', { provider: provider.name, error });
    }
  }
  return undefined;
}

async function settled(
  dependencies: PaymentDependencies,
  attempt: Attempt,
  outcome: PaymentOutcome,
): Promise<PaymentResult> {
  const { database, clock, logger } = dependencies;
  try {
    await database.transaction(attempt.accountId, async (db) => {
      await settleAttempt(db, attempt.id, outcome, clock.now());
      const reason = outcome.result === 'declined' ? outcome.reason : undefined;
      await appendAudit(db, [
        attemptEntry(attempt, 'payment.outcome', { state: outcome.result, decline_reason: reason }),
      ]);
    });
  } catch (error) {
    // The provider has decided and the client is told; recovery looks the row's outcome up again.
    logger.error('attempt not settled', { attemptId: attempt.id, error });
  }
  return { kind: 'outcome', outcome };
}

function attemptEntry(
  { accountId, id }: Attempt,
  operation: 'payment.attempt' | 'payment.outcome',
  after: Readonly<Record<string, AuditValue | undefined>>,
): AuditEntry {
  const object = { type: 'payment_attempt', id };
  return { accountId, actor: { kind: 'system' }, operation, object, result: 'done', after };
}

/** For an operation that needs a provider where none is configured. */
export function noProvider(): HushtoneError {
  return new HushtoneError('provider_not_configured', 'unavailable', 'No payment provider is configured.');
}
