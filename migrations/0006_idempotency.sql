-- What was asked for under an Idempotency-Key, and how it was answered: kept for 24 hours. The key itself is not here,
-- only a digest of it, and the digest of a request is keyed with it: a row alone can be held against no guess at what
-- was sent. Accounts are not referenced: a token may name one that nothing else is kept of.
create table idempotency_keys (
  id text primary key,
  account_id text not null,
  -- SHA-256 over whose key it is (client, subject, grant) and the key
  key_digest bytea not null check (octet_length(key_digest) = 32),
  client_id text not null check (not holds_digit_run(client_id)),
  subject text not null check (not holds_digit_run(subject)),
  -- the operation of openapi.yaml
  operation text not null check (length(operation) <= 64),
  -- HMAC-SHA-256 under the key, over method, path and canonical JSON body
  fingerprint bytea not null check (octet_length(fingerprint) = 32),
  state text not null default 'in_flight' check (state in ('in_flight', 'done')),
  -- who works on it: changes when a retry takes over from a process that died
  claim text not null,
  claimed_at timestamptz not null,
  status smallint check (status between 200 and 499),
  -- an answer without what is told once only
  body jsonb constraint idempotency_keys_no_secret check (not body ?| array['token', 'secret']),
  location text,
  created_at timestamptz not null,
  unique (account_id, key_digest),
  constraint idempotency_keys_done check ((state = 'done') = (status is not null)),
  constraint idempotency_keys_answer check (state = 'done' or (body is null and location is null))
);

create index idempotency_keys_age on idempotency_keys (created_at);

-- A key whose request did nothing is free again.
grant select, insert, update, delete on idempotency_keys to hushtone_server;
grant select, delete on idempotency_keys to hushtone_system;

alter table idempotency_keys enable row level security;
alter table idempotency_keys force row level security;
create policy own_account on idempotency_keys to hushtone_server
  using (account_id = current_setting('hushtone.account_id', true))
  with check (account_id = current_setting('hushtone.account_id', true));
create policy all_accounts on idempotency_keys to hushtone_system
  using (current_user = 'hushtone_system') with check (current_user = 'hushtone_system');

comment on column captures.idempotency_key is
  'The id of the idempotency_keys row that the capture was asked for under: a retry that takes over finds it.';
