import type { Queryable } from '../../db/database.ts';
import { HushtoneError } from '../../kernel/errors.ts';
import type { ProviderActor } from './contract.ts';
import { findProvider, type ProviderRecord } from './provider-store.ts';

/** A provider of the account that is not deleted. Rejects with `provider_not_found`. */
export async function standing(
  db: Queryable,
  { accountId }: ProviderActor,
  providerId: string,
): Promise<ProviderRecord> {
  const record = await findProvider(db, accountId, providerId);
  if (record !== undefined && record.deletedAt === null) return record;
  throw new HushtoneError('provider_not_found', 'not_found', 'There is no such provider.');
}
