-- Every table carries account_id. Row-level security lets hushtone_server see and write the rows of one account only,
-- the one that its transaction has named; hushtone_system serves start-up recovery over all accounts. Neither can log
-- in, owns a table or bypasses row-level security: the server takes one of them on for each transaction.

-- Roles belong to the whole cluster: another database, perhaps at this very moment, may have made them.
do $$
declare
  role_name text;
begin
  foreach role_name in array array['hushtone_server', 'hushtone_system'] loop
    if not exists (select from pg_roles where rolname = role_name) then
      begin
        execute format('create role %I nologin nosuperuser nobypassrls nocreatedb nocreaterole', role_name);
      exception
        when duplicate_object or unique_violation then null;
        when insufficient_privilege then
          raise exception 'the migrating user may not create the role %', role_name
            using hint = 'Create it with NOLOGIN and grant it to the user of DATABASE_URL.';
      end;
    end if;
    -- From PostgreSQL 16 on, membership alone (which a creator has) does not let anyone SET ROLE.
    if not pg_has_role(
      current_user, role_name,
      case when current_setting('server_version_num')::int >= 160000 then 'SET' else 'MEMBER' end
    ) then
      execute format('grant %I to %I', role_name, current_user);
    end if;
  end loop;
end
$$;

-- A card number has 12 to 19 digits (ISO/IEC 7812-1). No text column that is not itself a number holds such a run.
create function holds_digit_run(value text) returns boolean
  language sql immutable parallel safe
  return value ~ '[0-9]{12}';

create table accounts (
  id text primary key check (id ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'),
  -- as every table has it: an account belongs to itself
  account_id text not null constraint accounts_own_account check (account_id = id),
  created_at timestamptz not null default now()
);

create table calls (
  id text primary key,
  account_id text not null references accounts (id),
  -- jambonz's own names for the legs
  call_sid text not null unique,
  agent_call_sid text,
  agent_leg_call_id text,
  conference_name text,
  instance_id text not null,
  state text not null check (state in ('ringing', 'connected', 'ended')),
  bridge text not null check (bridge in ('dial', 'conference')),
  transport text not null default 'unknown' check (transport in ('unknown', 'events', 'tones', 'bleed')),
  caller_number text not null,
  called_number text not null,
  agent_id text not null,
  -- written before the lock is asked for and cleared after it is known to be open
  lock jsonb,
  "end" text check ("end" in ('caller_hung_up', 'agent_hung_up', 'agent_busy', 'agent_no_answer', 'failed')),
  started_at timestamptz not null default now(),
  connected_at timestamptz,
  ended_at timestamptz,
  unique (account_id, id),
  constraint calls_end_time check ((state = 'ended') = (ended_at is not null))
);

create index calls_of_agent on calls (account_id, agent_id) where state <> 'ended';
create index calls_of_instance on calls (instance_id) where state <> 'ended';

create table captures (
  id text primary key,
  account_id text not null references accounts (id),
  call_id text not null,
  instance_id text not null,
  status text not null check (status in (
    'created', 'securing', 'collecting', 'ready', 'processing',
    'succeeded', 'declined', 'failed', 'cancelled', 'expired', 'abandoned', 'interrupted'
  )),
  reason text check (not holds_digit_run(reason)),
  purpose text check (purpose in ('charge', 'authorize', 'tokenize', 'charge_and_save')),
  -- ISO 4217, minor units
  amount bigint check (amount > 0),
  currency char(3) check (currency ~ '^[A-Z]{3}$'),
  reference text check (not holds_digit_run(reference)),
  spec jsonb not null,
  -- the status that agents see: counts and brands, never a digit of a secret
  view jsonb not null,
  evidence jsonb,
  idempotency_key text,
  requested_by text not null check (not holds_digit_run(requested_by)),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  ended_at timestamptz,
  unique (account_id, id),
  foreign key (account_id, call_id) references calls (account_id, id),
  constraint captures_amount_and_currency check ((amount is null) = (currency is null)),
  constraint captures_end_time check ((ended_at is not null) = (status in (
    'succeeded', 'declined', 'failed', 'cancelled', 'expired', 'abandoned', 'interrupted'
  )))
);

create unique index captures_one_active_per_call on captures (call_id) where status not in
  ('succeeded', 'declined', 'failed', 'cancelled', 'expired', 'abandoned', 'interrupted');
create unique index captures_idempotency on captures (account_id, idempotency_key) where idempotency_key is not null;
create index captures_of_instance on captures (instance_id) where ended_at is null;

create table capture_events (
  account_id text not null references accounts (id),
  capture_id text not null,
  sequence integer not null check (sequence > 0),
  type text not null,
  payload jsonb not null,
  created_at timestamptz not null default now(),
  primary key (capture_id, sequence),
  foreign key (account_id, capture_id) references captures (account_id, id)
);

create table payment_attempts (
  id text primary key,
  account_id text not null references accounts (id),
  capture_id text not null,
  provider text not null,
  idempotency_key text not null unique,
  purpose text not null check (purpose in ('charge', 'authorize', 'tokenize', 'charge_and_save')),
  amount bigint check (amount > 0),
  currency char(3) check (currency ~ '^[A-Z]{3}$'),
  state text not null default 'processing'
    check (state in ('processing', 'succeeded', 'declined', 'failed', 'unknown')),
  -- names of the provider's own, which may well be long runs of digits
  provider_reference text,
  provider_token text,
  authorization_code text check (not holds_digit_run(authorization_code)),
  brand text check (not holds_digit_run(brand)),
  last4 char(4) check (last4 ~ '^[0-9]{4}$'),
  decline_reason text check (not holds_digit_run(decline_reason)),
  raw_code text check (not holds_digit_run(raw_code)),
  failure text check (not holds_digit_run(failure)),
  created_at timestamptz not null default now(),
  finished_at timestamptz,
  foreign key (account_id, capture_id) references captures (account_id, id),
  constraint payment_attempts_amount_and_currency check ((amount is null) = (currency is null)),
  constraint payment_attempts_amount_and_purpose check ((amount is null) = (purpose = 'tokenize'))
);

create index payment_attempts_of_capture on payment_attempts (capture_id);
create index payment_attempts_open on payment_attempts (created_at) where state in ('processing', 'unknown');

-- An attempt is written before it is sent, and an outcome, once known, is final. Only `unknown` can be found out later.
create function check_attempt_transition() returns trigger
  language plpgsql as $$
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
$$;

create trigger payment_attempts_transition
  before insert or update on payment_attempts
  for each row execute function check_attempt_transition();

grant usage on schema public to hushtone_server, hushtone_system;

-- Rows are never deleted by the server, and events are only ever added.
grant select, insert on accounts to hushtone_server;
grant select, insert, update on calls, captures, payment_attempts to hushtone_server;
grant select, insert on capture_events to hushtone_server;

grant select on accounts to hushtone_system;
grant select, update on calls, captures, payment_attempts to hushtone_system;
grant select, insert on capture_events to hushtone_system;

-- FORCE binds the owner of the tables too, and a member of hushtone_system that has not taken the role on inherits
-- nothing from it. An unset hushtone.account_id reads as null or '', which no account has.
do $$
declare
  table_name text;
begin
  foreach table_name in array array['accounts', 'calls', 'captures', 'capture_events', 'payment_attempts'] loop
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
