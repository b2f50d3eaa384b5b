import type { Queryable } from '../db/database.ts';
import type { Role } from '../kernel/roles.ts';
import type { ClientKey } from './client-keys.ts';
import type { Client, ClientSecretRecord } from './client.ts';
import type { AddressBlocks } from './networks.ts';

const ASSERTION_MEMORY_MS = 10 * 60_000;

interface ClientRow {
  readonly id: string;
  readonly account_id: string;
  readonly name: string;
  readonly roles: Role[];
  readonly scopes: string[];
  readonly networks: string[];
  readonly public_keys: ClientKey[];
  readonly certificate_bound: boolean;
  readonly created_at: Date;
  readonly disabled_at: Date | null;
}

// As text: pg hands an array of `cidr` over as one string.
const COLUMNS = `id, account_id, name, roles, scopes, networks::text[] as networks, public_keys, certificate_bound,
  created_at, disabled_at`;

/** `10.1.2.3/8` is stored as the block that it names, `10.0.0.0/8`. */
const asBlocks = (parameter: string): string =>
  `(select coalesce(array_agg(network(block::inet)), '{}') from unnest(${parameter}::text[]) block)`;

function clientOf(row: ClientRow): Client {
  return {
    id: row.id,
    accountId: row.account_id,
    name: row.name,
    roles: row.roles,
    scopes: row.scopes,
    networks: row.networks,
    publicKeys: row.public_keys,
    certificateBound: row.certificate_bound,
    createdAt: row.created_at,
    ...(row.disabled_at !== null && { disabledAt: row.disabled_at }),
  };
}

export async function insertClient(db: Queryable, client: Client): Promise<void> {
  await db.query(
    `insert into clients (id, account_id, name, roles, scopes, networks, public_keys, certificate_bound, created_at)
     values ($1, $2, $3, $4, $5, ${asBlocks('$6')}, $7, $8, $9)`,
    [
      client.id,
      client.accountId,
      client.name,
      client.roles,
      client.scopes,
      client.networks,
      JSON.stringify(client.publicKeys),
      client.certificateBound,
      client.createdAt,
    ],
  );
}

export async function findClient(db: Queryable, clientId: string): Promise<Client | undefined> {
  const [row] = await db.query<ClientRow>(`select ${COLUMNS} from clients where id = $1`, [clientId]);
  return row && clientOf(row);
}

/** The same, and nobody else changes it, or adds a secret to it, before this transaction is over. */
export async function lockClient(db: Queryable, clientId: string): Promise<Client | undefined> {
  const [row] = await db.query<ClientRow>(`select ${COLUMNS} from clients where id = $1 for update`, [
    clientId,
  ]);
  return row && clientOf(row);
}

/** The oldest first. */
export async function listClients(db: Queryable): Promise<Client[]> {
  const rows = await db.query<ClientRow>(`select ${COLUMNS} from clients order by created_at, id`);
  return rows.map(clientOf);
}

export async function saveClientKeys(
  db: Queryable,
  clientId: string,
  keys: readonly ClientKey[],
): Promise<void> {
  await db.query('update clients set public_keys = $2 where id = $1', [clientId, JSON.stringify(keys)]);
}

export async function saveClientNetworks(
  db: Queryable,
  clientId: string,
  networks: AddressBlocks,
): Promise<void> {
  await db.query(`update clients set networks = ${asBlocks('$2')} where id = $1`, [clientId, networks]);
}

export async function saveClientDisabled(
  db: Queryable,
  clientId: string,
  at: Date | undefined,
): Promise<void> {
  await db.query('update clients set disabled_at = $2 where id = $1', [clientId, at ?? null]);
}

interface SecretRow {
  readonly id: string;
  readonly hash: string;
  readonly created_at: Date;
  readonly expires_at: Date | null;
  readonly revoked_at: Date | null;
  readonly last_used_at: Date | null;
}

const SECRET_COLUMNS = 'id, hash, created_at, expires_at, revoked_at, last_used_at';

function secretOf(row: SecretRow): ClientSecretRecord & { readonly hash: string } {
  return {
    id: row.id,
    hash: row.hash,
    createdAt: row.created_at,
    ...(row.expires_at !== null && { expiresAt: row.expires_at }),
    ...(row.revoked_at !== null && { revokedAt: row.revoked_at }),
    ...(row.last_used_at !== null && { lastUsedAt: row.last_used_at }),
  };
}

export interface NewSecretRow {
  readonly id: string;
  readonly accountId: string;
  readonly clientId: string;
  readonly hash: string;
  readonly createdAt: Date;
  readonly expiresAt?: Date;
}

export async function insertSecret(db: Queryable, secret: NewSecretRow): Promise<void> {
  await db.query(
    `insert into client_secrets (id, account_id, client_id, hash, created_at, expires_at)
     values ($1, $2, $3, $4, $5, $6)`,
    [secret.id, secret.accountId, secret.clientId, secret.hash, secret.createdAt, secret.expiresAt ?? null],
  );
}

/** All of them, revoked ones too, the oldest first. */
export async function listSecrets(db: Queryable, clientId: string): Promise<ClientSecretRecord[]> {
  const rows = await db.query<SecretRow>(
    `select ${SECRET_COLUMNS} from client_secrets where client_id = $1 order by created_at, id`,
    [clientId],
  );
  return rows.map((row) => {
    const { hash: _hash, ...record } = secretOf(row);
    return record;
  });
}

export async function findSecret(
  db: Queryable,
  clientId: string,
  secretId: string,
): Promise<(ClientSecretRecord & { readonly hash: string }) | undefined> {
  const [row] = await db.query<SecretRow>(
    `select ${SECRET_COLUMNS} from client_secrets where client_id = $1 and id = $2`,
    [clientId, secretId],
  );
  return row && secretOf(row);
}

export async function saveSecretEnd(
  db: Queryable,
  secretId: string,
  end: { readonly expiresAt: Date } | { readonly revokedAt: Date },
): Promise<void> {
  const [column, at] = 'expiresAt' in end ? ['expires_at', end.expiresAt] : ['revoked_at', end.revokedAt];
  await db.query(`update client_secrets set ${column} = $2 where id = $1`, [secretId, at]);
}

/** False when the secret is not valid at that time, and then nothing was saved. */
export async function saveSecretUse(db: Queryable, secretId: string, at: Date): Promise<boolean> {
  const rows = await db.query(
    `update client_secrets set last_used_at = $2
     where id = $1 and revoked_at is null and (expires_at is null or expires_at > $2) returning id`,
    [secretId, at],
  );
  return rows.length === 1;
}

/** False when the client has sent this one before: whichever instance took it, and however close in time. */
export async function spendAssertion(
  db: Queryable,
  assertion: {
    readonly accountId: string;
    readonly clientId: string;
    readonly jtiHash: Buffer;
    readonly expiresAt: Date;
  },
): Promise<boolean> {
  const { accountId, clientId, jtiHash, expiresAt } = assertion;
  const rows = await db.query(
    `insert into client_assertions (account_id, client_id, jti_hash, expires_at) values ($1, $2, $3, $4)
     on conflict do nothing returning client_id`,
    [accountId, clientId, jtiHash, expiresAt],
  );
  return rows.length === 1;
}

/** Only long after their end: an instance whose clock is behind may still take one that has run out here. */
export async function dropExpiredAssertions(db: Queryable, clientId: string, now: Date): Promise<void> {
  await db.query('delete from client_assertions where client_id = $1 and expires_at < $2', [
    clientId,
    new Date(now.getTime() - ASSERTION_MEMORY_MS),
  ]);
}
