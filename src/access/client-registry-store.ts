import { newId } from '../kernel/ids.ts';
import { isRole } from '../kernel/roles.ts';
import type { AccessRecord } from './access-record.ts';
import { createAccount, listAccounts, setAccountNetworks } from './account-registry-store.ts';
import type { Account } from './account-store.ts';
import { readClientKeys, type ClientKey } from './client-keys.ts';
import { checkNetworks, checkRequest, type ClientRequest } from './client-request.ts';
import {
  addSecret,
  endOf,
  revokeSecret,
  rotateSecret,
  type ShownSecret,
} from './client-secret-registry-store.ts';
import { createClientSecret } from './client-secret.ts';
import {
  insertClient,
  listClients,
  listSecrets,
  saveClientDisabled,
  saveClientKeys,
  saveClientNetworks,
} from './client-store.ts';
import type { Client, ClientSecretRecord } from './client.ts';
import type { AddressBlocks } from './networks.ts';
import {
  accountOf,
  changeClient,
  clientOf,
  recordClientChange,
  type RegistryOptions,
} from './registry-store.ts';

export type { ClientRequest } from './client-request.ts';
export type { ShownSecret } from './client-secret-registry-store.ts';

/** A new key under an old name is another key. */
function isSameKey(one: ClientKey, other: ClientKey): boolean {
  const members = ['kid', 'alg', 'kty', 'crv', 'x', 'y', 'n', 'e'] as const;
  return members.every((name) => one[name] === other[name]);
}

/**
 * Accounts, clients and what clients prove themselves with. Every change and its record in the audit trail are one
 * transaction. All methods reject with `database_unavailable` too.
 */
export class ClientRegistry {
  readonly #options: RegistryOptions;

  constructor(options: RegistryOptions) {
    this.#options = options;
  }

  /** Rejects with `account_invalid`, `account_exists` or `network_invalid`. */
  async createAccount(accountId: string, networks: AddressBlocks): Promise<Account> {
    return await createAccount(this.#options, accountId, networks);
  }

  async listAccounts(): Promise<Account[]> {
    return await listAccounts(this.#options);
  }

  /** An empty list allows every address. Rejects with `account_not_found` or `network_invalid`. */
  async setAccountNetworks(accountId: string, networks: AddressBlocks): Promise<Account> {
    return await setAccountNetworks(this.#options, accountId, networks);
  }

  /** Rejects with `account_not_found`, or with what is wrong with the request. */
  async createClient(
    request: ClientRequest,
  ): Promise<{ readonly client: Client; readonly secret?: ShownSecret }> {
    checkRequest(request);
    const publicKeys = request.keys === undefined ? [] : readClientKeys(request.keys);
    const now = this.#options.clock.now();
    const end = endOf(request.secretDays, now);
    const made = request.keys === undefined ? await createClientSecret() : undefined;
    return await this.#options.database.transaction(request.accountId, async (db) => {
      await accountOf(db, request.accountId);
      const id = newId('cli');
      await insertClient(db, {
        id,
        accountId: request.accountId,
        name: request.name,
        roles: request.roles.filter(isRole),
        scopes: request.scopes,
        networks: request.networks,
        publicKeys,
        certificateBound: request.certificateBound,
        createdAt: now,
      });
      const client = await clientOf(db, id);
      await recordClientChange(this.#options, db, client, {
        operation: 'client.create',
        after: {
          name: client.name,
          roles: client.roles,
          scopes: client.scopes,
          networks: client.networks,
          keys: publicKeys.map(({ kid }) => kid),
          certificate_bound: client.certificateBound,
        },
      });
      if (made === undefined) return { client };
      return { client, secret: await addSecret(this.#options, db, client, made, now, end) };
    });
  }

  async listClients(
    accountId: string,
  ): Promise<{ readonly client: Client; readonly secrets: readonly ClientSecretRecord[] }[]> {
    return await this.#options.database.transaction(accountId, async (db) => {
      const clients = await listClients(db);
      const secrets: ClientSecretRecord[][] = [];
      for (const { id } of clients) secrets.push(await listSecrets(db, id));
      return clients.map((client, index) => ({ client, secrets: secrets[index] ?? [] }));
    });
  }

  /** Rejects with `client_not_found`, `secret_lifetime`, or `client_secrets_full` when two are valid already. */
  async rotateSecret(
    clientId: string,
    lifetime: { readonly secretDays: number; readonly overlapDays: number },
  ): Promise<{ readonly secret: ShownSecret; readonly others: readonly ClientSecretRecord[] }> {
    return await rotateSecret(this.#options, clientId, lifetime);
  }

  /** Rejects with `client_not_found` or `secret_not_found`. Revoking it again changes nothing. */
  async revokeSecret(clientId: string, secretId: string): Promise<void> {
    await revokeSecret(this.#options, clientId, secretId);
  }

  /**
   * Replaces the public keys by those of a JWK set: give the old and the new one while a change takes place. Rejects
   * with `client_not_found` or `client_keys_invalid`.
   */
  async setKeys(clientId: string, document: unknown): Promise<readonly ClientKey[]> {
    const keys = readClientKeys(document);
    await changeClient(this.#options, clientId, async (db, client) => {
      await saveClientKeys(db, clientId, keys);
      const before = client.publicKeys.map(({ kid }) => kid);
      const after = keys.map(({ kid }) => kid);
      const record = async (operation: AccessRecord['operation']): Promise<void> =>
        await recordClientChange(this.#options, db, client, {
          operation,
          before: { keys: before },
          after: { keys: after },
        });
      if (keys.some((key) => !client.publicKeys.some((old) => isSameKey(key, old)))) {
        await record('client.key.create');
      }
      if (client.publicKeys.some((old) => !keys.some((key) => isSameKey(key, old)))) {
        await record('client.key.revoke');
      }
    });
    return keys;
  }

  /** An empty list allows every address that the account allows. Rejects with `client_not_found`, `network_invalid`. */
  async setNetworks(clientId: string, networks: AddressBlocks): Promise<Client> {
    checkNetworks(networks);
    return await changeClient(this.#options, clientId, async (db, client) => {
      await saveClientNetworks(db, clientId, networks);
      const changed = await clientOf(db, clientId);
      await recordClientChange(this.#options, db, client, {
        operation: 'client.update',
        before: { networks: client.networks },
        after: { networks: changed.networks },
      });
      return changed;
    });
  }

  /** A disabled client gets no token, and those that it has are refused. Rejects with `client_not_found`. */
  async setDisabled(clientId: string, disabled: boolean): Promise<void> {
    const now = this.#options.clock.now();
    await changeClient(this.#options, clientId, async (db, client) => {
      if ((client.disabledAt !== undefined) === disabled) return;
      await saveClientDisabled(db, clientId, disabled ? now : undefined);
      await recordClientChange(this.#options, db, client, {
        operation: disabled ? 'client.disable' : 'client.enable',
        before: { disabled: !disabled },
        after: { disabled },
      });
    });
  }
}
