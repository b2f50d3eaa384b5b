import { HushtoneError } from '../../kernel/errors.ts';
import type { CheckFinding } from '../../payments/contract.ts';
import type { ProviderActor, ProviderCheckResource } from './contract.ts';
import type { ProviderDependencies } from './dependencies.ts';
import type { ProviderRecord } from './provider-store.ts';
import { standing } from './standing.ts';

/** Asks a provider of the account, or the one that the installation brings. Rejects with `provider_not_found`. */
export async function checkProvider(
  dependencies: ProviderDependencies,
  actor: ProviderActor,
  providerId: string,
): Promise<ProviderCheckResource> {
  const { database, directory } = dependencies;
  const { installed } = directory;
  if (installed !== undefined && providerId === installed.id) {
    return checked(dependencies, installed, await installed.provider.check());
  }
  const record = await database.transaction(
    actor.accountId,
    async (db) => await standing(db, actor, providerId),
  );
  return await checkRecord(dependencies, record);
}

/** Never rejects for what is wrong with the provider. */
export async function checkRecord(
  dependencies: ProviderDependencies,
  record: ProviderRecord,
): Promise<ProviderCheckResource> {
  try {
    const { provider } = await dependencies.directory.connected(record);
    return checked(dependencies, record, await provider.check());
  } catch (error) {
    if (!(error instanceof HushtoneError) || error.code !== 'provider_unusable') throw error;
    return checked(dependencies, record, [{ code: 'configuration_refused', message: error.message }]);
  }
}

function checked(
  { clock }: ProviderDependencies,
  { id, kind, mode }: Pick<ProviderRecord, 'id' | 'kind' | 'mode'>,
  findings: readonly CheckFinding[],
): ProviderCheckResource {
  return {
    provider_id: id,
    kind,
    mode,
    ok: findings.length === 0,
    findings,
    checked_at: clock.now().toISOString(),
  };
}
