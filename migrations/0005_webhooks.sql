-- What happened in an account, numbered, and the way to the endpoints that want to know. An event, its deliveries and
-- their jobs are written in the transaction of the change that they tell of.

-- One row an account: its lock makes the order of the numbers the order of the commits, so that a reader who has seen
-- number n has seen everything before it.
create table account_event_counters (
  account_id text primary key references accounts (id),
  last_sequence bigint not null check (last_sequence > 0)
);

create table account_events (
  account_id text not null references accounts (id),
  sequence bigint not null check (sequence > 0),
  id text not null unique,
  type text not null,
  capture_id text,
  -- ids and states; Standard Webhooks asks for less than 20 kB a message
  data jsonb not null check (octet_length(data::text) < 16384),
  created_at timestamptz not null,
  primary key (account_id, sequence),
  foreign key (account_id, capture_id) references captures (account_id, id)
);

create table webhook_endpoints (
  id text primary key,
  account_id text not null references accounts (id),
  url text not null check (length(url) <= 2048),
  description text not null default '' check (length(description) <= 256 and not holds_digit_run(description)),
  -- empty: every type
  event_types text[] not null default '{}',
  ed25519 boolean not null default false,
  enabled boolean not null default true,
  disabled_reason text check (disabled_reason in ('by_request', 'gone', 'given_up')),
  disabled_at timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  deleted_at timestamptz,
  unique (account_id, id),
  constraint webhook_endpoints_disabled check (enabled = (disabled_reason is null) and enabled = (disabled_at is null))
);

create index webhook_endpoints_of_account on webhook_endpoints (account_id, created_at) where deleted_at is null;

create table webhook_secrets (
  id text primary key,
  account_id text not null references accounts (id),
  endpoint_id text not null,
  scheme text not null check (scheme in ('hmac-sha256', 'ed25519')),
  -- AES-256-GCM under WEBHOOKS_KEY: a secret that signs cannot be kept as a hash
  sealed bytea not null,
  public_key text,
  created_at timestamptz not null,
  -- null: until it is replaced
  expires_at timestamptz,
  foreign key (account_id, endpoint_id) references webhook_endpoints (account_id, id),
  constraint webhook_secrets_public_key check ((public_key is not null) = (scheme = 'ed25519'))
);

create index webhook_secrets_of_endpoint on webhook_secrets (endpoint_id);
create unique index webhook_secrets_current on webhook_secrets (endpoint_id, scheme) where expires_at is null;

create table webhook_deliveries (
  id text primary key,
  account_id text not null references accounts (id),
  endpoint_id text not null,
  event_sequence bigint not null,
  -- what keeps its order: the capture, or the delivery itself when the event belongs to none
  stream text not null,
  state text not null default 'pending' check (state in ('pending', 'delivered', 'given_up', 'cancelled')),
  -- all that were made, and those since the delivery was last asked for
  attempts integer not null default 0 check (attempts >= 0),
  tries integer not null default 0 check (tries >= 0),
  next_attempt_at timestamptz,
  leased_until timestamptz,
  replayed_at timestamptz,
  created_at timestamptz not null,
  finished_at timestamptz,
  unique (account_id, id),
  unique (endpoint_id, event_sequence),
  foreign key (account_id, endpoint_id) references webhook_endpoints (account_id, id),
  foreign key (account_id, event_sequence) references account_events (account_id, sequence),
  constraint webhook_deliveries_next check ((next_attempt_at is not null) = (state = 'pending')),
  constraint webhook_deliveries_finished check ((finished_at is null) = (state = 'pending'))
);

create index webhook_deliveries_in_order on webhook_deliveries (endpoint_id, stream, event_sequence)
  where state = 'pending';
create index webhook_deliveries_due on webhook_deliveries (next_attempt_at) where state = 'pending';

-- The log. What the receiver answered beyond its status is not kept: nobody knows what is in it.
create table webhook_attempts (
  account_id text not null references accounts (id),
  delivery_id text not null,
  attempt integer not null check (attempt > 0),
  started_at timestamptz not null,
  duration_ms integer not null check (duration_ms >= 0),
  response_status integer check (response_status between 100 and 999),
  error text,
  primary key (delivery_id, attempt),
  foreign key (account_id, delivery_id) references webhook_deliveries (account_id, id)
);

-- Adds the job of a delivery, or moves it, in the transaction of the caller. The queue's tables belong to the
-- migrating user; neither role can reach them but through here.
create function enqueue_webhook_delivery(account_id text, delivery_id text, delay_ms double precision) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform graphile_worker.add_job(
    'webhook_delivery',
    json_build_object('account_id', account_id, 'delivery_id', delivery_id),
    run_at => now() + greatest(delay_ms, 0) * interval '1 millisecond',
    job_key => 'webhook:' || delivery_id
  );
end
$$;

revoke execute on function enqueue_webhook_delivery from public;
grant execute on function enqueue_webhook_delivery to hushtone_server, hushtone_system;

grant select, insert on account_events to hushtone_server, hushtone_system;
grant select, insert, update on account_event_counters to hushtone_server, hushtone_system;
grant select, insert, update on webhook_endpoints, webhook_deliveries to hushtone_server;
grant select, insert on webhook_attempts to hushtone_server;
-- A secret that is over is destroyed.
grant select, insert, update, delete on webhook_secrets to hushtone_server;

-- Recovery tells of the captures that it ends, and looks for deliveries whose job was lost.
grant select on webhook_endpoints to hushtone_system;
grant select, insert on webhook_deliveries to hushtone_system;

do $$
declare
  table_name text;
begin
  foreach table_name in array array[
    'account_event_counters', 'account_events', 'webhook_endpoints', 'webhook_secrets', 'webhook_deliveries',
    'webhook_attempts'
  ] loop
    execute format('alter table %I enable row level security', table_name);
    execute format('alter table %I force row level security', table_name);
    execute format(
      'create policy own_account on %I to hushtone_server'
      ' using (account_id = current_setting(''hushtone.account_id'', true))'
      ' with check (account_id = current_setting(''hushtone.account_id'', true))',
      table_name
    );
    execute format(
      'create policy all_accounts on %I to hushtone_system'
      ' using (current_user = ''hushtone_system'') with check (current_user = ''hushtone_system'')',
      table_name
    );
  end loop;
end
$$;
