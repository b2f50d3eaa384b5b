import { isDeepStrictEqual } from 'node:util';
import type { AuditOperation } from '../../audit/operations.ts';
import { appendAudit } from '../../audit/store.ts';
import type { Queryable } from '../../db/database.ts';
import { providerEntry } from './audit.ts';
import { changeConfiguration, joinConfiguration, splitConfiguration } from './configuration.ts';
import type { ProviderActor, ProviderChanges } from './contract.ts';
import { openSecrets, sealSecrets } from './credentials.ts';
import type { ProviderDependencies } from './dependencies.ts';
import { kindOf, refuseCardLikeName, refuseUnfit } from './fitness.ts';
import {
  deleteSecrets,
  insertSecrets,
  lockProvidersOf,
  updateProvider as writeProvider,
  type ProviderRecord,
} from './provider-store.ts';
import { auditedProvider } from './resource.ts';
import { standing } from './standing.ts';

/** Rejects as `ProviderDesk.update`. */
export async function updateProvider(
  dependencies: ProviderDependencies,
  actor: ProviderActor,
  providerId: string,
  changes: ProviderChanges,
): Promise<ProviderRecord> {
  const { database, clock } = dependencies;
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
        : await configured(dependencies, db, changed, changes.configuration);
    await writeProvider(db, after);
    const change = { before: auditedProvider(before), after: auditedProvider(after) };
    await appendAudit(db, [providerEntry(actor, operationOf(before, after), providerId, change)]);
    return after;
  });
}

/** With another configuration, whose secrets are written here. */
async function configured(
  dependencies: ProviderDependencies,
  db: Queryable,
  record: ProviderRecord,
  changes: Readonly<Record<string, unknown>>,
): Promise<ProviderRecord> {
  const { ring } = dependencies;
  const kind = kindOf(dependencies, record.kind);
  const schema = kind.configurationSchema;
  const current = { open: record.configuration, secrets: await openSecrets(ring, record) };
  const { configuration, kept } = changeConfiguration(schema, current, changes);
  refuseUnfit(dependencies, kind, record.mode, configuration);
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
  // The same once more is no other configuration: it is still the same merchant who is asked for what was sent before.
  const changed = !isDeepStrictEqual(configuration, joinConfiguration(current.open, current.secrets));
  return {
    ...record,
    configuration: open,
    configurationVersion: record.configurationVersion + (changed ? 1 : 0),
    secrets: [...staying, ...sealed],
  };
}

function operationOf(before: ProviderRecord, after: ProviderRecord): AuditOperation {
  if (before.state === after.state) return 'provider.update';
  return after.state === 'active' ? 'provider.enable' : 'provider.disable';
}
