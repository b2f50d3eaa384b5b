import type { Logger } from '../../kernel/logger.ts';
import type {
  LookupQuery,
  ModificationRequest,
  PaymentOutcome,
  PaymentProvider,
  PaymentRequest,
  ProviderFailure,
} from '../../payments/contract.ts';
import { ProviderError } from '../../payments/errors.ts';
import type { PaymentDependencies } from './dependencies.ts';
import { LEASE_MARGIN_MS } from './leases.ts';

export type ProviderRequest = PaymentRequest | ModificationRequest;

/** What a provider said to one request, or that it said nothing. */
export type Sent =
  | { readonly outcome: PaymentOutcome; readonly failure?: never }
  | { readonly outcome?: never; readonly failure: ProviderFailure };

/** Names an attempt in a log. */
export interface LoggedAttempt {
  readonly id: string;
  readonly captureId?: string | null;
}

/**
 * Sends one request of an attempt that is on record since `writtenMs`. A process that was held up for so long that
 * another one may have taken the attempt for lost sends nothing. Never rejects, but for a point.
 */
export async function send(
  { clock, logger, onPoint }: PaymentDependencies,
  provider: PaymentProvider,
  attempt: LoggedAttempt,
  request: ProviderRequest,
  writtenMs: number,
): Promise<Sent> {
  if (clock.monotonicMs() - writtenMs > LEASE_MARGIN_MS) {
    logger.error('an attempt came too late to be sent', named(attempt));
    return { failure: 'unavailable' };
  }
  const answer = ask(provider, request).then(
    (outcome): Sent => ({ outcome }),
    (error: unknown): Sent => {
      const failure = error instanceof ProviderError ? error.failure : 'unknown_outcome';
      logger.warn('no outcome from the provider', { ...named(attempt), reason: failure, error });
      return { failure };
    },
  );
  await onPoint?.('after_send');
  const sent = await answer;
  await onPoint?.('after_answer');
  return sent;
}

async function ask(provider: PaymentProvider, request: ProviderRequest): Promise<PaymentOutcome> {
  return 'modification' in request ? await provider.modify(request) : await provider.pay(request);
}

/** What became of an attempt: its outcome, `never_seen`, or undefined when that cannot be told now. Never rejects. */
export async function lookUp(
  logger: Logger,
  provider: PaymentProvider,
  attempt: LoggedAttempt,
  query: LookupQuery,
): Promise<PaymentOutcome | 'never_seen' | undefined> {
  try {
    return (await provider.lookup(query)) ?? 'never_seen';
  } catch (error) {
    logger.warn('payment look-up failed', { ...named(attempt), provider: provider.name, error });
    return undefined;
  }
}

function named({ id, captureId }: LoggedAttempt): { attemptId: string; captureId?: string } {
  return { attemptId: id, ...(typeof captureId === 'string' && { captureId }) };
}
