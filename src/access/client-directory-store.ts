import type { Database } from '../db/database.ts';
import type { Clock } from '../kernel/clock.ts';
import { HushtoneError } from '../kernel/errors.ts';
import { findAccount } from './account-store.ts';
import { findClient } from './client-store.ts';
import { isClientId } from './client.ts';
import type { AddressBlocks } from './networks.ts';
import type { Principal } from './principal.ts';

/** How long a change of networks, or a client that was disabled, may take to be noticed by a running instance. */
const REMEMBERED_MS = 5_000;
/** Accounts and clients are few; beyond this all are forgotten and asked for again. */
const MOST_REMEMBERED = 10_000;

interface Standing {
  readonly disabled: boolean;
  readonly networks: readonly AddressBlocks[];
}

export type NetworksOf = (
  principal: Pick<Principal, 'accountId' | 'clientId'>,
) => Promise<readonly AddressBlocks[]>;

/**
 * The address lists that a request with this token must be in, all of them: the account's and the client's. A client
 * of another issuer has none of its own. Rejects with `client_disabled`.
 */
export function createClientDirectory(database: Database, clock: Clock): NetworksOf {
  const remembered = new Map<string, { readonly until: number; readonly standing: Promise<Standing> }>();

  const read = async (accountId: string, clientId: string): Promise<Standing> =>
    await database.transaction(accountId, async (db) => {
      const account = await findAccount(db, accountId);
      const client = isClientId(clientId) ? await findClient(db, clientId) : undefined;
      return {
        disabled: client?.disabledAt !== undefined,
        networks: [account?.networks ?? [], client?.networks ?? []],
      };
    });

  return async ({ accountId, clientId }) => {
    const key = JSON.stringify([accountId, clientId]);
    const now = clock.monotonicMs();
    let known = remembered.get(key);
    if (known === undefined || known.until <= now) {
      if (remembered.size >= MOST_REMEMBERED) remembered.clear();
      const standing = read(accountId, clientId);
      standing.catch(() => remembered.delete(key)); // an answer that never came is not worth remembering
      known = { until: now + REMEMBERED_MS, standing };
      remembered.set(key, known);
    }
    const { disabled, networks } = await known.standing;
    if (disabled) throw new HushtoneError('client_disabled', 'unauthenticated', 'the client is disabled');
    return networks;
  };
}
