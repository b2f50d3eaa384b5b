import type { Database, Queryable } from '../db/database.ts';
import type { Clock } from '../kernel/clock.ts';
import { HushtoneError } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import { isRole, ROLES } from '../kernel/roles.ts';
import type { AppendRecords } from './access-record-store.ts';
import type { AccessRecord } from './access-record.ts';
import {
  findAccount,
  insertAccount,
  listAccounts,
  saveAccountNetworks,
  type Account,
} from './account-store.ts';
import { readClientKeys, type ClientKey } from './client-keys.ts';
import { createClientSecret } from './client-secret.ts';
import {
  findClient,
  insertClient,
  insertSecret,
  listClients,
  listSecrets,
  lockClient,
  saveClientDisabled,
  saveClientKeys,
  saveClientNetworks,
  saveSecretEnd,
} from './client-store.ts';
import { isClientId, isSecretValid, type Client, type ClientSecretRecord } from './client.ts';
import { isAddressBlock, type AddressBlocks } from './networks.ts';
import { isAccountId, isName, SCOPES } from './principal.ts';

/** The old one and the new one, for as long as a change takes. */
export const MOST_VALID_SECRETS = 2;
const LONGEST_SECRET_DAYS = 730;
const DAY_MS = 86_400_000;

export interface ClientRequest {
  readonly accountId: string;
  readonly name: string;
  readonly roles: readonly string[];
  readonly scopes: readonly string[];
  readonly networks: AddressBlocks;
  readonly certificateBound: boolean;
  /** A JWK set; without one the client gets a secret. */
  readonly keys?: unknown;
  readonly secretDays: number;
}

/** A secret is shown here and never again. */
export interface ShownSecret {
  readonly id: string;
  readonly secret: string;
  readonly expiresAt: Date;
}

export interface RegistryOptions {
  readonly database: Database;
  readonly append: AppendRecords;
  readonly clock: Clock;
  /** Who runs the command, for the record. */
  readonly operator: string;
}

const invalid = (code: string, message: string): HushtoneError => new HushtoneError(code, 'invalid', message);

function checkNetworks(networks: AddressBlocks): void {
  const wrong = networks.find((block) => !isAddressBlock(block));
  if (wrong !== undefined) throw invalid('network_invalid', `${wrong} is no address or CIDR block`);
}

function checkRequest(request: ClientRequest): void {
  if (!isName(request.name) || request.name.length > 100) {
    throw invalid('client_name_invalid', 'a name has 1 to 100 characters and no twelve digits in a row');
  }
  if (request.roles.length === 0 || !request.roles.every(isRole)) {
    throw invalid('role_unknown', `a client has one or more of the roles ${ROLES.join(' ')}`);
  }
  const known: readonly string[] = SCOPES;
  if (request.scopes.length === 0 || !request.scopes.every((scope) => known.includes(scope))) {
    throw invalid('scope_unknown', `a client has one or more of the scopes ${SCOPES.join(' ')}`);
  }
  checkNetworks(request.networks);
}

/** A new key under an old name is another key. */
function isSameKey(one: ClientKey, other: ClientKey): boolean {
  const members = ['kid', 'alg', 'kty', 'crv', 'x', 'y', 'n', 'e'] as const;
  return members.every((name) => one[name] === other[name]);
}

function endOf(days: number, now: Date): Date {
  if (!(days > 0 && days <= LONGEST_SECRET_DAYS)) {
    throw invalid('secret_lifetime', `a secret lives more than 0 and at most ${LONGEST_SECRET_DAYS} days`);
  }
  return new Date(now.getTime() + days * DAY_MS);
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
    if (!isAccountId(accountId)) {
      throw invalid('account_invalid', 'an account is 1 to 64 letters, digits, ., _ or -');
    }
    checkNetworks(networks);
    return await this.#options.database.transaction(accountId, async (db) => {
      if (!(await insertAccount(db, accountId))) {
        throw new HushtoneError('account_exists', 'conflict', `there is an account ${accountId} already`);
      }
      if (networks.length > 0) await saveAccountNetworks(db, accountId, networks);
      const account = await this.#account(db, accountId);
      await this.#record(db, accountId, 'account.create', ['account', accountId], undefined, {
        networks: account.networks,
      });
      return account;
    });
  }

  async listAccounts(): Promise<Account[]> {
    return await this.#options.database.systemTransaction(listAccounts);
  }

  /** An empty list allows every address. Rejects with `account_not_found` or `network_invalid`. */
  async setAccountNetworks(accountId: string, networks: AddressBlocks): Promise<Account> {
    checkNetworks(networks);
    return await this.#options.database.transaction(accountId, async (db) => {
      const before = await this.#account(db, accountId);
      await saveAccountNetworks(db, accountId, networks);
      const after = await this.#account(db, accountId);
      await this.#record(
        db,
        accountId,
        'account.update',
        ['account', accountId],
        { networks: before.networks },
        { networks: after.networks },
      );
      return after;
    });
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
      await this.#account(db, request.accountId);
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
      const client = await this.#client(db, id);
      await this.#record(db, client.accountId, 'client.create', ['client', id], undefined, {
        name: client.name,
        roles: client.roles,
        scopes: client.scopes,
        networks: client.networks,
        keys: publicKeys.map(({ kid }) => kid),
        certificate_bound: client.certificateBound,
      });
      if (made === undefined) return { client };
      return { client, secret: await this.#addSecret(db, client, made, now, end) };
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

  /**
   * A further secret; the one before stays valid for `overlapDays`, or for less when it ends earlier. Rejects with
   * `client_not_found`, `secret_lifetime`, or `client_secrets_full` when two are valid already.
   */
  async rotateSecret(
    clientId: string,
    lifetime: { readonly secretDays: number; readonly overlapDays: number },
  ): Promise<{ readonly secret: ShownSecret; readonly others: readonly ClientSecretRecord[] }> {
    const now = this.#options.clock.now();
    const end = endOf(lifetime.secretDays, now);
    const overlapEnd = endOf(lifetime.overlapDays, now);
    const made = await createClientSecret();
    return await this.#change(clientId, async (db, client) => {
      const valid = (await listSecrets(db, clientId)).filter((secret) => isSecretValid(secret, now));
      if (valid.length >= MOST_VALID_SECRETS) {
        throw new HushtoneError(
          'client_secrets_full',
          'conflict',
          `two secrets are valid already: ${valid.map(({ id }) => id).join(', ')}; revoke one of them first`,
        );
      }
      for (const { id, expiresAt } of valid) {
        if (expiresAt === undefined || expiresAt > overlapEnd) {
          await saveSecretEnd(db, id, { expiresAt: overlapEnd });
        }
      }
      const secret = await this.#addSecret(db, client, made, now, end);
      const others = (await listSecrets(db, clientId)).filter(
        (other) => other.id !== secret.id && isSecretValid(other, now),
      );
      return { secret, others };
    });
  }

  /** Rejects with `client_not_found` or `secret_not_found`. Revoking it again changes nothing. */
  async revokeSecret(clientId: string, secretId: string): Promise<void> {
    const now = this.#options.clock.now();
    await this.#change(clientId, async (db, client) => {
      const secret = (await listSecrets(db, clientId)).find(({ id }) => id === secretId);
      if (secret === undefined) {
        throw new HushtoneError('secret_not_found', 'not_found', `the client has no secret ${secretId}`);
      }
      if (secret.revokedAt !== undefined) return;
      await saveSecretEnd(db, secretId, { revokedAt: now });
      await this.#record(db, client.accountId, 'client.secret.revoke', ['client', clientId], undefined, {
        secret: secretId,
        revoked_at: now.toISOString(),
      });
    });
  }

  /**
   * Replaces the public keys by those of a JWK set: give the old and the new one while a change takes place. Rejects
   * with `client_not_found` or `client_keys_invalid`.
   */
  async setKeys(clientId: string, document: unknown): Promise<readonly ClientKey[]> {
    const keys = readClientKeys(document);
    await this.#change(clientId, async (db, client) => {
      await saveClientKeys(db, clientId, keys);
      const before = client.publicKeys.map(({ kid }) => kid);
      const after = keys.map(({ kid }) => kid);
      const record = async (operation: AccessRecord['operation']): Promise<void> =>
        await this.#record(
          db,
          client.accountId,
          operation,
          ['client', clientId],
          { keys: before },
          { keys: after },
        );
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
    return await this.#change(clientId, async (db, client) => {
      await saveClientNetworks(db, clientId, networks);
      const changed = await this.#client(db, clientId);
      await this.#record(
        db,
        client.accountId,
        'client.update',
        ['client', clientId],
        { networks: client.networks },
        { networks: changed.networks },
      );
      return changed;
    });
  }

  /** A disabled client gets no token, and those that it has are refused. Rejects with `client_not_found`. */
  async setDisabled(clientId: string, disabled: boolean): Promise<void> {
    const now = this.#options.clock.now();
    await this.#change(clientId, async (db, client) => {
      if ((client.disabledAt !== undefined) === disabled) return;
      await saveClientDisabled(db, clientId, disabled ? now : undefined);
      await this.#record(
        db,
        client.accountId,
        disabled ? 'client.disable' : 'client.enable',
        ['client', clientId],
        { disabled: !disabled },
        { disabled },
      );
    });
  }

  async #addSecret(
    db: Queryable,
    client: Client,
    made: { readonly id: string; readonly secret: string; readonly hash: string },
    now: Date,
    expiresAt: Date,
  ): Promise<ShownSecret> {
    await insertSecret(db, {
      id: made.id,
      accountId: client.accountId,
      clientId: client.id,
      hash: made.hash,
      createdAt: now,
      expiresAt,
    });
    await this.#record(db, client.accountId, 'client.secret.create', ['client', client.id], undefined, {
      secret: made.id,
      expires_at: expiresAt.toISOString(),
    });
    return { id: made.id, secret: made.secret, expiresAt };
  }

  /** Runs a change of one client that nobody else changes meanwhile. */
  async #change<T>(clientId: string, work: (db: Queryable, client: Client) => Promise<T>): Promise<T> {
    const notFound = new HushtoneError('client_not_found', 'not_found', 'there is no such client');
    if (!isClientId(clientId)) throw notFound;
    const { database } = this.#options;
    const found = await database.systemTransaction(async (db) => await findClient(db, clientId));
    if (found === undefined) throw notFound;
    return await database.transaction(found.accountId, async (db) => {
      const client = await lockClient(db, clientId);
      if (client === undefined) throw notFound;
      return await work(db, client);
    });
  }

  async #client(db: Queryable, clientId: string): Promise<Client> {
    const client = await findClient(db, clientId);
    if (client !== undefined) return client;
    throw new HushtoneError('client_not_found', 'not_found', 'there is no such client');
  }

  async #account(db: Queryable, accountId: string): Promise<Account> {
    const account = await findAccount(db, accountId);
    if (account !== undefined) return account;
    throw new HushtoneError('account_not_found', 'not_found', `there is no account ${accountId}`);
  }

  async #record(
    db: Queryable,
    accountId: string,
    operation: AccessRecord['operation'],
    [type, id]: readonly [string, string],
    before: AccessRecord['before'],
    after: AccessRecord['after'],
  ): Promise<void> {
    await this.#options.append(db, [
      {
        accountId,
        actor: { kind: 'operator', subject: this.#options.operator },
        operation,
        object: { type, id },
        result: 'done',
        ...(before && { before }),
        ...(after && { after }),
      },
    ]);
  }
}
