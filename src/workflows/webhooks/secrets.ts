import type { Queryable } from '../../db/database.ts';
import {
  destroySecrets,
  expireCurrentSecret,
  findSecrets,
  insertSecret,
} from '../../events/webhooks/secret-store.ts';
import type { SecretSeal } from '../../events/webhooks/secret-seal.ts';
import {
  newEd25519Secret,
  newHmacSecret,
  secretText,
  type NewSigningSecret,
  type SignatureScheme,
  type SigningSecret,
} from '../../events/webhooks/signature.ts';
import { newId } from '../../kernel/ids.ts';

interface Owner {
  readonly accountId: string;
  readonly id: string;
}

/** Binds a sealed secret to its row: moved elsewhere it does not open. */
function contextOf(accountId: string, endpointId: string, secretId: string): string {
  return `${accountId}/${endpointId}/${secretId}`;
}

async function addSecret(
  db: Queryable,
  seal: SecretSeal,
  { accountId, id: endpointId }: Owner,
  secret: NewSigningSecret,
  at: Date,
): Promise<void> {
  const id = newId('whs');
  await insertSecret(db, accountId, {
    id,
    endpointId,
    scheme: secret.scheme,
    sealed: seal.seal(secret.key, contextOf(accountId, endpointId, id)),
    publicKey: secret.publicKey ?? null,
    createdAt: at,
    expiresAt: null,
  });
}

/** Gives the endpoint an HMAC key, and returns the text that its owner keeps. The key is nowhere else in the clear. */
export async function addHmacSecret(
  db: Queryable,
  seal: SecretSeal,
  owner: Owner,
  at: Date,
): Promise<string> {
  const secret = newHmacSecret();
  try {
    await addSecret(db, seal, owner, secret, at);
    return secretText(secret.key);
  } finally {
    secret.key.fill(0);
  }
}

export async function addEd25519Secret(
  db: Queryable,
  seal: SecretSeal,
  owner: Owner,
  at: Date,
): Promise<void> {
  const secret = newEd25519Secret();
  try {
    await addSecret(db, seal, owner, secret, at);
  } finally {
    secret.key.fill(0);
  }
}

/** The current key of the scheme signs until `until`; what was over by `now` is destroyed. */
export async function retireSecret(
  db: Queryable,
  { id: endpointId }: Owner,
  scheme: SignatureScheme,
  now: Date,
  until: Date,
): Promise<void> {
  await expireCurrentSecret(db, endpointId, scheme, until);
  await destroySecrets(db, endpointId, now);
}

/** What signs for the endpoint at this moment. The caller wipes the keys. */
export async function openSecrets(
  db: Queryable,
  seal: SecretSeal,
  { accountId, id: endpointId }: Owner,
  at: Date,
): Promise<SigningSecret[]> {
  const stored = await findSecrets(db, [endpointId], at);
  return stored.map(({ id, scheme, sealed }) => ({
    scheme,
    key: seal.open(sealed, contextOf(accountId, endpointId, id)),
  }));
}
