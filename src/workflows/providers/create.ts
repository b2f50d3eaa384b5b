import { appendAudit } from '../../audit/store.ts';
import { HushtoneError } from '../../kernel/errors.ts';
import { newId } from '../../kernel/ids.ts';
import { ensureAccount } from '../stores/account-store.ts';
import { providerEntry } from './audit.ts';
import { splitConfiguration } from './configuration.ts';
import type { ProviderActor, ProviderRequest } from './contract.ts';
import { sealSecrets } from './credentials.ts';
import type { ProviderDependencies } from './dependencies.ts';
import { kindOf, refuseCardLikeName, refuseUnfit } from './fitness.ts';
import { insertProvider, listProviders, lockProvidersOf, type ProviderRecord } from './provider-store.ts';
import { auditedProvider } from './resource.ts';

/** Each payment looks at all of them. */
const MOST_PROVIDERS = 50;

/** Rejects as `ProviderDesk.create`. */
export async function createProvider(
  dependencies: ProviderDependencies,
  actor: ProviderActor,
  request: ProviderRequest,
): Promise<ProviderRecord> {
  const { database, ring, clock } = dependencies;
  const { accountId } = actor;
  const kind = kindOf(dependencies, request.kind);
  refuseCardLikeName(request.name);
  refuseUnfit(dependencies, kind, request.mode, request.configuration);
  const { open, secrets } = splitConfiguration(kind.configurationSchema, request.configuration);
  const id = newId('prv');
  const at = clock.now();
  const record: ProviderRecord = {
    id,
    accountId,
    kind: kind.kind,
    name: request.name,
    mode: request.mode,
    configuration: open,
    state: request.state ?? 'active',
    version: 1,
    configurationVersion: 1,
    createdAt: at,
    updatedAt: at,
    deletedAt: null,
    secrets: await sealSecrets(ring, { id, accountId }, secrets),
  };
  await database.transaction(accountId, async (db) => {
    await ensureAccount(db, accountId);
    // Counted under the lock: of two that come at once, the second counts the first.
    await lockProvidersOf(db, accountId);
    if ((await listProviders(db, accountId)).length >= MOST_PROVIDERS) {
      throw new HushtoneError(
        'providers_too_many',
        'conflict',
        `An account has at most ${MOST_PROVIDERS} providers.`,
      );
    }
    await insertProvider(db, record);
    const change = { after: auditedProvider(record) };
    await appendAudit(db, [providerEntry(actor, 'provider.create', id, change)]);
  });
  return record;
}
