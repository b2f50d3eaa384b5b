import type { Queryable } from '../db/database.ts';
import { HushtoneError } from '../kernel/errors.ts';
import { invalid } from './client-request.ts';
import { createClientSecret } from './client-secret.ts';
import { insertSecret, listSecrets, saveSecretEnd } from './client-store.ts';
import { isSecretValid, type Client, type ClientSecretRecord } from './client.ts';
import { changeClient, recordClientChange, type RegistryOptions } from './registry-store.ts';

/** The old one and the new one, for as long as a change takes. */
export const MOST_VALID_SECRETS = 2;
const LONGEST_SECRET_DAYS = 730;
const DAY_MS = 86_400_000;

/** A secret is shown here and never again. */
export interface ShownSecret {
  readonly id: string;
  readonly secret: string;
  readonly expiresAt: Date;
}

/** Throws `secret_lifetime`. */
export function endOf(days: number, now: Date): Date {
  if (!(days > 0 && days <= LONGEST_SECRET_DAYS)) {
    throw invalid('secret_lifetime', `a secret lives more than 0 and at most ${LONGEST_SECRET_DAYS} days`);
  }
  return new Date(now.getTime() + days * DAY_MS);
}

/** In the transaction that makes or changes the client. `shortened` are secrets that end sooner for the new one. */
export async function addSecret(
  options: RegistryOptions,
  db: Queryable,
  client: Client,
  made: { readonly id: string; readonly secret: string; readonly hash: string },
  now: Date,
  expiresAt: Date,
  shortened?: { readonly secrets: readonly string[]; readonly expiresAt: Date },
): Promise<ShownSecret> {
  await insertSecret(db, {
    id: made.id,
    accountId: client.accountId,
    clientId: client.id,
    hash: made.hash,
    createdAt: now,
    expiresAt,
  });
  await recordClientChange(options, db, client, {
    operation: 'client.secret.create',
    after: {
      secret_id: made.id,
      expires_at: expiresAt.toISOString(),
      ...(shortened && {
        shortened: shortened.secrets,
        shortened_until: shortened.expiresAt.toISOString(),
      }),
    },
  });
  return { id: made.id, secret: made.secret, expiresAt };
}

/**
 * A further secret; the one before stays valid for `overlapDays`, or for less when it ends earlier. Rejects with
 * `client_not_found`, `secret_lifetime`, or `client_secrets_full` when two are valid already.
 */
export async function rotateSecret(
  options: RegistryOptions,
  clientId: string,
  lifetime: { readonly secretDays: number; readonly overlapDays: number },
): Promise<{ readonly secret: ShownSecret; readonly others: readonly ClientSecretRecord[] }> {
  const now = options.clock.now();
  const end = endOf(lifetime.secretDays, now);
  const overlapEnd = endOf(lifetime.overlapDays, now);
  const made = await createClientSecret();
  return await changeClient(options, clientId, async (db, client) => {
    const valid = (await listSecrets(db, clientId)).filter((secret) => isSecretValid(secret, now));
    if (valid.length >= MOST_VALID_SECRETS) {
      throw new HushtoneError(
        'client_secrets_full',
        'conflict',
        `two secrets are valid already: ${valid.map(({ id }) => id).join(', ')}; revoke one of them first`,
      );
    }
    const outliving = valid.filter(({ expiresAt }) => expiresAt === undefined || expiresAt > overlapEnd);
    for (const { id } of outliving) await saveSecretEnd(db, id, { expiresAt: overlapEnd });
    const shortened = { secrets: outliving.map(({ id }) => id), expiresAt: overlapEnd };
    const secret = await addSecret(
      options,
      db,
      client,
      made,
      now,
      end,
      outliving.length > 0 ? shortened : undefined,
    );
    const others = (await listSecrets(db, clientId)).filter(
      (other) => other.id !== secret.id && isSecretValid(other, now),
    );
    return { secret, others };
  });
}

/** Rejects with `client_not_found` or `secret_not_found`. Revoking it again changes nothing. */
export async function revokeSecret(
  options: RegistryOptions,
  clientId: string,
  secretId: string,
): Promise<void> {
  const now = options.clock.now();
  await changeClient(options, clientId, async (db, client) => {
    const secret = (await listSecrets(db, clientId)).find(({ id }) => id === secretId);
    if (secret === undefined) {
      throw new HushtoneError('secret_not_found', 'not_found', `the client has no secret ${secretId}`);
    }
    if (secret.revokedAt !== undefined) return;
    await saveSecretEnd(db, secretId, { revokedAt: now });
    await recordClientChange(options, db, client, {
      operation: 'client.secret.revoke',
      after: { secret_id: secretId, revoked_at: now.toISOString() },
    });
  });
}
