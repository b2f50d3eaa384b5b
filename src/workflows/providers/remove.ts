import { appendAudit } from '../../audit/store.ts';
import { HushtoneError } from '../../kernel/errors.ts';
import { providerEntry } from './audit.ts';
import type { ProviderActor } from './contract.ts';
import type { ProviderDependencies } from './dependencies.ts';
import { lockProvidersOf, updateProvider } from './provider-store.ts';
import { auditedProvider } from './resource.ts';
import { listRules } from './routing-store.ts';
import { standing } from './standing.ts';

/** Rejects as `ProviderDesk.remove`. */
export async function removeProvider(
  { database, clock }: ProviderDependencies,
  actor: ProviderActor,
  providerId: string,
): Promise<void> {
  await database.transaction(actor.accountId, async (db) => {
    await lockProvidersOf(db, actor.accountId);
    const before = await standing(db, actor, providerId);
    const rules = await listRules(db, actor.accountId);
    if (rules.some(({ providers }) => providers.includes(providerId))) {
      throw new HushtoneError(
        'provider_routed',
        'conflict',
        'A routing rule names the provider: change the rules first.',
      );
    }
    const at = clock.now();
    const version = before.version + 1;
    // Its secrets stay, sealed: payments that were made with it are still looked up and refunded.
    await updateProvider(db, { ...before, state: 'disabled', version, updatedAt: at, deletedAt: at });
    const change = { before: auditedProvider(before) };
    await appendAudit(db, [providerEntry(actor, 'provider.delete', providerId, change)]);
  });
}
