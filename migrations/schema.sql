-- What the migrations add up to. Made from a migrated database; a test holds it to that.

CREATE OR REPLACE FUNCTION public.audit_append()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
declare
  content jsonb := new.record::jsonb;
begin
  if content ->> 'account_id' is distinct from new.account_id
    or (content ->> 'sequence')::bigint is distinct from new.sequence
    or new.hash is distinct from audit_hash(new.record) then
    raise exception 'the audit record does not agree with its own row'
      using errcode = 'check_violation', constraint = 'audit_records_content';
  end if;
  if holds_digit_run((content - 'previous_hash')::text) then
    raise exception 'the audit record holds as many digits in a row as a card number has'
      using errcode = 'check_violation', constraint = 'audit_records_digits';
  end if;
  update audit_heads set sequence = new.sequence, hash = new.hash
    where account_id = new.account_id and sequence = new.sequence - 1 and hash = content ->> 'previous_hash';
  if not found then
    raise exception 'the audit record does not continue the chain of its account'
      using errcode = 'check_violation', constraint = 'audit_records_chain';
  end if;
  return new;
end
$function$
;

CREATE OR REPLACE FUNCTION public.audit_hash(record text)
 RETURNS text
 LANGUAGE sql
 STABLE PARALLEL SAFE
RETURN rtrim(translate(encode(sha256(convert_to(record, 'UTF8'::name)), 'base64'::text), '+/'::text, '-_'::text), '='::text)
;

CREATE OR REPLACE FUNCTION public.audit_head(account text)
 RETURNS TABLE(head_sequence bigint, head_hash text, now_at timestamp with time zone)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
  if current_setting('role') <> 'hushtone_system'
    and account is distinct from current_setting('hushtone.account_id', true) then
    raise exception 'this transaction is not for the account' using errcode = 'insufficient_privilege';
  end if;
  insert into audit_heads (account_id, sequence, hash) values (account, 0, repeat('A', 43))
    on conflict (account_id) do nothing;
  return query
    select h.sequence, h.hash, clock_timestamp() from audit_heads h where h.account_id = account for update;
end
$function$
;

CREATE OR REPLACE FUNCTION public.audit_refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
  if current_user <> (select pg_get_userbyid(relowner) from pg_class where oid = tg_relid) then
    raise exception '% of % is refused: the audit trail is only ever added to', tg_op, tg_table_name
      using errcode = 'insufficient_privilege';
  end if;
  return null;
end
$function$
;

CREATE OR REPLACE FUNCTION public.check_attempt_transition()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if tg_op = 'INSERT' then
    if new.state <> 'processing' then
      raise exception 'a payment attempt starts as processing, not as %', new.state
        using errcode = 'check_violation', constraint = 'payment_attempts_transition';
    end if;
  elsif new.state <> old.state
    and not (old.state = 'processing')
    and not (old.state = 'unknown' and new.state in ('succeeded', 'declined', 'failed')) then
    raise exception 'a payment attempt cannot go from % to %', old.state, new.state
      using errcode = 'check_violation', constraint = 'payment_attempts_transition';
  end if;
  return new;
end
$function$
;

CREATE OR REPLACE FUNCTION public.check_card_token_transition()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
  if tg_op = 'UPDATE' then
    if old.deleted_at is not null then
      raise exception 'a card token that is deleted stays as it is'
        using errcode = 'check_violation', constraint = 'card_tokens_transition';
    end if;
    if (new.id, new.account_id, new.mode, new.look_alike, new.brand, new.last4, new.capture_id, new.created_at)
      is distinct from
      (old.id, old.account_id, old.mode, old.look_alike, old.brand, old.last4, old.capture_id, old.created_at)
      or (new.deleted_at is null and (new.bin, new.fingerprint_id) is distinct from (old.bin, old.fingerprint_id)) then
      raise exception 'a card token stays the token of its card'
        using errcode = 'check_violation', constraint = 'card_tokens_transition';
    end if;
    if new.version <> old.version + (
      case when new.deleted_at is null and new.ciphertext is distinct from old.ciphertext then 1 else 0 end
    ) then
      raise exception 'the version of a card token counts how often it was sealed'
        using errcode = 'check_violation', constraint = 'card_tokens_transition';
    end if;
    if new.deleted_at is not null then return new; end if;
  elsif new.deleted_at is not null then
    raise exception 'a card token does not begin as deleted'
      using errcode = 'check_violation', constraint = 'card_tokens_transition';
  end if;
  if (tg_op = 'INSERT'
      or (new.key_id, new.wrapped_key, new.ciphertext) is distinct from (old.key_id, old.wrapped_key, old.ciphertext))
    and not vault_key_protects(new.key_id, 'card_data') then
    raise exception 'a card is sealed under the active key only'
      using errcode = 'check_violation', constraint = 'card_tokens_active_key';
  end if;
  if (tg_op = 'INSERT'
      or (new.fingerprint_key_id, new.fingerprint) is distinct from (old.fingerprint_key_id, old.fingerprint))
    and not vault_key_protects(new.fingerprint_key_id, 'fingerprints') then
    raise exception 'a fingerprint is made under the active key only'
      using errcode = 'check_violation', constraint = 'card_tokens_active_key';
  end if;
  return new;
end
$function$
;

CREATE OR REPLACE FUNCTION public.check_grant_transition()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if new.use_count < old.use_count
    or new.use_count > old.use_count and (old.revoked_at is not null or new.revoked_at is not null)
    or (old.revoked_at is not null and new.revoked_at is distinct from old.revoked_at) then
    raise exception 'a capture grant only ever loses'
      using errcode = 'check_violation', constraint = 'capture_grants_transition';
  end if;
  return new;
end
$function$
;

CREATE OR REPLACE FUNCTION public.check_payment_transition()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if tg_op = 'INSERT' then
    if new.status not in ('requires_capture', 'processing') then
      raise exception 'a payment does not start as %', new.status
        using errcode = 'check_violation', constraint = 'payments_transition';
    end if;
    return new;
  end if;
  if (new.id, new.account_id, new.mode, new.purpose, new.amount, new.currency)
    is distinct from (old.id, old.account_id, old.mode, old.purpose, old.amount, old.currency)
    or new.capture_id is distinct from old.capture_id then
    raise exception 'what a payment is for does not change'
      using errcode = 'check_violation', constraint = 'payments_identity';
  end if;
  if new.amount_refunded < old.amount_refunded
    or (old.amount_captured > 0 and new.amount_captured <> old.amount_captured) then
    raise exception 'money that has moved does not move back unseen'
      using errcode = 'check_violation', constraint = 'payments_amounts';
  end if;
  if new.status <> old.status and not (case old.status
    when 'requires_capture' then new.status in ('processing', 'voided', 'failed')
    when 'processing' then new.status in ('authorized', 'captured', 'declined', 'failed', 'unknown')
    when 'unknown' then new.status in ('authorized', 'captured', 'declined', 'failed')
    when 'authorized' then new.status in ('captured', 'voided')
    when 'captured' then new.status in ('partially_refunded', 'refunded')
    when 'partially_refunded' then new.status = 'refunded'
    else false
  end) then
    raise exception 'a payment cannot go from % to %', old.status, new.status
      using errcode = 'check_violation', constraint = 'payments_transition';
  end if;
  return new;
end
$function$
;

CREATE OR REPLACE FUNCTION public.check_provider_transition()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if new.kind <> old.kind or new.mode <> old.mode then
    raise exception 'a provider keeps its kind and its mode'
      using errcode = 'check_violation', constraint = 'providers_transition';
  elsif old.deleted_at is not null then
    raise exception 'a provider that is deleted stays as it is'
      using errcode = 'check_violation', constraint = 'providers_transition';
  elsif new.version <> old.version + 1 then
    raise exception 'every change of a provider has a version of its own'
      using errcode = 'check_violation', constraint = 'providers_transition';
  elsif new.configuration_version not in (old.configuration_version, old.configuration_version + 1)
    or (new.configuration <> old.configuration and new.configuration_version = old.configuration_version) then
    raise exception 'every configuration of a provider has a number of its own'
      using errcode = 'check_violation', constraint = 'providers_transition';
  end if;
  return new;
end
$function$
;

CREATE OR REPLACE FUNCTION public.check_vault_key()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
declare
  named text := to_jsonb(new) ->> tg_argv[1];
begin
  if named is null or (tg_op = 'UPDATE' and named = to_jsonb(old) ->> tg_argv[1]) then
    return new;
  end if;
  perform from vault_keys
    where id = named and purpose = tg_argv[0] and state in ('active', 'decrypt_only')
    for key share;
  if not found then
    raise exception 'the key % may not be used for %', named, tg_argv[0]
      using errcode = 'check_violation', constraint = 'vault_key_usable';
  end if;
  return new;
end
$function$
;

CREATE OR REPLACE FUNCTION public.check_vault_key_transition()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
  if tg_op = 'INSERT' then
    if new.state <> 'active' then
      raise exception 'a key starts as active, not as %', new.state
        using errcode = 'check_violation', constraint = 'vault_keys_transition';
    end if;
    return new;
  end if;
  if (new.id, new.purpose, new.provider, new.check_value, new.created_at)
    is distinct from (old.id, old.purpose, old.provider, old.check_value, old.created_at) then
    raise exception 'of a key only the state changes'
      using errcode = 'check_violation', constraint = 'vault_keys_transition';
  end if;
  if new.state <> old.state then
    if (old.state, new.state) not in (
      ('active', 'decrypt_only'), ('decrypt_only', 'retired'), ('retired', 'decrypt_only'), ('retired', 'destroyed')
    ) then
      raise exception 'a key cannot go from % to %', old.state, new.state
        using errcode = 'check_violation', constraint = 'vault_keys_transition';
    end if;
    case new.state
      when 'decrypt_only' then new.decrypt_only_at := clock_timestamp();
      when 'retired' then new.retired_at := clock_timestamp();
      else new.destroyed_at := clock_timestamp();
    end case;
  end if;
  return new;
end
$function$
;

CREATE OR REPLACE FUNCTION public.check_vault_key_without_cards()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
  if exists (select from card_tokens where key_id = new.id)
    or exists (select from card_tokens where fingerprint_key_id = new.id and fingerprint is not null) then
    raise exception 'card tokens need the key %', new.id
      using errcode = 'check_violation', constraint = 'vault_keys_without_cards';
  end if;
  return new;
end
$function$
;

CREATE OR REPLACE FUNCTION public.enqueue_webhook_delivery(account_id text, delivery_id text, delay_ms double precision)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  perform graphile_worker.add_job(
    'webhook_delivery',
    json_build_object('account_id', account_id, 'delivery_id', delivery_id),
    run_at => now() + greatest(delay_ms, 0) * interval '1 millisecond',
    job_key => 'webhook:' || delivery_id
  );
end
$function$
;

CREATE OR REPLACE FUNCTION public.holds_digit_run(value text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN (value ~ '[0-9]{12}'::text)
;

CREATE OR REPLACE FUNCTION public.notify_vault_keys()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
  perform pg_notify('hushtone_vault_keys', '');
  return null;
end
$function$
;

CREATE OR REPLACE FUNCTION public.passes_luhn(digits text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
RETURN (SELECT ((sum(CASE WHEN (of_digits.weighted > 9) THEN (of_digits.weighted - 9) ELSE of_digits.weighted END) % (10)::bigint) = 0) FROM (SELECT ((substr(passes_luhn.digits, place.place, 1))::integer * (1 + ((length(passes_luhn.digits) - place.place) % 2))) AS weighted FROM generate_series(1, length(passes_luhn.digits)) place(place)) of_digits)
;

CREATE OR REPLACE FUNCTION public.vault_key_protects(key_id text, key_purpose text)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'public', 'pg_temp'
AS $function$
begin
  perform from vault_keys where id = key_id and purpose = key_purpose and state = 'active' for share;
  return found;
end
$function$
;

create table account_event_counters (
  account_id text not null,
  last_sequence bigint not null
);

create table account_events (
  account_id text not null,
  sequence bigint not null,
  id text not null,
  type text not null,
  capture_id text,
  data jsonb not null,
  created_at timestamp with time zone not null
);

create table accounts (
  id text not null,
  account_id text not null,
  created_at timestamp with time zone not null default now(),
  networks cidr[] not null default '{}'::cidr[]
);

create table audit_checkpoints (
  account_id text not null,
  sequence bigint not null,
  jws text not null,
  at timestamp with time zone not null default now()
);

create table audit_heads (
  account_id text not null,
  sequence bigint not null,
  hash text not null
);

create table audit_records (
  account_id text not null,
  sequence bigint not null,
  record text not null,
  hash text not null,
  at text not null generated always as (((record)::jsonb ->> 'at'::text)) stored,
  operation text not null generated always as (((record)::jsonb ->> 'operation'::text)) stored,
  result text not null generated always as (((record)::jsonb ->> 'result'::text)) stored,
  subject text generated always as (((record)::jsonb #>> '{actor,subject}'::text[])) stored,
  client_id text generated always as (((record)::jsonb #>> '{actor,client_id}'::text[])) stored,
  object_type text not null generated always as (((record)::jsonb #>> '{object,type}'::text[])) stored,
  object_id text not null generated always as (((record)::jsonb #>> '{object,id}'::text[])) stored
);

create table calls (
  id text not null,
  account_id text not null,
  call_sid text not null,
  agent_call_sid text,
  agent_leg_call_id text,
  conference_name text,
  instance_id text not null,
  state text not null,
  bridge text not null,
  transport text not null default 'unknown'::text,
  caller_number bytea,
  called_number text not null,
  agent_id text not null,
  lock jsonb,
  "end" text,
  started_at timestamp with time zone not null default now(),
  connected_at timestamp with time zone,
  ended_at timestamp with time zone,
  caller_number_index bytea,
  caller_number_key_id text generated always as (
CASE
    WHEN (SUBSTRING(caller_number FROM 1 FOR 1) = '\x02'::bytea) THEN encode(SUBSTRING(caller_number FROM 2 FOR 30), 'escape'::text)
    ELSE NULL::text
END) stored
);

create table capture_events (
  account_id text not null,
  capture_id text not null,
  sequence integer not null,
  type text not null,
  payload jsonb not null,
  created_at timestamp with time zone not null default now()
);

create table capture_grants (
  id text not null,
  account_id text not null,
  agent_id text not null,
  call_id text,
  purpose text not null,
  amount bigint,
  currency character(3),
  fields jsonb,
  uses text not null,
  use_count integer not null default 0,
  client_id text not null,
  created_by text not null,
  created_at timestamp with time zone not null,
  expires_at timestamp with time zone not null,
  revoked_at timestamp with time zone
);

create table captures (
  id text not null,
  account_id text not null,
  call_id text not null,
  instance_id text not null,
  status text not null,
  reason text,
  purpose text,
  amount bigint,
  currency character(3),
  reference text,
  spec jsonb not null,
  view jsonb not null,
  evidence jsonb,
  idempotency_key text,
  requested_by text not null,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  ended_at timestamp with time zone,
  grant_id text
);

create table card_tokens (
  id text not null,
  account_id text not null,
  mode text not null,
  look_alike character(16),
  customer_reference text,
  brand text not null,
  last4 character(4) not null,
  bin text,
  expiry_month smallint,
  expiry_year smallint,
  ciphertext bytea,
  wrapped_key bytea,
  key_id text,
  version integer not null default 1,
  fingerprint bytea,
  fingerprint_key_id text,
  fingerprint_id text,
  capture_id text,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null,
  expires_at timestamp with time zone,
  deleted_at timestamp with time zone,
  deleted_reason text
);

create table client_assertions (
  account_id text not null,
  client_id text not null,
  jti_hash bytea not null,
  expires_at timestamp with time zone not null
);

create table client_secrets (
  id text not null,
  account_id text not null,
  client_id text not null,
  hash text not null,
  created_at timestamp with time zone not null,
  expires_at timestamp with time zone,
  revoked_at timestamp with time zone,
  last_used_at timestamp with time zone
);

create table clients (
  id text not null,
  account_id text not null,
  name text not null,
  roles text[] not null,
  scopes text[] not null,
  networks cidr[] not null default '{}'::cidr[],
  public_keys jsonb not null default '[]'::jsonb,
  certificate_bound boolean not null default false,
  created_at timestamp with time zone not null,
  disabled_at timestamp with time zone
);

create table idempotency_keys (
  id text not null,
  account_id text not null,
  key_digest bytea not null,
  client_id text not null,
  subject text not null,
  operation text not null,
  fingerprint bytea not null,
  state text not null default 'in_flight'::text,
  claim text not null,
  claimed_at timestamp with time zone not null,
  status smallint,
  body jsonb,
  location text,
  created_at timestamp with time zone not null
);

create table login_failures (
  source bytea not null,
  failures integer not null,
  last_failure_at timestamp with time zone not null,
  locked_until timestamp with time zone
);

create table payment_attempts (
  id text not null,
  account_id text not null,
  capture_id text,
  provider text not null,
  idempotency_key text not null,
  operation text not null,
  amount bigint,
  currency character(3),
  state text not null default 'processing'::text,
  provider_reference text,
  provider_token text,
  authorization_code text,
  brand text,
  last4 character(4),
  decline_reason text,
  raw_code text,
  failure text,
  created_at timestamp with time zone not null default now(),
  finished_at timestamp with time zone,
  payment_id text,
  provider_id text not null,
  mode text not null,
  request_fingerprint bytea,
  reference text,
  token text,
  idempotency_id text,
  instance_id text,
  holder text,
  lease_until timestamp with time zone not null default '-infinity'::timestamp with time zone,
  sends smallint not null default 1,
  settled_by text,
  settlement_reason text,
  contradicted_at timestamp with time zone,
  configuration_version integer
);

create table payments (
  id text not null,
  account_id text not null,
  mode text not null,
  purpose text not null,
  status text not null,
  amount bigint not null,
  currency character(3) not null,
  amount_captured bigint not null default 0,
  amount_refunded bigint not null default 0,
  reference text,
  customer_reference text,
  initiated_by text not null default 'cardholder'::text,
  capture_id text,
  token text,
  token_to_shred text,
  source_provider_token text,
  provider_token text,
  brand text,
  last4 character(4),
  provider_id text,
  provider_kind text,
  provider_reference text,
  authorization_code text,
  decline_reason text,
  failure text,
  requested_by text not null,
  idempotency_key text,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null
);

create table provider_routing_rules (
  id text not null,
  account_id text not null,
  "position" integer not null,
  mode text not null,
  currencies text[] not null default '{}'::text[],
  brands text[] not null default '{}'::text[],
  purposes text[] not null default '{}'::text[],
  amount_from bigint,
  amount_to bigint,
  providers text[] not null,
  created_at timestamp with time zone not null
);

create table provider_secrets (
  account_id text not null,
  provider_id text not null,
  pointer text not null,
  version integer not null,
  key_id text not null,
  wrapped_key bytea not null,
  ciphertext bytea not null,
  hint text,
  created_at timestamp with time zone not null
);

create table providers (
  id text not null,
  account_id text not null,
  kind text not null,
  name text not null,
  mode text not null,
  configuration jsonb not null,
  state text not null default 'active'::text,
  version integer not null default 1,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null,
  deleted_at timestamp with time zone,
  configuration_version integer not null default 1
);

create table vault_keys (
  id text not null,
  purpose text not null,
  state text not null default 'active'::text,
  provider text not null,
  check_value bytea not null,
  created_at timestamp with time zone not null default clock_timestamp(),
  activated_at timestamp with time zone not null default clock_timestamp(),
  decrypt_only_at timestamp with time zone,
  retired_at timestamp with time zone,
  destroyed_at timestamp with time zone
);

create table webhook_attempts (
  account_id text not null,
  delivery_id text not null,
  attempt integer not null,
  started_at timestamp with time zone not null,
  duration_ms integer not null,
  response_status integer,
  error text
);

create table webhook_deliveries (
  id text not null,
  account_id text not null,
  endpoint_id text not null,
  event_sequence bigint not null,
  stream text not null,
  state text not null default 'pending'::text,
  attempts integer not null default 0,
  tries integer not null default 0,
  next_attempt_at timestamp with time zone,
  leased_until timestamp with time zone,
  replayed_at timestamp with time zone,
  created_at timestamp with time zone not null,
  finished_at timestamp with time zone
);

create table webhook_endpoints (
  id text not null,
  account_id text not null,
  url text not null,
  description text not null default ''::text,
  event_types text[] not null default '{}'::text[],
  ed25519 boolean not null default false,
  enabled boolean not null default true,
  disabled_reason text,
  disabled_at timestamp with time zone,
  created_at timestamp with time zone not null,
  updated_at timestamp with time zone not null,
  deleted_at timestamp with time zone
);

create table webhook_secrets (
  id text not null,
  account_id text not null,
  endpoint_id text not null,
  scheme text not null,
  sealed bytea not null,
  public_key text,
  created_at timestamp with time zone not null,
  expires_at timestamp with time zone
);

alter table account_event_counters add constraint account_event_counters_last_sequence_check CHECK ((last_sequence > 0));

alter table account_event_counters add constraint account_event_counters_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id);

alter table account_event_counters add constraint account_event_counters_pkey PRIMARY KEY (account_id);

alter table account_events add constraint account_events_data_check CHECK ((octet_length((data)::text) < 16384));

alter table account_events add constraint account_events_sequence_check CHECK ((sequence > 0));

alter table account_events add constraint account_events_account_id_capture_id_fkey FOREIGN KEY (account_id, capture_id) REFERENCES captures(account_id, id);

alter table account_events add constraint account_events_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id);

alter table account_events add constraint account_events_pkey PRIMARY KEY (account_id, sequence);

alter table account_events add constraint account_events_id_key UNIQUE (id);

alter table accounts add constraint accounts_id_check CHECK ((id ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'::text));

alter table accounts add constraint accounts_own_account CHECK ((account_id = id));

alter table accounts add constraint accounts_pkey PRIMARY KEY (id);

alter table audit_checkpoints add constraint audit_checkpoints_account_id_check CHECK ((account_id ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'::text));

alter table audit_checkpoints add constraint audit_checkpoints_sequence_check CHECK ((sequence > 0));

alter table audit_checkpoints add constraint audit_checkpoints_pkey PRIMARY KEY (account_id, sequence);

alter table audit_heads add constraint audit_heads_account_id_check CHECK ((account_id ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'::text));

alter table audit_heads add constraint audit_heads_hash_check CHECK ((hash ~ '^[A-Za-z0-9_-]{43}$'::text));

alter table audit_heads add constraint audit_heads_sequence_check CHECK ((sequence >= 0));

alter table audit_heads add constraint audit_heads_pkey PRIMARY KEY (account_id);

alter table audit_records add constraint audit_records_account_id_check CHECK ((account_id ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'::text));

alter table audit_records add constraint audit_records_at_check CHECK ((at ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{3}Z$'::text));

alter table audit_records add constraint audit_records_hash_check CHECK ((hash ~ '^[A-Za-z0-9_-]{43}$'::text));

alter table audit_records add constraint audit_records_result_check CHECK ((result = ANY (ARRAY['done'::text, 'refused'::text, 'failed'::text])));

alter table audit_records add constraint audit_records_sequence_check CHECK ((sequence > 0));

alter table audit_records add constraint audit_records_pkey PRIMARY KEY (account_id, sequence);

alter table calls add constraint calls_bridge_check CHECK ((bridge = ANY (ARRAY['dial'::text, 'conference'::text])));

alter table calls add constraint calls_caller_number_index CHECK ((octet_length(caller_number_index) = 32));

alter table calls add constraint calls_caller_number_sealed CHECK (((caller_number IS NULL) OR
CASE SUBSTRING(caller_number FROM 1 FOR 1)
    WHEN '\x01'::bytea THEN ((octet_length(caller_number) >= 30) AND (octet_length(caller_number) <= 1100))
    WHEN '\x02'::bytea THEN ((octet_length(caller_number) >= 100) AND (octet_length(caller_number) <= 1200))
    ELSE false
END));

alter table calls add constraint calls_end_check CHECK (("end" = ANY (ARRAY['caller_hung_up'::text, 'agent_hung_up'::text, 'agent_busy'::text, 'agent_no_answer'::text, 'failed'::text])));

alter table calls add constraint calls_end_time CHECK (((state = 'ended'::text) = (ended_at IS NOT NULL)));

alter table calls add constraint calls_state_check CHECK ((state = ANY (ARRAY['ringing'::text, 'connected'::text, 'ended'::text])));

alter table calls add constraint calls_transport_check CHECK ((transport = ANY (ARRAY['unknown'::text, 'events'::text, 'tones'::text, 'bleed'::text])));

alter table calls add constraint calls_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id);

alter table calls add constraint calls_pkey PRIMARY KEY (id);

alter table calls add constraint calls_account_id_id_key UNIQUE (account_id, id);

alter table calls add constraint calls_call_sid_key UNIQUE (call_sid);

alter table capture_events add constraint capture_events_sequence_check CHECK ((sequence > 0));

alter table capture_events add constraint capture_events_account_id_capture_id_fkey FOREIGN KEY (account_id, capture_id) REFERENCES captures(account_id, id);

alter table capture_events add constraint capture_events_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id);

alter table capture_events add constraint capture_events_pkey PRIMARY KEY (capture_id, sequence);

alter table capture_grants add constraint capture_grants_agent_id_check CHECK ((NOT holds_digit_run(agent_id)));

alter table capture_grants add constraint capture_grants_amount_and_currency CHECK (((amount IS NULL) = (currency IS NULL)));

alter table capture_grants add constraint capture_grants_amount_and_purpose CHECK (((amount IS NULL) OR (purpose <> 'tokenize'::text)));

alter table capture_grants add constraint capture_grants_amount_check CHECK ((amount > 0));

alter table capture_grants add constraint capture_grants_client_id_check CHECK ((NOT holds_digit_run(client_id)));

alter table capture_grants add constraint capture_grants_created_by_check CHECK ((NOT holds_digit_run(created_by)));

alter table capture_grants add constraint capture_grants_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text));

alter table capture_grants add constraint capture_grants_lifetime CHECK (((expires_at > created_at) AND (expires_at <= (created_at + '00:15:00'::interval))));

alter table capture_grants add constraint capture_grants_once CHECK (((uses = 'many'::text) OR (use_count <= 1)));

alter table capture_grants add constraint capture_grants_purpose_check CHECK ((purpose = ANY (ARRAY['charge'::text, 'authorize'::text, 'tokenize'::text, 'charge_and_save'::text])));

alter table capture_grants add constraint capture_grants_use_count_check CHECK ((use_count >= 0));

alter table capture_grants add constraint capture_grants_uses_check CHECK ((uses = ANY (ARRAY['once'::text, 'many'::text])));

alter table capture_grants add constraint capture_grants_account_id_call_id_fkey FOREIGN KEY (account_id, call_id) REFERENCES calls(account_id, id);

alter table capture_grants add constraint capture_grants_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id);

alter table capture_grants add constraint capture_grants_pkey PRIMARY KEY (id);

alter table capture_grants add constraint capture_grants_account_id_id_key UNIQUE (account_id, id);

alter table captures add constraint captures_amount_and_currency CHECK (((amount IS NULL) = (currency IS NULL)));

alter table captures add constraint captures_amount_check CHECK ((amount > 0));

alter table captures add constraint captures_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text));

alter table captures add constraint captures_end_time CHECK (((ended_at IS NOT NULL) = (status = ANY (ARRAY['succeeded'::text, 'declined'::text, 'failed'::text, 'cancelled'::text, 'expired'::text, 'abandoned'::text, 'interrupted'::text]))));

alter table captures add constraint captures_purpose_check CHECK ((purpose = ANY (ARRAY['charge'::text, 'authorize'::text, 'tokenize'::text, 'charge_and_save'::text])));

alter table captures add constraint captures_reason_check CHECK ((NOT holds_digit_run(reason)));

alter table captures add constraint captures_reference_check CHECK ((NOT holds_digit_run(reference)));

alter table captures add constraint captures_requested_by_check CHECK ((NOT holds_digit_run(requested_by)));

alter table captures add constraint captures_status_check CHECK ((status = ANY (ARRAY['created'::text, 'securing'::text, 'collecting'::text, 'ready'::text, 'processing'::text, 'succeeded'::text, 'declined'::text, 'failed'::text, 'cancelled'::text, 'expired'::text, 'abandoned'::text, 'interrupted'::text])));

alter table captures add constraint captures_account_id_call_id_fkey FOREIGN KEY (account_id, call_id) REFERENCES calls(account_id, id);

alter table captures add constraint captures_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id);

alter table captures add constraint captures_account_id_grant_id_fkey FOREIGN KEY (account_id, grant_id) REFERENCES capture_grants(account_id, id);

alter table captures add constraint captures_pkey PRIMARY KEY (id);

alter table captures add constraint captures_account_id_id_key UNIQUE (account_id, id);

alter table card_tokens add constraint card_tokens_bin CHECK (((length(bin) = 6) OR (octet_length(ciphertext) >= 44)));

alter table card_tokens add constraint card_tokens_bin_check CHECK ((bin ~ '^([0-9]{6}|[0-9]{8})$'::text));

alter table card_tokens add constraint card_tokens_brand_check CHECK ((brand = ANY (ARRAY['visa'::text, 'mastercard'::text, 'amex'::text, 'discover'::text, 'diners'::text, 'jcb'::text, 'unionpay'::text, 'maestro'::text, 'mir'::text])));

alter table card_tokens add constraint card_tokens_ciphertext_check CHECK (((octet_length(ciphertext) >= 40) AND (octet_length(ciphertext) <= 47)));

alter table card_tokens add constraint card_tokens_customer_reference_check CHECK ((((length(customer_reference) >= 1) AND (length(customer_reference) <= 64)) AND (NOT holds_digit_run(customer_reference))));

alter table card_tokens add constraint card_tokens_deleted CHECK (((deleted_at IS NULL) = (deleted_reason IS NULL)));

alter table card_tokens add constraint card_tokens_deleted_reason_check CHECK ((deleted_reason = ANY (ARRAY['by_request'::text, 'expired'::text, 'declined'::text, 'capture_ended'::text])));

alter table card_tokens add constraint card_tokens_expiry CHECK (((expiry_month IS NULL) = (expiry_year IS NULL)));

alter table card_tokens add constraint card_tokens_expiry_month_check CHECK (((expiry_month >= 1) AND (expiry_month <= 12)));

alter table card_tokens add constraint card_tokens_expiry_year_check CHECK (((expiry_year >= 1950) AND (expiry_year <= 2150)));

alter table card_tokens add constraint card_tokens_fingerprint_check CHECK ((octet_length(fingerprint) = 32));

alter table card_tokens add constraint card_tokens_fingerprint_id_check CHECK (((fingerprint_id ~ '^fp_[0-9a-z]{26}$'::text) AND (NOT holds_digit_run(fingerprint_id))));

alter table card_tokens add constraint card_tokens_id_check CHECK (((id ~ '^tok_card_[0-9a-z]{26}$'::text) AND (NOT holds_digit_run(id))));

alter table card_tokens add constraint card_tokens_last4_check CHECK ((last4 ~ '^[0-9]{4}$'::text));

alter table card_tokens add constraint card_tokens_look_alike_check CHECK (((look_alike ~ '^1[0-9]{15}$'::text) AND (NOT passes_luhn((look_alike)::text))));

alter table card_tokens add constraint card_tokens_look_alike_last4 CHECK (("right"((look_alike)::text, 4) = (last4)::text));

alter table card_tokens add constraint card_tokens_mode_check CHECK ((mode = ANY (ARRAY['test'::text, 'live'::text])));

alter table card_tokens add constraint card_tokens_shredded CHECK (
CASE
    WHEN (deleted_at IS NULL) THEN (num_nulls(ciphertext, wrapped_key, key_id, fingerprint, fingerprint_key_id, fingerprint_id, bin) = 0)
    ELSE (num_nonnulls(ciphertext, wrapped_key, key_id, fingerprint, fingerprint_key_id, fingerprint_id, bin, expiry_month, expiry_year, customer_reference) = 0)
END);

alter table card_tokens add constraint card_tokens_version_check CHECK ((version > 0));

alter table card_tokens add constraint card_tokens_wrapped_key_check CHECK ((octet_length(wrapped_key) = 40));

alter table card_tokens add constraint card_tokens_account_id_capture_id_fkey FOREIGN KEY (account_id, capture_id) REFERENCES captures(account_id, id);

alter table card_tokens add constraint card_tokens_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id);

alter table card_tokens add constraint card_tokens_fingerprint_key_id_fkey FOREIGN KEY (fingerprint_key_id) REFERENCES vault_keys(id);

alter table card_tokens add constraint card_tokens_key_id_fkey FOREIGN KEY (key_id) REFERENCES vault_keys(id);

alter table card_tokens add constraint card_tokens_pkey PRIMARY KEY (id);

alter table card_tokens add constraint card_tokens_look_alike UNIQUE (account_id, look_alike);

alter table client_assertions add constraint client_assertions_jti_hash_check CHECK ((octet_length(jti_hash) = 32));

alter table client_assertions add constraint client_assertions_account_id_client_id_fkey FOREIGN KEY (account_id, client_id) REFERENCES clients(account_id, id);

alter table client_assertions add constraint client_assertions_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id);

alter table client_assertions add constraint client_assertions_pkey PRIMARY KEY (client_id, jti_hash);

alter table client_secrets add constraint client_secrets_check CHECK ((expires_at > created_at));

alter table client_secrets add constraint client_secrets_hash_check CHECK ((hash ~~ '$argon2id$%'::text));

alter table client_secrets add constraint client_secrets_id_check CHECK ((id ~ '^sec_[0-9a-z]{26}$'::text));

alter table client_secrets add constraint client_secrets_account_id_client_id_fkey FOREIGN KEY (account_id, client_id) REFERENCES clients(account_id, id);

alter table client_secrets add constraint client_secrets_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id);

alter table client_secrets add constraint client_secrets_pkey PRIMARY KEY (id);

alter table clients add constraint clients_id_check CHECK ((id ~ '^cli_[0-9a-z]{26}$'::text));

alter table clients add constraint clients_name_check CHECK ((((length(name) >= 1) AND (length(name) <= 100)) AND (NOT holds_digit_run(name))));

alter table clients add constraint clients_public_keys_check CHECK ((jsonb_typeof(public_keys) = 'array'::text));

alter table clients add constraint clients_roles_check CHECK (((cardinality(roles) > 0) AND (roles <@ ARRAY['integrator'::text, 'agent'::text, 'supervisor'::text, 'auditor'::text, 'admin'::text])));

alter table clients add constraint clients_scopes_check CHECK ((array_position(scopes, NULL::text) IS NULL));

alter table clients add constraint clients_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id);

alter table clients add constraint clients_pkey PRIMARY KEY (id);

alter table clients add constraint clients_account_id_id_key UNIQUE (account_id, id);

alter table idempotency_keys add constraint idempotency_keys_answer CHECK (((state = 'done'::text) OR ((body IS NULL) AND (location IS NULL))));

alter table idempotency_keys add constraint idempotency_keys_client_id_check CHECK ((NOT holds_digit_run(client_id)));

alter table idempotency_keys add constraint idempotency_keys_done CHECK (((state = 'done'::text) = (status IS NOT NULL)));

alter table idempotency_keys add constraint idempotency_keys_fingerprint_check CHECK ((octet_length(fingerprint) = 32));

alter table idempotency_keys add constraint idempotency_keys_key_digest_check CHECK ((octet_length(key_digest) = 32));

alter table idempotency_keys add constraint idempotency_keys_no_secret CHECK (((NOT (body ? 'secret'::text)) AND ((NOT (body ? 'token'::text)) OR ((body ->> 'token'::text) ~ '^tok_card_[0-9a-z]{26}$'::text))));

alter table idempotency_keys add constraint idempotency_keys_operation_check CHECK ((length(operation) <= 64));

alter table idempotency_keys add constraint idempotency_keys_state_check CHECK ((state = ANY (ARRAY['in_flight'::text, 'done'::text])));

alter table idempotency_keys add constraint idempotency_keys_status_check CHECK (((status >= 200) AND (status <= 499)));

alter table idempotency_keys add constraint idempotency_keys_subject_check CHECK ((NOT holds_digit_run(subject)));

alter table idempotency_keys add constraint idempotency_keys_pkey PRIMARY KEY (id);

alter table idempotency_keys add constraint idempotency_keys_account_id_key_digest_key UNIQUE (account_id, key_digest);

alter table login_failures add constraint login_failures_failures_check CHECK ((failures > 0));

alter table login_failures add constraint login_failures_source_check CHECK ((octet_length(source) = 32));

alter table login_failures add constraint login_failures_pkey PRIMARY KEY (source);

alter table payment_attempts add constraint payment_attempts_amount_and_currency CHECK (((amount IS NULL) = (currency IS NULL)));

alter table payment_attempts add constraint payment_attempts_amount_and_operation CHECK (((amount IS NULL) = (operation = ANY (ARRAY['tokenize'::text, 'void'::text]))));

alter table payment_attempts add constraint payment_attempts_amount_check CHECK ((amount > 0));

alter table payment_attempts add constraint payment_attempts_authorization_code_check CHECK ((NOT holds_digit_run(authorization_code)));

alter table payment_attempts add constraint payment_attempts_brand_check CHECK ((NOT holds_digit_run(brand)));

alter table payment_attempts add constraint payment_attempts_configuration_version_check CHECK ((configuration_version > 0));

alter table payment_attempts add constraint payment_attempts_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text));

alter table payment_attempts add constraint payment_attempts_decline_reason_check CHECK ((NOT holds_digit_run(decline_reason)));

alter table payment_attempts add constraint payment_attempts_failure_check CHECK ((NOT holds_digit_run(failure)));

alter table payment_attempts add constraint payment_attempts_last4_check CHECK ((last4 ~ '^[0-9]{4}$'::text));

alter table payment_attempts add constraint payment_attempts_mode_check CHECK ((mode = ANY (ARRAY['test'::text, 'live'::text])));

alter table payment_attempts add constraint payment_attempts_of_something CHECK (((payment_id IS NOT NULL) OR (capture_id IS NOT NULL) OR (operation = 'tokenize'::text)));

alter table payment_attempts add constraint payment_attempts_operation CHECK ((operation = ANY (ARRAY['charge'::text, 'authorize'::text, 'tokenize'::text, 'charge_and_save'::text, 'capture'::text, 'void'::text, 'refund'::text])));

alter table payment_attempts add constraint payment_attempts_raw_code_check CHECK ((NOT holds_digit_run(raw_code)));

alter table payment_attempts add constraint payment_attempts_reference_check CHECK ((NOT holds_digit_run(reference)));

alter table payment_attempts add constraint payment_attempts_request_fingerprint_check CHECK ((octet_length(request_fingerprint) = 32));

alter table payment_attempts add constraint payment_attempts_sends_check CHECK (((sends >= 1) AND (sends <= 10)));

alter table payment_attempts add constraint payment_attempts_settled_by_check CHECK ((((length(settled_by) >= 1) AND (length(settled_by) <= 128)) AND (NOT holds_digit_run(settled_by))));

alter table payment_attempts add constraint payment_attempts_settled_by_hand CHECK ((((settled_by IS NULL) = (settlement_reason IS NULL)) AND ((settled_by IS NULL) OR (state = ANY (ARRAY['succeeded'::text, 'declined'::text, 'failed'::text])))));

alter table payment_attempts add constraint payment_attempts_settlement_reason_check CHECK ((((length(settlement_reason) >= 1) AND (length(settlement_reason) <= 500)) AND (NOT holds_digit_run(settlement_reason))));

alter table payment_attempts add constraint payment_attempts_state_check CHECK ((state = ANY (ARRAY['processing'::text, 'succeeded'::text, 'declined'::text, 'failed'::text, 'unknown'::text])));

alter table payment_attempts add constraint payment_attempts_token_check CHECK ((token ~ '^tok_card_[0-9a-z]{26}$'::text));

alter table payment_attempts add constraint payment_attempts_account_id_capture_id_fkey FOREIGN KEY (account_id, capture_id) REFERENCES captures(account_id, id);

alter table payment_attempts add constraint payment_attempts_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id);

alter table payment_attempts add constraint payment_attempts_payment FOREIGN KEY (account_id, payment_id) REFERENCES payments(account_id, id);

alter table payment_attempts add constraint payment_attempts_pkey PRIMARY KEY (id);

alter table payment_attempts add constraint payment_attempts_idempotency_key_key UNIQUE (idempotency_key);

alter table payments add constraint payments_amount_captured_check CHECK ((amount_captured >= 0));

alter table payments add constraint payments_amount_check CHECK ((amount > 0));

alter table payments add constraint payments_amount_refunded_check CHECK ((amount_refunded >= 0));

alter table payments add constraint payments_authorization_code_check CHECK ((NOT holds_digit_run(authorization_code)));

alter table payments add constraint payments_brand_check CHECK ((NOT holds_digit_run(brand)));

alter table payments add constraint payments_capture CHECK (((capture_id IS NOT NULL) OR (status <> 'requires_capture'::text)));

alter table payments add constraint payments_captured CHECK (((amount_captured > 0) = (status = ANY (ARRAY['captured'::text, 'partially_refunded'::text, 'refunded'::text]))));

alter table payments add constraint payments_captured_of_amount CHECK ((amount_captured <= amount));

alter table payments add constraint payments_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text));

alter table payments add constraint payments_customer_reference_check CHECK ((NOT holds_digit_run(customer_reference)));

alter table payments add constraint payments_decline CHECK (((decline_reason IS NOT NULL) = (status = 'declined'::text)));

alter table payments add constraint payments_decline_reason_check CHECK ((NOT holds_digit_run(decline_reason)));

alter table payments add constraint payments_failure CHECK (((failure IS NULL) OR (status = 'failed'::text)));

alter table payments add constraint payments_failure_check CHECK ((NOT holds_digit_run(failure)));

alter table payments add constraint payments_id_check CHECK ((id ~ '^pay_[0-9a-z]+$'::text));

alter table payments add constraint payments_initiated_by_check CHECK ((initiated_by = ANY (ARRAY['cardholder'::text, 'merchant'::text])));

alter table payments add constraint payments_last4_check CHECK ((last4 ~ '^[0-9]{4}$'::text));

alter table payments add constraint payments_mode_check CHECK ((mode = ANY (ARRAY['test'::text, 'live'::text])));

alter table payments add constraint payments_provider CHECK (((provider_id IS NULL) = (provider_kind IS NULL)));

alter table payments add constraint payments_purpose_check CHECK ((purpose = ANY (ARRAY['charge'::text, 'authorize'::text, 'charge_and_save'::text])));

alter table payments add constraint payments_reference_check CHECK ((NOT holds_digit_run(reference)));

alter table payments add constraint payments_refunded CHECK (
CASE status
    WHEN 'refunded'::text THEN (amount_refunded = amount_captured)
    WHEN 'partially_refunded'::text THEN ((amount_refunded > 0) AND (amount_refunded < amount_captured))
    ELSE (amount_refunded = 0)
END);

alter table payments add constraint payments_refunded_of_captured CHECK ((amount_refunded <= amount_captured));

alter table payments add constraint payments_requested_by_check CHECK ((NOT holds_digit_run(requested_by)));

alter table payments add constraint payments_status_check CHECK ((status = ANY (ARRAY['requires_capture'::text, 'processing'::text, 'authorized'::text, 'captured'::text, 'partially_refunded'::text, 'refunded'::text, 'voided'::text, 'declined'::text, 'failed'::text, 'unknown'::text])));

alter table payments add constraint payments_token_check CHECK ((token ~ '^tok_card_[0-9a-z]{26}$'::text));

alter table payments add constraint payments_token_to_shred_check CHECK ((token_to_shred ~ '^tok_card_[0-9a-z]{26}$'::text));

alter table payments add constraint payments_account_id_capture_id_fkey FOREIGN KEY (account_id, capture_id) REFERENCES captures(account_id, id);

alter table payments add constraint payments_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id);

alter table payments add constraint payments_pkey PRIMARY KEY (id);

alter table payments add constraint payments_account_id_id_key UNIQUE (account_id, id);

alter table provider_routing_rules add constraint provider_routing_rules_amount_from_check CHECK ((amount_from > 0));

alter table provider_routing_rules add constraint provider_routing_rules_amount_to_check CHECK ((amount_to > 0));

alter table provider_routing_rules add constraint provider_routing_rules_amounts CHECK ((amount_from <= amount_to));

alter table provider_routing_rules add constraint provider_routing_rules_currency CHECK ((((amount_from IS NULL) AND (amount_to IS NULL)) OR (cardinality(currencies) > 0)));

alter table provider_routing_rules add constraint provider_routing_rules_mode_check CHECK ((mode = ANY (ARRAY['test'::text, 'live'::text])));

alter table provider_routing_rules add constraint provider_routing_rules_position_check CHECK (("position" >= 0));

alter table provider_routing_rules add constraint provider_routing_rules_providers_check CHECK (((cardinality(providers) >= 1) AND (cardinality(providers) <= 10)));

alter table provider_routing_rules add constraint provider_routing_rules_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id);

alter table provider_routing_rules add constraint provider_routing_rules_pkey PRIMARY KEY (id);

alter table provider_routing_rules add constraint provider_routing_rules_account_id_position_key UNIQUE (account_id, "position");

alter table provider_secrets add constraint provider_secrets_ciphertext_check CHECK (((octet_length(ciphertext) >= 29) AND (octet_length(ciphertext) <= 8192)));

alter table provider_secrets add constraint provider_secrets_hint_check CHECK ((hint ~ '^[A-Za-z0-9]{4}$'::text));

alter table provider_secrets add constraint provider_secrets_pointer_check CHECK (((pointer ~ '^/'::text) AND (length(pointer) <= 512)));

alter table provider_secrets add constraint provider_secrets_version_check CHECK ((version > 0));

alter table provider_secrets add constraint provider_secrets_wrapped_key_check CHECK ((octet_length(wrapped_key) = 40));

alter table provider_secrets add constraint provider_secrets_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id);

alter table provider_secrets add constraint provider_secrets_account_id_provider_id_fkey FOREIGN KEY (account_id, provider_id) REFERENCES providers(account_id, id);

alter table provider_secrets add constraint provider_secrets_pkey PRIMARY KEY (provider_id, pointer);

alter table providers add constraint providers_configuration_check CHECK ((jsonb_typeof(configuration) = 'object'::text));

alter table providers add constraint providers_configuration_version_check CHECK ((configuration_version > 0));

alter table providers add constraint providers_deleted CHECK (((deleted_at IS NULL) OR (state = 'disabled'::text)));

alter table providers add constraint providers_kind_check CHECK ((kind ~ '^[a-z][a-z0-9_]{0,39}$'::text));

alter table providers add constraint providers_mode_check CHECK ((mode = ANY (ARRAY['test'::text, 'live'::text])));

alter table providers add constraint providers_name_check CHECK ((((length(name) >= 1) AND (length(name) <= 64)) AND (NOT holds_digit_run(name))));

alter table providers add constraint providers_state_check CHECK ((state = ANY (ARRAY['active'::text, 'disabled'::text])));

alter table providers add constraint providers_version_check CHECK ((version > 0));

alter table providers add constraint providers_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id);

alter table providers add constraint providers_pkey PRIMARY KEY (id);

alter table providers add constraint providers_account_id_id_key UNIQUE (account_id, id);

alter table vault_keys add constraint vault_keys_check_value_check CHECK ((octet_length(check_value) = 8));

alter table vault_keys add constraint vault_keys_destroyed CHECK (((state = 'destroyed'::text) = (destroyed_at IS NOT NULL)));

alter table vault_keys add constraint vault_keys_id_check CHECK (((id ~ '^key_[0-9a-z]{26}$'::text) AND (NOT holds_digit_run(id))));

alter table vault_keys add constraint vault_keys_provider_check CHECK ((provider = ANY (ARRAY['file'::text, 'env'::text, 'pkcs11'::text, 'development'::text])));

alter table vault_keys add constraint vault_keys_purpose_check CHECK ((purpose = ANY (ARRAY['card_data'::text, 'phone_numbers'::text, 'fingerprints'::text, 'passcode_pepper'::text, 'grants'::text, 'provider_credentials'::text])));

alter table vault_keys add constraint vault_keys_retired CHECK (((state <> 'retired'::text) OR (retired_at IS NOT NULL)));

alter table vault_keys add constraint vault_keys_state_check CHECK ((state = ANY (ARRAY['active'::text, 'decrypt_only'::text, 'retired'::text, 'destroyed'::text])));

alter table vault_keys add constraint vault_keys_pkey PRIMARY KEY (id);

alter table webhook_attempts add constraint webhook_attempts_attempt_check CHECK ((attempt > 0));

alter table webhook_attempts add constraint webhook_attempts_duration_ms_check CHECK ((duration_ms >= 0));

alter table webhook_attempts add constraint webhook_attempts_response_status_check CHECK (((response_status >= 100) AND (response_status <= 999)));

alter table webhook_attempts add constraint webhook_attempts_account_id_delivery_id_fkey FOREIGN KEY (account_id, delivery_id) REFERENCES webhook_deliveries(account_id, id);

alter table webhook_attempts add constraint webhook_attempts_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id);

alter table webhook_attempts add constraint webhook_attempts_pkey PRIMARY KEY (delivery_id, attempt);

alter table webhook_deliveries add constraint webhook_deliveries_attempts_check CHECK ((attempts >= 0));

alter table webhook_deliveries add constraint webhook_deliveries_finished CHECK (((finished_at IS NULL) = (state = 'pending'::text)));

alter table webhook_deliveries add constraint webhook_deliveries_next CHECK (((next_attempt_at IS NOT NULL) = (state = 'pending'::text)));

alter table webhook_deliveries add constraint webhook_deliveries_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'delivered'::text, 'given_up'::text, 'cancelled'::text])));

alter table webhook_deliveries add constraint webhook_deliveries_tries_check CHECK ((tries >= 0));

alter table webhook_deliveries add constraint webhook_deliveries_account_id_endpoint_id_fkey FOREIGN KEY (account_id, endpoint_id) REFERENCES webhook_endpoints(account_id, id);

alter table webhook_deliveries add constraint webhook_deliveries_account_id_event_sequence_fkey FOREIGN KEY (account_id, event_sequence) REFERENCES account_events(account_id, sequence);

alter table webhook_deliveries add constraint webhook_deliveries_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id);

alter table webhook_deliveries add constraint webhook_deliveries_pkey PRIMARY KEY (id);

alter table webhook_deliveries add constraint webhook_deliveries_account_id_id_key UNIQUE (account_id, id);

alter table webhook_deliveries add constraint webhook_deliveries_endpoint_id_event_sequence_key UNIQUE (endpoint_id, event_sequence);

alter table webhook_endpoints add constraint webhook_endpoints_description_check CHECK (((length(description) <= 256) AND (NOT holds_digit_run(description))));

alter table webhook_endpoints add constraint webhook_endpoints_disabled CHECK (((enabled = (disabled_reason IS NULL)) AND (enabled = (disabled_at IS NULL))));

alter table webhook_endpoints add constraint webhook_endpoints_disabled_reason_check CHECK ((disabled_reason = ANY (ARRAY['by_request'::text, 'gone'::text, 'given_up'::text])));

alter table webhook_endpoints add constraint webhook_endpoints_url_check CHECK ((length(url) <= 2048));

alter table webhook_endpoints add constraint webhook_endpoints_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id);

alter table webhook_endpoints add constraint webhook_endpoints_pkey PRIMARY KEY (id);

alter table webhook_endpoints add constraint webhook_endpoints_account_id_id_key UNIQUE (account_id, id);

alter table webhook_secrets add constraint webhook_secrets_public_key CHECK (((public_key IS NOT NULL) = (scheme = 'ed25519'::text)));

alter table webhook_secrets add constraint webhook_secrets_scheme_check CHECK ((scheme = ANY (ARRAY['hmac-sha256'::text, 'ed25519'::text])));

alter table webhook_secrets add constraint webhook_secrets_account_id_endpoint_id_fkey FOREIGN KEY (account_id, endpoint_id) REFERENCES webhook_endpoints(account_id, id);

alter table webhook_secrets add constraint webhook_secrets_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id);

alter table webhook_secrets add constraint webhook_secrets_pkey PRIMARY KEY (id);

CREATE INDEX audit_records_by_client ON public.audit_records USING btree (account_id, client_id, sequence) WHERE (client_id IS NOT NULL);

CREATE INDEX audit_records_by_object ON public.audit_records USING btree (account_id, object_id, sequence);

CREATE INDEX audit_records_by_subject ON public.audit_records USING btree (account_id, subject, sequence) WHERE (subject IS NOT NULL);

CREATE INDEX audit_records_by_time ON public.audit_records USING btree (account_id, at);

CREATE INDEX calls_of_agent ON public.calls USING btree (account_id, agent_id) WHERE (state <> 'ended'::text);

CREATE INDEX calls_of_caller ON public.calls USING btree (account_id, caller_number_index, started_at DESC, id DESC);

CREATE INDEX calls_of_instance ON public.calls USING btree (instance_id) WHERE (state <> 'ended'::text);

CREATE INDEX calls_of_number_key ON public.calls USING btree (caller_number_key_id) WHERE (caller_number IS NOT NULL);

CREATE INDEX captures_by_time ON public.captures USING btree (account_id, created_at DESC, id DESC);

CREATE UNIQUE INDEX captures_idempotency ON public.captures USING btree (account_id, idempotency_key) WHERE (idempotency_key IS NOT NULL);

CREATE INDEX captures_of_grant ON public.captures USING btree (grant_id) WHERE (grant_id IS NOT NULL);

CREATE INDEX captures_of_instance ON public.captures USING btree (instance_id) WHERE (ended_at IS NULL);

CREATE UNIQUE INDEX captures_one_active_per_call ON public.captures USING btree (call_id) WHERE (status <> ALL (ARRAY['succeeded'::text, 'declined'::text, 'failed'::text, 'cancelled'::text, 'expired'::text, 'abandoned'::text, 'interrupted'::text]));

CREATE INDEX card_tokens_by_time ON public.card_tokens USING btree (account_id, created_at DESC, id DESC) WHERE (deleted_at IS NULL);

CREATE INDEX card_tokens_due ON public.card_tokens USING btree (expires_at) WHERE (deleted_at IS NULL);

CREATE INDEX card_tokens_of_card ON public.card_tokens USING btree (account_id, fingerprint_id, created_at DESC, id DESC) WHERE (fingerprint_id IS NOT NULL);

CREATE INDEX card_tokens_of_customer ON public.card_tokens USING btree (account_id, customer_reference, created_at DESC, id DESC) WHERE (customer_reference IS NOT NULL);

CREATE INDEX card_tokens_of_fingerprint ON public.card_tokens USING btree (fingerprint_key_id, fingerprint) WHERE (fingerprint IS NOT NULL);

CREATE INDEX card_tokens_of_key ON public.card_tokens USING btree (key_id) WHERE (key_id IS NOT NULL);

CREATE INDEX client_assertions_expiry ON public.client_assertions USING btree (client_id, expires_at);

CREATE INDEX client_secrets_of_client ON public.client_secrets USING btree (client_id) WHERE (revoked_at IS NULL);

CREATE INDEX clients_of_account ON public.clients USING btree (account_id, created_at, id);

CREATE INDEX idempotency_keys_age ON public.idempotency_keys USING btree (created_at);

CREATE INDEX login_failures_age ON public.login_failures USING btree (last_failure_at);

CREATE INDEX payment_attempts_due ON public.payment_attempts USING btree (lease_until, id) WHERE (state = ANY (ARRAY['processing'::text, 'unknown'::text]));

CREATE INDEX payment_attempts_idempotency ON public.payment_attempts USING btree (account_id, idempotency_id) WHERE (idempotency_id IS NOT NULL);

CREATE INDEX payment_attempts_instance ON public.payment_attempts USING btree (instance_id) WHERE (state = 'processing'::text);

CREATE INDEX payment_attempts_of_capture ON public.payment_attempts USING btree (capture_id);

CREATE INDEX payment_attempts_of_payment ON public.payment_attempts USING btree (payment_id, created_at);

CREATE UNIQUE INDEX payment_attempts_one_of_request ON public.payment_attempts USING btree (account_id, idempotency_id) WHERE ((idempotency_id IS NOT NULL) AND (state <> 'failed'::text));

CREATE UNIQUE INDEX payment_attempts_one_open ON public.payment_attempts USING btree (payment_id) WHERE ((payment_id IS NOT NULL) AND (state = ANY (ARRAY['processing'::text, 'unknown'::text])));

CREATE UNIQUE INDEX payment_attempts_one_open_tokenization ON public.payment_attempts USING btree (capture_id) WHERE ((payment_id IS NULL) AND (state = ANY (ARRAY['processing'::text, 'unknown'::text])));

CREATE INDEX payment_attempts_provider_token ON public.payment_attempts USING btree (account_id, provider_id, provider_token) WHERE (provider_token IS NOT NULL);

CREATE INDEX payment_attempts_settled_by_hand ON public.payment_attempts USING btree (payment_id, finished_at) WHERE (settled_by IS NOT NULL);

CREATE INDEX payments_by_customer ON public.payments USING btree (account_id, customer_reference, created_at DESC, id DESC) WHERE (customer_reference IS NOT NULL);

CREATE INDEX payments_by_reference ON public.payments USING btree (account_id, reference, created_at DESC, id DESC) WHERE (reference IS NOT NULL);

CREATE INDEX payments_by_status ON public.payments USING btree (account_id, status, created_at DESC, id DESC);

CREATE INDEX payments_by_time ON public.payments USING btree (account_id, created_at DESC, id DESC);

CREATE INDEX payments_by_token ON public.payments USING btree (account_id, token, created_at DESC, id DESC) WHERE (token IS NOT NULL);

CREATE UNIQUE INDEX payments_idempotency ON public.payments USING btree (account_id, idempotency_key) WHERE (idempotency_key IS NOT NULL);

CREATE UNIQUE INDEX payments_of_capture ON public.payments USING btree (capture_id) WHERE (capture_id IS NOT NULL);

CREATE INDEX payments_to_shred ON public.payments USING btree (id) WHERE (token_to_shred IS NOT NULL);

CREATE INDEX provider_secrets_of_key ON public.provider_secrets USING btree (key_id);

CREATE INDEX providers_of_account ON public.providers USING btree (account_id, created_at, id) WHERE (deleted_at IS NULL);

CREATE UNIQUE INDEX vault_keys_active ON public.vault_keys USING btree (purpose) WHERE (state = 'active'::text);

CREATE INDEX webhook_deliveries_due ON public.webhook_deliveries USING btree (next_attempt_at) WHERE (state = 'pending'::text);

CREATE INDEX webhook_deliveries_in_order ON public.webhook_deliveries USING btree (endpoint_id, stream, event_sequence) WHERE (state = 'pending'::text);

CREATE INDEX webhook_endpoints_of_account ON public.webhook_endpoints USING btree (account_id, created_at) WHERE (deleted_at IS NULL);

CREATE UNIQUE INDEX webhook_secrets_current ON public.webhook_secrets USING btree (endpoint_id, scheme) WHERE (expires_at IS NULL);

CREATE INDEX webhook_secrets_of_endpoint ON public.webhook_secrets USING btree (endpoint_id);

CREATE TRIGGER audit_checkpoints_unchangeable BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit_checkpoints FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();

CREATE TRIGGER audit_heads_unchangeable BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit_heads FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();

CREATE TRIGGER audit_records_append BEFORE INSERT ON public.audit_records FOR EACH ROW EXECUTE FUNCTION audit_append();

CREATE TRIGGER audit_records_unchangeable BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit_records FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();

CREATE TRIGGER capture_grants_transition BEFORE UPDATE ON public.capture_grants FOR EACH ROW EXECUTE FUNCTION check_grant_transition();

CREATE TRIGGER card_tokens_transition BEFORE INSERT OR UPDATE ON public.card_tokens FOR EACH ROW EXECUTE FUNCTION check_card_token_transition();

CREATE TRIGGER payment_attempts_transition BEFORE INSERT OR UPDATE ON public.payment_attempts FOR EACH ROW EXECUTE FUNCTION check_attempt_transition();

CREATE TRIGGER payments_transition BEFORE INSERT OR UPDATE ON public.payments FOR EACH ROW EXECUTE FUNCTION check_payment_transition();

CREATE TRIGGER provider_secrets_key BEFORE INSERT OR UPDATE OF key_id ON public.provider_secrets FOR EACH ROW EXECUTE FUNCTION check_vault_key('provider_credentials', 'key_id');

CREATE TRIGGER providers_transition BEFORE UPDATE ON public.providers FOR EACH ROW EXECUTE FUNCTION check_provider_transition();

CREATE TRIGGER vault_keys_notify AFTER INSERT OR UPDATE ON public.vault_keys FOR EACH STATEMENT EXECUTE FUNCTION notify_vault_keys();

CREATE TRIGGER vault_keys_transition BEFORE INSERT OR UPDATE ON public.vault_keys FOR EACH ROW EXECUTE FUNCTION check_vault_key_transition();

CREATE TRIGGER vault_keys_without_cards BEFORE UPDATE ON public.vault_keys FOR EACH ROW WHEN (((new.state = ANY (ARRAY['retired'::text, 'destroyed'::text])) AND (new.state <> old.state))) EXECUTE FUNCTION check_vault_key_without_cards();

alter table account_event_counters enable row level security;

alter table account_event_counters force row level security;

alter table account_events enable row level security;

alter table account_events force row level security;

alter table accounts enable row level security;

alter table accounts force row level security;

alter table audit_checkpoints enable row level security;

alter table audit_checkpoints force row level security;

alter table audit_heads enable row level security;

alter table audit_heads force row level security;

alter table audit_records enable row level security;

alter table audit_records force row level security;

alter table calls enable row level security;

alter table calls force row level security;

alter table capture_events enable row level security;

alter table capture_events force row level security;

alter table capture_grants enable row level security;

alter table capture_grants force row level security;

alter table captures enable row level security;

alter table captures force row level security;

alter table card_tokens enable row level security;

alter table card_tokens force row level security;

alter table client_assertions enable row level security;

alter table client_assertions force row level security;

alter table client_secrets enable row level security;

alter table client_secrets force row level security;

alter table clients enable row level security;

alter table clients force row level security;

alter table idempotency_keys enable row level security;

alter table idempotency_keys force row level security;

alter table login_failures enable row level security;

alter table login_failures force row level security;

alter table payment_attempts enable row level security;

alter table payment_attempts force row level security;

alter table payments enable row level security;

alter table payments force row level security;

alter table provider_routing_rules enable row level security;

alter table provider_routing_rules force row level security;

alter table provider_secrets enable row level security;

alter table provider_secrets force row level security;

alter table providers enable row level security;

alter table providers force row level security;

alter table webhook_attempts enable row level security;

alter table webhook_attempts force row level security;

alter table webhook_deliveries enable row level security;

alter table webhook_deliveries force row level security;

alter table webhook_endpoints enable row level security;

alter table webhook_endpoints force row level security;

alter table webhook_secrets enable row level security;

alter table webhook_secrets force row level security;

create policy all_accounts on account_event_counters as permissive for all to hushtone_system
  using ((CURRENT_USER = 'hushtone_system'::name))
  with check ((CURRENT_USER = 'hushtone_system'::name));

create policy own_account on account_event_counters as permissive for all to hushtone_server
  using ((account_id = current_setting('hushtone.account_id'::text, true)))
  with check ((account_id = current_setting('hushtone.account_id'::text, true)));

create policy all_accounts on account_events as permissive for all to hushtone_system
  using ((CURRENT_USER = 'hushtone_system'::name))
  with check ((CURRENT_USER = 'hushtone_system'::name));

create policy own_account on account_events as permissive for all to hushtone_server
  using ((account_id = current_setting('hushtone.account_id'::text, true)))
  with check ((account_id = current_setting('hushtone.account_id'::text, true)));

create policy all_accounts on accounts as permissive for all to hushtone_system
  using ((CURRENT_USER = 'hushtone_system'::name))
  with check ((CURRENT_USER = 'hushtone_system'::name));

create policy own_account on accounts as permissive for all to hushtone_server
  using ((account_id = current_setting('hushtone.account_id'::text, true)))
  with check ((account_id = current_setting('hushtone.account_id'::text, true)));

create policy all_accounts on audit_checkpoints as permissive for all to hushtone_system
  using ((CURRENT_USER = 'hushtone_system'::name))
  with check ((CURRENT_USER = 'hushtone_system'::name));

create policy own_account on audit_checkpoints as permissive for all to hushtone_server
  using ((account_id = current_setting('hushtone.account_id'::text, true)))
  with check ((account_id = current_setting('hushtone.account_id'::text, true)));

create policy all_accounts on audit_heads as permissive for all to hushtone_system
  using ((CURRENT_USER = 'hushtone_system'::name))
  with check ((CURRENT_USER = 'hushtone_system'::name));

create policy keeper on audit_heads as permissive for all to public
  using ((CURRENT_USER = ( SELECT pg_get_userbyid(pg_class.relowner) AS pg_get_userbyid
   FROM pg_class
  WHERE (pg_class.oid = ('audit_heads'::regclass)::oid))))
  with check ((CURRENT_USER = ( SELECT pg_get_userbyid(pg_class.relowner) AS pg_get_userbyid
   FROM pg_class
  WHERE (pg_class.oid = ('audit_heads'::regclass)::oid))));

create policy own_account on audit_heads as permissive for all to hushtone_server
  using ((account_id = current_setting('hushtone.account_id'::text, true)))
  with check ((account_id = current_setting('hushtone.account_id'::text, true)));

create policy all_accounts on audit_records as permissive for all to hushtone_system
  using ((CURRENT_USER = 'hushtone_system'::name))
  with check ((CURRENT_USER = 'hushtone_system'::name));

create policy own_account on audit_records as permissive for all to hushtone_server
  using ((account_id = current_setting('hushtone.account_id'::text, true)))
  with check ((account_id = current_setting('hushtone.account_id'::text, true)));

create policy all_accounts on calls as permissive for all to hushtone_system
  using ((CURRENT_USER = 'hushtone_system'::name))
  with check ((CURRENT_USER = 'hushtone_system'::name));

create policy own_account on calls as permissive for all to hushtone_server
  using ((account_id = current_setting('hushtone.account_id'::text, true)))
  with check ((account_id = current_setting('hushtone.account_id'::text, true)));

create policy all_accounts on capture_events as permissive for all to hushtone_system
  using ((CURRENT_USER = 'hushtone_system'::name))
  with check ((CURRENT_USER = 'hushtone_system'::name));

create policy own_account on capture_events as permissive for all to hushtone_server
  using ((account_id = current_setting('hushtone.account_id'::text, true)))
  with check ((account_id = current_setting('hushtone.account_id'::text, true)));

create policy all_accounts on capture_grants as permissive for all to hushtone_system
  using ((CURRENT_USER = 'hushtone_system'::name))
  with check ((CURRENT_USER = 'hushtone_system'::name));

create policy own_account on capture_grants as permissive for all to hushtone_server
  using ((account_id = current_setting('hushtone.account_id'::text, true)))
  with check ((account_id = current_setting('hushtone.account_id'::text, true)));

create policy all_accounts on captures as permissive for all to hushtone_system
  using ((CURRENT_USER = 'hushtone_system'::name))
  with check ((CURRENT_USER = 'hushtone_system'::name));

create policy own_account on captures as permissive for all to hushtone_server
  using ((account_id = current_setting('hushtone.account_id'::text, true)))
  with check ((account_id = current_setting('hushtone.account_id'::text, true)));

create policy all_accounts on card_tokens as permissive for all to hushtone_system
  using ((CURRENT_USER = 'hushtone_system'::name))
  with check ((CURRENT_USER = 'hushtone_system'::name));

create policy own_account on card_tokens as permissive for all to hushtone_server
  using ((account_id = current_setting('hushtone.account_id'::text, true)))
  with check ((account_id = current_setting('hushtone.account_id'::text, true)));

create policy own_account on client_assertions as permissive for all to hushtone_server
  using ((account_id = current_setting('hushtone.account_id'::text, true)))
  with check ((account_id = current_setting('hushtone.account_id'::text, true)));

create policy own_account on client_secrets as permissive for all to hushtone_server
  using ((account_id = current_setting('hushtone.account_id'::text, true)))
  with check ((account_id = current_setting('hushtone.account_id'::text, true)));

create policy all_accounts on clients as permissive for all to hushtone_system
  using ((CURRENT_USER = 'hushtone_system'::name))
  with check ((CURRENT_USER = 'hushtone_system'::name));

create policy own_account on clients as permissive for all to hushtone_server
  using ((account_id = current_setting('hushtone.account_id'::text, true)))
  with check ((account_id = current_setting('hushtone.account_id'::text, true)));

create policy all_accounts on idempotency_keys as permissive for all to hushtone_system
  using ((CURRENT_USER = 'hushtone_system'::name))
  with check ((CURRENT_USER = 'hushtone_system'::name));

create policy own_account on idempotency_keys as permissive for all to hushtone_server
  using ((account_id = current_setting('hushtone.account_id'::text, true)))
  with check ((account_id = current_setting('hushtone.account_id'::text, true)));

create policy all_accounts on login_failures as permissive for all to hushtone_system
  using ((CURRENT_USER = 'hushtone_system'::name))
  with check ((CURRENT_USER = 'hushtone_system'::name));

create policy all_accounts on payment_attempts as permissive for all to hushtone_system
  using ((CURRENT_USER = 'hushtone_system'::name))
  with check ((CURRENT_USER = 'hushtone_system'::name));

create policy own_account on payment_attempts as permissive for all to hushtone_server
  using ((account_id = current_setting('hushtone.account_id'::text, true)))
  with check ((account_id = current_setting('hushtone.account_id'::text, true)));

create policy all_accounts on payments as permissive for all to hushtone_system
  using ((CURRENT_USER = 'hushtone_system'::name))
  with check ((CURRENT_USER = 'hushtone_system'::name));

create policy own_account on payments as permissive for all to hushtone_server
  using ((account_id = current_setting('hushtone.account_id'::text, true)))
  with check ((account_id = current_setting('hushtone.account_id'::text, true)));

create policy all_accounts on provider_routing_rules as permissive for all to hushtone_system
  using ((CURRENT_USER = 'hushtone_system'::name))
  with check ((CURRENT_USER = 'hushtone_system'::name));

create policy own_account on provider_routing_rules as permissive for all to hushtone_server
  using ((account_id = current_setting('hushtone.account_id'::text, true)))
  with check ((account_id = current_setting('hushtone.account_id'::text, true)));

create policy all_accounts on provider_secrets as permissive for all to hushtone_system
  using ((CURRENT_USER = 'hushtone_system'::name))
  with check ((CURRENT_USER = 'hushtone_system'::name));

create policy own_account on provider_secrets as permissive for all to hushtone_server
  using ((account_id = current_setting('hushtone.account_id'::text, true)))
  with check ((account_id = current_setting('hushtone.account_id'::text, true)));

create policy all_accounts on providers as permissive for all to hushtone_system
  using ((CURRENT_USER = 'hushtone_system'::name))
  with check ((CURRENT_USER = 'hushtone_system'::name));

create policy own_account on providers as permissive for all to hushtone_server
  using ((account_id = current_setting('hushtone.account_id'::text, true)))
  with check ((account_id = current_setting('hushtone.account_id'::text, true)));

create policy all_accounts on webhook_attempts as permissive for all to hushtone_system
  using ((CURRENT_USER = 'hushtone_system'::name))
  with check ((CURRENT_USER = 'hushtone_system'::name));

create policy own_account on webhook_attempts as permissive for all to hushtone_server
  using ((account_id = current_setting('hushtone.account_id'::text, true)))
  with check ((account_id = current_setting('hushtone.account_id'::text, true)));

create policy all_accounts on webhook_deliveries as permissive for all to hushtone_system
  using ((CURRENT_USER = 'hushtone_system'::name))
  with check ((CURRENT_USER = 'hushtone_system'::name));

create policy own_account on webhook_deliveries as permissive for all to hushtone_server
  using ((account_id = current_setting('hushtone.account_id'::text, true)))
  with check ((account_id = current_setting('hushtone.account_id'::text, true)));

create policy all_accounts on webhook_endpoints as permissive for all to hushtone_system
  using ((CURRENT_USER = 'hushtone_system'::name))
  with check ((CURRENT_USER = 'hushtone_system'::name));

create policy own_account on webhook_endpoints as permissive for all to hushtone_server
  using ((account_id = current_setting('hushtone.account_id'::text, true)))
  with check ((account_id = current_setting('hushtone.account_id'::text, true)));

create policy all_accounts on webhook_secrets as permissive for all to hushtone_system
  using ((CURRENT_USER = 'hushtone_system'::name))
  with check ((CURRENT_USER = 'hushtone_system'::name));

create policy own_account on webhook_secrets as permissive for all to hushtone_server
  using ((account_id = current_setting('hushtone.account_id'::text, true)))
  with check ((account_id = current_setting('hushtone.account_id'::text, true)));

grant insert, select, update on account_event_counters to hushtone_server;

grant insert, select, update on account_event_counters to hushtone_system;

grant insert, select on account_events to hushtone_server;

grant insert, select on account_events to hushtone_system;

grant insert, select on accounts to hushtone_server;

grant select on accounts to hushtone_system;

grant select on audit_checkpoints to hushtone_server;

grant insert, select on audit_checkpoints to hushtone_system;

grant select on audit_heads to hushtone_server;

grant select on audit_heads to hushtone_system;

grant insert, select on audit_records to hushtone_server;

grant insert, select on audit_records to hushtone_system;

grant insert, select, update on calls to hushtone_server;

grant select, update on calls to hushtone_system;

grant insert, select on capture_events to hushtone_server;

grant insert, select on capture_events to hushtone_system;

grant insert, select on capture_grants to hushtone_server;

grant select on capture_grants to hushtone_system;

grant insert, select, update on captures to hushtone_server;

grant select, update on captures to hushtone_system;

grant insert, select on card_tokens to hushtone_server;

grant select on card_tokens to hushtone_system;

grant delete, insert, select on client_assertions to hushtone_server;

grant insert, select, update on client_secrets to hushtone_server;

grant insert, select, update on clients to hushtone_server;

grant select on clients to hushtone_system;

grant delete, insert, select, update on idempotency_keys to hushtone_server;

grant delete, select on idempotency_keys to hushtone_system;

grant delete, insert, select, update on login_failures to hushtone_system;

grant insert, select, update on payment_attempts to hushtone_server;

grant select, update on payment_attempts to hushtone_system;

grant insert, select, update on payments to hushtone_server;

grant select, update on payments to hushtone_system;

grant delete, insert, select on provider_routing_rules to hushtone_server;

grant delete, insert, select, update on provider_secrets to hushtone_server;

grant select on provider_secrets to hushtone_system;

grant insert, select on providers to hushtone_server;

grant select on providers to hushtone_system;

grant select on vault_keys to hushtone_server;

grant insert, select, update on vault_keys to hushtone_system;

grant insert, select on webhook_attempts to hushtone_server;

grant insert, select, update on webhook_deliveries to hushtone_server;

grant insert, select on webhook_deliveries to hushtone_system;

grant insert, select, update on webhook_endpoints to hushtone_server;

grant select on webhook_endpoints to hushtone_system;

grant delete, insert, select, update on webhook_secrets to hushtone_server;
