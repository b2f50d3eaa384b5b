import { checkProvider, checkRecord } from './check.ts';
import type {
  ProviderActor,
  ProviderChanges,
  ProviderCheckResource,
  ProviderDesk,
  ProviderKindResource,
  ProviderRequest,
  ProviderResource,
  RoutingRequest,
  RoutingResource,
} from './contract.ts';
import { createProvider } from './create.ts';
import type { ProviderDependencies } from './dependencies.ts';
import { listProviders, type ProviderRecord } from './provider-store.ts';
import { removeProvider } from './remove.ts';
import { providerResource, ruleResource } from './resource.ts';
import { listRules } from './routing-store.ts';
import { setRouting } from './set-routing.ts';
import { standing } from './standing.ts';
import { updateProvider } from './update.ts';

/** The account's payment providers, behind the contract that `http` and the commands offer. */
export class Providers implements ProviderDesk {
  readonly #dependencies: ProviderDependencies;

  constructor(dependencies: ProviderDependencies) {
    this.#dependencies = dependencies;
  }

  kinds(): readonly ProviderKindResource[] {
    return this.#dependencies.kinds.map(({ kind, configurationSchema }) => ({
      kind,
      configuration_schema: configurationSchema,
    }));
  }

  async create(actor: ProviderActor, request: ProviderRequest): Promise<ProviderResource> {
    return providerResource(await createProvider(this.#dependencies, actor, request));
  }

  async list(actor: ProviderActor): Promise<ProviderResource[]> {
    const records = await this.#dependencies.database.transaction(
      actor.accountId,
      async (db) => await listProviders(db, actor.accountId),
    );
    return records.map(providerResource);
  }

  async get(actor: ProviderActor, providerId: string): Promise<ProviderResource> {
    return await this.#dependencies.database.transaction(actor.accountId, async (db) =>
      providerResource(await standing(db, actor, providerId)),
    );
  }

  async update(
    actor: ProviderActor,
    providerId: string,
    changes: ProviderChanges,
  ): Promise<ProviderResource> {
    return providerResource(await updateProvider(this.#dependencies, actor, providerId, changes));
  }

  async remove(actor: ProviderActor, providerId: string): Promise<void> {
    await removeProvider(this.#dependencies, actor, providerId);
  }

  async check(actor: ProviderActor, providerId: string): Promise<ProviderCheckResource> {
    return await checkProvider(this.#dependencies, actor, providerId);
  }

  /** Never rejects for what is wrong with the provider. */
  async checkRecord(record: ProviderRecord): Promise<ProviderCheckResource> {
    return await checkRecord(this.#dependencies, record);
  }

  async routing(actor: ProviderActor): Promise<RoutingResource> {
    const rules = await this.#dependencies.database.transaction(
      actor.accountId,
      async (db) => await listRules(db, actor.accountId),
    );
    return { rules: rules.map(ruleResource) };
  }

  async setRouting(actor: ProviderActor, request: RoutingRequest): Promise<RoutingResource> {
    return await setRouting(this.#dependencies, actor, request);
  }
}
