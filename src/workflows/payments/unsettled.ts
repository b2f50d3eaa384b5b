import type { Clock } from '../../kernel/clock.ts';
import type { Database } from '../../db/database.ts';
import type { ProviderDirectory, RoutedProvider } from '../providers/contract.ts';
import { listUnsettled, type UnsettledRecord } from '../stores/attempt-by-hand-store.ts';
import { asConfigured } from './as-configured.ts';
import { MOST_SENDS, RESEND_WITHIN_MS } from './leases.ts';

/**
 * Who finds out what became of an attempt.
 *
 * - `gateway`: a gateway has it under way, or takes it up as soon as one runs.
 * - `lookup`: its provider is asked again and again.
 * - `resend`: its provider cannot be asked; what can be made anew is still sent again, for ten minutes in all.
 * - `unusable`: its provider cannot be connected with its stored configuration; once that is set right, it is tried.
 * - `reconfigured`: its provider is configured otherwise than when it was sent, or nobody knows whether it is: it is
 *   still asked where that is possible, but that it never saw the attempt proves nothing. For an operator, too.
 * - `nobody`: an operator looks at the provider, and settles it.
 */
export type Prospect = 'gateway' | 'lookup' | 'resend' | 'unusable' | 'reconfigured' | 'nobody';

export interface Unsettled extends UnsettledRecord {
  readonly prospect: Prospect;
}

export interface UnsettledDependencies {
  readonly database: Database;
  readonly directory: ProviderDirectory;
  readonly clock: Clock;
}

/** What will still be tried for an attempt. Rejects as the database does. */
export async function prospectOf(
  { directory, clock }: Pick<UnsettledDependencies, 'directory' | 'clock'>,
  attempt: UnsettledRecord,
): Promise<Prospect> {
  const now = clock.now();
  const held = attempt.holder !== null && attempt.leaseUntil > now;
  if (attempt.state === 'processing' || held) return 'gateway';
  let routed: RoutedProvider | undefined;
  try {
    routed = await directory.find(attempt.accountId, attempt.providerId);
  } catch (error) {
    if ((error as { code?: unknown }).code === 'provider_unusable') return 'unusable';
    throw error;
  }
  if (routed === undefined || routed.mode !== attempt.mode) return 'nobody';
  const { provider, provesAbsence } = asConfigured(routed, attempt.configurationVersion);
  if (!provesAbsence) return 'reconfigured';
  if (provider.capabilities.recovery === 'lookup') return 'lookup';
  const ageMs = now.getTime() - attempt.createdAt.getTime();
  return ageMs <= RESEND_WITHIN_MS && attempt.sends < MOST_SENDS ? 'resend' : 'nobody';
}

/** Every payment and every change whose outcome is not known, of one account or of all; the oldest first. */
export async function findUnsettledPayments(
  dependencies: UnsettledDependencies,
  accountId?: string,
): Promise<Unsettled[]> {
  const records = await dependencies.database.systemTransaction(
    async (db) => await listUnsettled(db, accountId),
  );
  const found: Unsettled[] = [];
  for (const record of records) found.push({ ...record, prospect: await prospectOf(dependencies, record) });
  return found;
}
