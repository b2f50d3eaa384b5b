import type { Logger } from '../../kernel/logger.ts';
import type { PaymentProvider } from '../../payments/contract.ts';
import type { RoutedProvider } from '../providers/contract.ts';
import type { LoggedAttempt } from './send.ts';

/** The provider of an attempt with its configuration of this moment, and what its silence is worth. */
export interface ConfiguredProvider {
  readonly provider: PaymentProvider;
  /**
   * It is configured as it was when the attempt was written, so what it never saw never arrived. Another configuration
   * may be that of another merchant, who sees nothing of what went to the first one: what is found there counts, but
   * what is not is neither sent again nor told as failed.
   */
  readonly provesAbsence: boolean;
}

/** Holds on to one configuration, whatever becomes of the provider meanwhile: a look and a send go to the same place. */
export function asConfigured(
  { provider, pinned }: RoutedProvider,
  writtenUnder: number | null = null,
): ConfiguredProvider {
  if (pinned === undefined) return { provider, provesAbsence: writtenUnder === null };
  const now = pinned();
  return { provider: now.provider, provesAbsence: now.configurationVersion === writtenUnder };
}

/** Once for each attempt: those of which it was told are added to `told`. */
export function tellReconfigured(
  logger: Logger,
  { id, accountId, providerId }: LoggedAttempt & { readonly accountId: string; readonly providerId: string },
  told: Set<string>,
): void {
  if (told.has(id)) return;
  told.add(id);
  logger.warn('the provider of an attempt may be configured otherwise by now: it is not sent again', {
    accountId,
    attemptId: id,
    provider: providerId,
  });
}
