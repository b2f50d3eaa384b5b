import { appendAudit } from '../../audit/store.ts';
import { ensureAccount } from '../stores/account-store.ts';
import { routingEntry } from './audit.ts';
import type { ProviderActor, RoutingRequest, RoutingResource } from './contract.ts';
import type { ProviderDependencies } from './dependencies.ts';
import { listProviders, lockProvidersOf } from './provider-store.ts';
import { ruleResource } from './resource.ts';
import { checkRule } from './routing-rules.ts';
import { listRules, replaceRules } from './routing-store.ts';

/** Rejects as `ProviderDesk.setRouting`. */
export async function setRouting(
  { database, directory, clock }: ProviderDependencies,
  actor: ProviderActor,
  request: RoutingRequest,
): Promise<RoutingResource> {
  const { accountId } = actor;
  return await database.transaction(accountId, async (db) => {
    await ensureAccount(db, accountId);
    await lockProvidersOf(db, accountId);
    const providers = await listProviders(db, accountId);
    const before = await listRules(db, accountId);
    const rules = request.rules.map((rule, position) =>
      checkRule(rule, position, providers, directory.installed),
    );
    await replaceRules(db, accountId, rules, clock.now());
    const [shownBefore, shown] = [before.map(ruleResource), rules.map(ruleResource)];
    const change = { before: { rules: shownBefore }, after: { rules: shown } };
    await appendAudit(db, [routingEntry(actor, change as never)]);
    return { rules: shown };
  });
}
