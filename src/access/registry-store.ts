import type { Database, Queryable } from '../db/database.ts';
import type { Clock } from '../kernel/clock.ts';
import { HushtoneError } from '../kernel/errors.ts';
import type { AppendRecords } from './access-record-store.ts';
import type { AccessRecord } from './access-record.ts';
import { findAccount, type Account } from './account-store.ts';
import { findClient, lockClient } from './client-store.ts';
import { isClientId, type Client } from './client.ts';

export interface RegistryOptions {
  readonly database: Database;
  readonly append: AppendRecords;
  readonly clock: Clock;
  /** Who runs the command, for the record. */
  readonly operator: string;
}

/** Runs a change of one client that nobody else changes meanwhile. */
export async function changeClient<T>(
  { database }: RegistryOptions,
  clientId: string,
  work: (db: Queryable, client: Client) => Promise<T>,
): Promise<T> {
  const notFound = new HushtoneError('client_not_found', 'not_found', 'there is no such client');
  if (!isClientId(clientId)) throw notFound;
  const found = await database.systemTransaction(async (db) => await findClient(db, clientId));
  if (found === undefined) throw notFound;
  return await database.transaction(found.accountId, async (db) => {
    const client = await lockClient(db, clientId);
    if (client === undefined) throw notFound;
    return await work(db, client);
  });
}

/** Rejects with `client_not_found`. */
export async function clientOf(db: Queryable, clientId: string): Promise<Client> {
  const client = await findClient(db, clientId);
  if (client !== undefined) return client;
  throw new HushtoneError('client_not_found', 'not_found', 'there is no such client');
}

/** Rejects with `account_not_found`. */
export async function accountOf(db: Queryable, accountId: string): Promise<Account> {
  const account = await findAccount(db, accountId);
  if (account !== undefined) return account;
  throw accountNotFound(accountId);
}

export function accountNotFound(accountId: string): HushtoneError {
  return new HushtoneError('account_not_found', 'not_found', `there is no account ${accountId}`);
}

/** What is changed, and from what to what. */
export interface RegistryChange {
  readonly accountId: string;
  readonly operation: AccessRecord['operation'];
  readonly object: AccessRecord['object'];
  readonly before?: NonNullable<AccessRecord['before']>;
  readonly after: NonNullable<AccessRecord['after']>;
}

/** In the transaction of the change itself. */
export async function recordChange(
  { append, operator }: RegistryOptions,
  db: Queryable,
  change: RegistryChange,
): Promise<void> {
  await append(db, [{ ...change, actor: { kind: 'operator', subject: operator }, result: 'done' }]);
}

/** The same for a client. */
export async function recordClientChange(
  options: RegistryOptions,
  db: Queryable,
  { id, accountId }: Pick<Client, 'id' | 'accountId'>,
  change: Pick<RegistryChange, 'operation' | 'before' | 'after'>,
): Promise<void> {
  await recordChange(options, db, { accountId, object: { type: 'client', id }, ...change });
}
