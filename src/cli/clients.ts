import { readFile } from 'node:fs/promises';
import type { ClientRegistry, ShownSecret } from '../access/client-registry-store.ts';
import type { Client, ClientSecretRecord } from '../access/client.ts';
import { SCOPES } from '../access/principal.ts';
import { HushtoneError } from '../kernel/errors.ts';
import { ROLES } from '../kernel/roles.ts';
import { withRegistry } from './registry.ts';
import { runSubcommand, type Options, type Subcommand } from './subcommands.ts';

const DEFAULT_SECRET_DAYS = 365;
const DEFAULT_OVERLAP_DAYS = 7;

const USAGE = `hushtone clients COMMAND
  create         --account ID --name NAME --role "ROLE …" --scope "SCOPE …"
                 [--keys FILE] [--network CIDR]… [--certificate-bound] [--secret-days DAYS]
                                     a client with a secret, or with the public keys of a JWK set and no secret
  list           --account ID        clients and when their secrets end
  rotate-secret  --client ID [--secret-days DAYS] [--overlap-days DAYS]
                                     a second secret; the first one ends after the overlap
  revoke-secret  --client ID --secret SECRET_ID
                                     end a secret now
  set-keys       --client ID --keys FILE
                                     replace the public keys; name the old and the new one while they change
  set-networks   --client ID --network CIDR… | --any
                                     where it may come from
  disable        --client ID         no more tokens, and those that it has are refused
  enable         --client ID
Roles: ${ROLES.join(' ')}
Scopes: ${SCOPES.join(' ')}
--secret-days is ${DEFAULT_SECRET_DAYS} and --overlap-days is ${DEFAULT_OVERLAP_DAYS} unless given. A secret is shown once and kept as a hash.
`;

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const list = { type: 'string', multiple: true } as const;

const shownClient = (client: Client) => ({
  client_id: client.id,
  account_id: client.accountId,
  name: client.name,
  roles: client.roles,
  scopes: client.scopes,
  networks: client.networks,
  keys: client.publicKeys.map(({ kid, alg }) => ({ kid, alg })),
  certificate_bound: client.certificateBound,
  created_at: client.createdAt.toISOString(),
  ...(client.disabledAt && { disabled_at: client.disabledAt.toISOString() }),
});

const shownRecord = (secret: ClientSecretRecord) => ({
  secret_id: secret.id,
  created_at: secret.createdAt.toISOString(),
  ...(secret.expiresAt && { expires_at: secret.expiresAt.toISOString() }),
  ...(secret.revokedAt && { revoked_at: secret.revokedAt.toISOString() }),
  ...(secret.lastUsedAt && { last_used_at: secret.lastUsedAt.toISOString() }),
});

const shownSecret = ({ id, secret, expiresAt }: ShownSecret) => ({
  secret_id: id,
  client_secret: secret,
  expires_at: expiresAt.toISOString(),
});

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as unknown;
  } catch (cause) {
    throw new HushtoneError('keys_file_invalid', 'invalid', `${path} is no JSON file that can be read`, {
      cause,
    });
  }
}

/** A command on one client. */
function onClient(
  options: Subcommand['options'],
  work: (registry: ClientRegistry, clientId: string, given: Options) => Promise<unknown>,
): Subcommand {
  return {
    options: { client: text, ...options },
    run: async (given) => {
      const clientId = given.required('client');
      return await withRegistry(async (registry) => await work(registry, clientId, given));
    },
  };
}

const create: Subcommand = {
  options: {
    account: text,
    name: text,
    role: list,
    scope: list,
    keys: text,
    network: list,
    'certificate-bound': flag,
    'secret-days': text,
  },
  run: async (options) => {
    const accountId = options.required('account');
    const name = options.required('name');
    const keysFile = options.text('keys');
    const keys = keysFile === undefined ? undefined : await readJson(keysFile);
    return await withRegistry(async (registry) => {
      const { client, secret } = await registry.createClient({
        accountId,
        name,
        roles: options.words('role'),
        scopes: options.words('scope'),
        networks: options.words('network'),
        certificateBound: options.flag('certificate-bound'),
        secretDays: options.number('secret-days', DEFAULT_SECRET_DAYS),
        ...(keys !== undefined && { keys }),
      });
      return { ...shownClient(client), ...(secret && shownSecret(secret)) };
    });
  },
};

const COMMANDS: Record<string, Subcommand> = {
  create,
  list: {
    options: { account: text },
    run: async (options) => {
      const accountId = options.required('account');
      return await withRegistry(async (registry) => ({
        clients: (await registry.listClients(accountId)).map(({ client, secrets }) => ({
          ...shownClient(client),
          secrets: secrets.map(shownRecord),
        })),
      }));
    },
  },
  'rotate-secret': onClient(
    { 'secret-days': text, 'overlap-days': text },
    async (registry, clientId, options) => {
      const { secret, others } = await registry.rotateSecret(clientId, {
        secretDays: options.number('secret-days', DEFAULT_SECRET_DAYS),
        overlapDays: options.number('overlap-days', DEFAULT_OVERLAP_DAYS),
      });
      return { client_id: clientId, ...shownSecret(secret), others: others.map(shownRecord) };
    },
  ),
  'revoke-secret': onClient({ secret: text }, async (registry, clientId, options) => {
    const secretId = options.required('secret');
    await registry.revokeSecret(clientId, secretId);
    return { client_id: clientId, secret_id: secretId, revoked: true };
  }),
  'set-keys': onClient({ keys: text }, async (registry, clientId, options) => {
    const keys = await registry.setKeys(clientId, await readJson(options.required('keys')));
    return { client_id: clientId, keys: keys.map(({ kid, alg }) => ({ kid, alg })) };
  }),
  'set-networks': onClient({ network: list, any: flag }, async (registry, clientId, options) =>
    shownClient(await registry.setNetworks(clientId, options.wordsOrAny('network'))),
  ),
  disable: onClient({}, async (registry, clientId) => {
    await registry.setDisabled(clientId, true);
    return { client_id: clientId, disabled: true };
  }),
  enable: onClient({}, async (registry, clientId) => {
    await registry.setDisabled(clientId, false);
    return { client_id: clientId, disabled: false };
  }),
};

/** `hushtone clients`: prints what it did, or what there is, as JSON. */
export async function runClients(args: readonly string[]): Promise<number> {
  return await runSubcommand(USAGE, COMMANDS, args);
}
