import { HushtoneError } from '../kernel/errors.ts';
import {
  insertAccount,
  listAccounts as readAccounts,
  lockAccount,
  saveAccountNetworks,
  type Account,
} from './account-store.ts';
import { checkNetworks, invalid } from './client-request.ts';
import type { AddressBlocks } from './networks.ts';
import { isAccountId } from './principal.ts';
import { accountNotFound, accountOf, recordChange, type RegistryOptions } from './registry-store.ts';

/** Rejects with `account_invalid`, `account_exists` or `network_invalid`. */
export async function createAccount(
  options: RegistryOptions,
  accountId: string,
  networks: AddressBlocks,
): Promise<Account> {
  if (!isAccountId(accountId)) {
    throw invalid('account_invalid', 'an account is 1 to 64 letters, digits, ., _ or -');
  }
  checkNetworks(networks);
  return await options.database.transaction(accountId, async (db) => {
    if (!(await insertAccount(db, accountId))) {
      throw new HushtoneError('account_exists', 'conflict', `there is an account ${accountId} already`);
    }
    if (networks.length > 0) await saveAccountNetworks(db, accountId, networks);
    const account = await accountOf(db, accountId);
    await recordChange(options, db, {
      accountId,
      operation: 'account.create',
      object: { type: 'account', id: accountId },
      after: { networks: account.networks },
    });
    return account;
  });
}

export async function listAccounts({ database }: RegistryOptions): Promise<Account[]> {
  return await database.systemTransaction(readAccounts);
}

/** An empty list allows every address. Rejects with `account_not_found` or `network_invalid`. */
export async function setAccountNetworks(
  options: RegistryOptions,
  accountId: string,
  networks: AddressBlocks,
): Promise<Account> {
  checkNetworks(networks);
  return await options.database.transaction(accountId, async (db) => {
    const before = await lockAccount(db, accountId);
    if (before === undefined) throw accountNotFound(accountId);
    await saveAccountNetworks(db, accountId, networks);
    const after = await accountOf(db, accountId);
    await recordChange(options, db, {
      accountId,
      operation: 'account.update',
      object: { type: 'account', id: accountId },
      before: { networks: before.networks },
      after: { networks: after.networks },
    });
    return after;
  });
}
