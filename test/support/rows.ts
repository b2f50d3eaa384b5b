import type { Queryable } from '../../src/db/database.ts';

/** Rows with no more than what a table asks for. */
export async function insertAccount(tx: Queryable, id: string): Promise<void> {
  await tx.query('insert into accounts (id, account_id) values ($1, $1) on conflict do nothing', [id]);
}

export async function insertCall(tx: Queryable, accountId: string, id: string): Promise<void> {
  await tx.query(
    `insert into calls (id, account_id, call_sid, instance_id, state, bridge, called_number, agent_id)
     values ($1, $2, $1, 'one', 'connected', 'dial', '2000', 'agent-1')`,
    [id, accountId],
  );
}

export async function insertCapture(
  tx: Queryable,
  accountId: string,
  callId: string,
  id: string,
): Promise<void> {
  await tx.query(
    `insert into captures (id, account_id, call_id, instance_id, status, spec, view, requested_by)
     values ($1, $2, $3, 'one', 'created', '{}', '{}', 'client')`,
    [id, accountId, callId],
  );
}

export async function insertAttempt(
  tx: Queryable,
  accountId: string,
  captureId: string,
  id: string,
): Promise<void> {
  await tx.query(
    `insert into payment_attempts (id, account_id, capture_id, provider, idempotency_key, operation, amount, currency, provider_id, mode)
     values ($1, $2, $3, 'sandbox', $1, 'charge', 1250, 'EUR', 'default', 'test')`,
    [id, accountId, captureId],
  );
}

export async function insertPayment(tx: Queryable, accountId: string, id: string): Promise<void> {
  await tx.query(
    `insert into payments
       (id, account_id, mode, purpose, status, amount, currency, requested_by, created_at, updated_at)
     values ($1, $2, 'test', 'charge', 'processing', 1250, 'EUR', 'client', now(), now())`,
    [id, accountId],
  );
}

export async function insertGrant(
  tx: Queryable,
  accountId: string,
  callId: string,
  id: string,
): Promise<void> {
  await tx.query(
    `insert into capture_grants
       (id, account_id, agent_id, call_id, purpose, amount, currency, uses, client_id, created_by, created_at, expires_at)
     select $1, $2, 'agent-1', $3, 'charge', 4200, 'EUR', 'once', 'client', 'integrator', at, at + interval '5 minutes'
     from (select now() as at) moment`,
    [id, accountId, callId],
  );
}

export async function insertIdempotencyKey(tx: Queryable, accountId: string): Promise<void> {
  await tx.query(
    `insert into idempotency_keys
       (id, account_id, key_digest, client_id, subject, operation, fingerprint, claim, claimed_at, created_at)
     values ('idk_' || $1, $1, sha256('key'), 'client', 'integrator', 'createGrant', sha256('request'), 'clm', now(), now())`,
    [accountId],
  );
}

/** In the role of the system. */
export async function insertVaultKeys(tx: Queryable): Promise<void> {
  await tx.query(
    `insert into vault_keys (id, purpose, provider, check_value)
     values ('key_' || repeat('a', 26), 'card_data', 'development', decode(repeat('00', 8), 'hex')),
       ('key_' || repeat('b', 26), 'fingerprints', 'development', decode(repeat('00', 8), 'hex')),
       ('key_' || repeat('c', 26), 'provider_credentials', 'development', decode(repeat('00', 8), 'hex'))`,
  );
}

/** Sealed under the keys of `insertVaultKeys`, with bytes that mean nothing. */
export async function insertCardToken(tx: Queryable, accountId: string, id: string): Promise<void> {
  await tx.query(
    `insert into card_tokens (id, account_id, mode, brand, last4, bin, ciphertext, wrapped_key, key_id, fingerprint,
       fingerprint_key_id, fingerprint_id, created_at, updated_at)
     values ($1, $2, 'test', 'visa', '4242', '424242', decode(repeat('00', 44), 'hex'), decode(repeat('00', 40), 'hex'),
       'key_' || repeat('a', 26), decode(repeat('00', 32), 'hex'), 'key_' || repeat('b', 26), 'fp_' || repeat('c', 26),
       now(), now())`,
    [id, accountId],
  );
}
