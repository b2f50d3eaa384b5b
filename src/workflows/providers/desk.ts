import type { AuditEntry } from '../../audit/entry.ts';
import type { AuditOperation } from '../../audit/operations.ts';
import { appendAudit } from '../../audit/store.ts';
import type { Database, Queryable } from '../../db/database.ts';
import type { Clock } from '../../kernel/clock.ts';
import { HushtoneError } from '../../kernel/errors.ts';
import { newId } from '../../kernel/ids.ts';
import type { CheckFinding } from '../../payments/contract.ts';
import type { ProviderKind } from '../../payments/kind.ts';
import type { KeyRing } from '../../vault/contract.ts';
import { auditEntry } from '../audit-entry.ts';
import { ensureAccount } from '../stores/account-store.ts';
import { changeConfiguration, splitConfiguration } from './configuration.ts';
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
import { openSecrets, sealSecrets } from './credentials.ts';
import type { Directory } from './directory.ts';
import {
  deleteSecrets,
  findProvider,
  insertProvider,
  insertSecrets,
  listProviders,
  lockProvidersOf,
  updateProvider,
  type ProviderRecord,
} from './provider-store.ts';
import { auditedProvider, providerResource, ruleResource } from './resource.ts';
import { listRules, replaceRules } from './routing-store.ts';
import { checkRule } from './routing-rules.ts';
import { checkConfiguration } from './validation.ts';

/** Each payment looks at all of them. */
const MOST_PROVIDERS = 50;
/** ISO/IEC 7812-1: the shortest card number that is in use. */
const CARD_NUMBER_LIKE = /\d(?:[ -]?\d){11}/;

export interface ProviderDeskOptions {
  readonly database: Database;
  readonly ring: KeyRing;
  readonly kinds: readonly ProviderKind[];
  readonly directory: Directory;
  readonly clock: Clock;
}

/** The account's payment providers, behind the contract that `http` and the commands offer. */
export class Providers implements ProviderDesk {
  readonly #options: ProviderDeskOptions;

  constructor(options: ProviderDeskOptions) {
    this.#options = options;
  }

  kinds(): readonly ProviderKindResource[] {
    return this.#options.kinds.map(({ kind, configurationSchema }) => ({
      kind,
      configuration_schema: configurationSchema,
    }));
  }

  async create(actor: ProviderActor, request: ProviderRequest): Promise<ProviderResource> {
    const { database, ring, clock } = this.#options;
    const { accountId } = actor;
    const kind = this.#kindOf(request.kind);
    refuseCardLikeName(request.name);
    this.#refuseUnfit(kind, request.mode, request.configuration);
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
      createdAt: at,
      updatedAt: at,
      deletedAt: null,
      secrets: await sealSecrets(ring, { id, accountId }, secrets),
    };
    await database.transaction(accountId, async (db) => {
      await ensureAccount(db, accountId);
      await lockProvidersOf(db, accountId);
      if ((await listProviders(db, accountId)).length >= MOST_PROVIDERS) {
        throw new HushtoneError(
          'providers_too_many',
          'conflict',
          `An account has at most ${MOST_PROVIDERS} providers.`,
        );
      }
      await insertProvider(db, record);
      await this.#record(db, actor, 'provider.create', id, { after: auditedProvider(record) });
    });
    return providerResource(record);
  }

  async list(actor: ProviderActor): Promise<ProviderResource[]> {
    const records = await this.#options.database.transaction(
      actor.accountId,
      async (db) => await listProviders(db, actor.accountId),
    );
    return records.map(providerResource);
  }

  async get(actor: ProviderActor, providerId: string): Promise<ProviderResource> {
    return await this.#options.database.transaction(actor.accountId, async (db) =>
      providerResource(await standing(db, actor, providerId)),
    );
  }

  async update(
    actor: ProviderActor,
    providerId: string,
    changes: ProviderChanges,
  ): Promise<ProviderResource> {
    const { database, clock } = this.#options;
    if (changes.name !== undefined) refuseCardLikeName(changes.name);
    return await database.transaction(actor.accountId, async (db) => {
      await lockProvidersOf(db, actor.accountId);
      const before = await standing(db, actor, providerId);
      const changed: ProviderRecord = {
        ...before,
        name: changes.name ?? before.name,
        state: changes.state ?? before.state,
        version: before.version + 1,
        updatedAt: clock.now(),
      };
      const after =
        changes.configuration === undefined
          ? changed
          : await this.#configured(db, changed, changes.configuration);
      await updateProvider(db, after);
      await this.#record(db, actor, operationOf(before, after), providerId, {
        before: auditedProvider(before),
        after: auditedProvider(after),
      });
      return providerResource(after);
    });
  }

  async remove(actor: ProviderActor, providerId: string): Promise<void> {
    const { database, clock } = this.#options;
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
      await this.#record(db, actor, 'provider.delete', providerId, { before: auditedProvider(before) });
    });
  }

  async check(actor: ProviderActor, providerId: string): Promise<ProviderCheckResource> {
    const { database, directory } = this.#options;
    const { installed } = directory;
    if (installed !== undefined && providerId === installed.id) {
      return this.#checked(installed, await installed.provider.check());
    }
    const record = await database.transaction(
      actor.accountId,
      async (db) => await standing(db, actor, providerId),
    );
    return await this.checkRecord(record);
  }

  /** Never rejects for what is wrong with the provider. */
  async checkRecord(record: ProviderRecord): Promise<ProviderCheckResource> {
    try {
      const { provider } = await this.#options.directory.connected(record);
      return this.#checked(record, await provider.check());
    } catch (error) {
      if (!(error instanceof HushtoneError) || error.code !== 'provider_unusable') throw error;
      return this.#checked(record, [{ code: 'configuration_refused', message: error.message }]);
    }
  }

  async routing(actor: ProviderActor): Promise<RoutingResource> {
    const rules = await this.#options.database.transaction(
      actor.accountId,
      async (db) => await listRules(db, actor.accountId),
    );
    return { rules: rules.map(ruleResource) };
  }

  async setRouting(actor: ProviderActor, request: RoutingRequest): Promise<RoutingResource> {
    const { database, directory, clock } = this.#options;
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
      const entry = { before: { rules: shownBefore }, after: { rules: shown } };
      const object = { type: 'provider_routing', id: accountId };
      await appendAudit(db, [entryOf(actor, 'provider.routing', object, entry as never)]);
      return { rules: shown };
    });
  }

  /** Refuses what would not connect, before anything is written. */
  #refuseUnfit(
    kind: ProviderKind,
    mode: ProviderRecord['mode'],
    configuration: Readonly<Record<string, unknown>>,
  ): void {
    checkConfiguration(kind, mode, configuration);
    this.#options.directory.tryOut(kind, mode, configuration);
  }

  /** With another configuration, whose secrets are written here. */
  async #configured(
    db: Queryable,
    record: ProviderRecord,
    changes: Readonly<Record<string, unknown>>,
  ): Promise<ProviderRecord> {
    const { ring } = this.#options;
    const kind = this.#kindOf(record.kind);
    const schema = kind.configurationSchema;
    const current = { open: record.configuration, secrets: await openSecrets(ring, record) };
    const { configuration, kept } = changeConfiguration(schema, current, changes);
    this.#refuseUnfit(kind, record.mode, configuration);
    const { open, secrets } = splitConfiguration(schema, configuration);
    const fresh = new Map([...secrets].filter(([pointer]) => !kept.has(pointer)));
    const versions = new Map(record.secrets.map(({ pointer, version }) => [pointer, version]));
    const sealed = await sealSecrets(ring, record, fresh, versions);
    const gone = record.secrets.filter(({ pointer }) => !kept.has(pointer));
    await deleteSecrets(
      db,
      record.id,
      gone.map(({ pointer }) => pointer),
    );
    await insertSecrets(db, record, sealed);
    const staying = record.secrets.filter(({ pointer }) => kept.has(pointer));
    return { ...record, configuration: open, secrets: [...staying, ...sealed] };
  }

  #kindOf(name: string): ProviderKind {
    const { kinds } = this.#options;
    const kind = kinds.find(({ kind: known }) => known === name);
    if (kind !== undefined) return kind;
    const names = kinds.map(({ kind: known }) => known).join(', ');
    throw new HushtoneError(
      'provider_kind_unknown',
      'invalid',
      `There is no such kind of provider. Those that there are: ${names}.`,
    );
  }

  #checked(
    { id, kind, mode }: Pick<ProviderRecord, 'id' | 'kind' | 'mode'>,
    findings: readonly CheckFinding[],
  ): ProviderCheckResource {
    return {
      provider_id: id,
      kind,
      mode,
      ok: findings.length === 0,
      findings,
      checked_at: this.#options.clock.now().toISOString(),
    };
  }

  async #record(
    db: Queryable,
    actor: ProviderActor,
    operation: AuditOperation,
    providerId: string,
    more: Pick<AuditEntry, 'before' | 'after'>,
  ): Promise<void> {
    await appendAudit(db, [entryOf(actor, operation, { type: 'provider', id: providerId }, more)]);
  }
}

/** What an operator does by a command is on record as theirs; no client has asked for it. */
function entryOf(
  actor: ProviderActor,
  operation: AuditOperation,
  object: AuditEntry['object'],
  more: Pick<AuditEntry, 'before' | 'after'>,
): AuditEntry {
  if (!('operator' in actor)) return auditEntry(actor, operation, object, more);
  const { accountId, operator: subject } = actor;
  return { accountId, actor: { kind: 'operator', subject }, operation, object, result: 'done', ...more };
}

/** A provider of the account that is not deleted. Rejects with `provider_not_found`. */
async function standing(
  db: Queryable,
  { accountId }: ProviderActor,
  providerId: string,
): Promise<ProviderRecord> {
  const record = await findProvider(db, accountId, providerId);
  if (record !== undefined && record.deletedAt === null) return record;
  throw new HushtoneError('provider_not_found', 'not_found', 'There is no such provider.');
}

function operationOf(before: ProviderRecord, after: ProviderRecord): AuditOperation {
  if (before.state === after.state) return 'provider.update';
  return after.state === 'active' ? 'provider.enable' : 'provider.disable';
}

function refuseCardLikeName(name: string): void {
  if (!CARD_NUMBER_LIKE.test(name)) return;
  throw new HushtoneError(
    'provider_name_like_card',
    'invalid',
    'The name holds as many digits in a row as a card number has.',
  );
}
