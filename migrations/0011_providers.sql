-- Payment providers of accounts: what may be seen of a configuration as JSON, every secret of it sealed on its own by the
-- key ring (purpose provider_credentials), and where payments go.

create table providers (
  id text primary key,
  account_id text not null references accounts (id),
  kind text not null check (kind ~ '^[a-z][a-z0-9_]{0,39}$'),
  name text not null check (length(name) between 1 and 64 and not holds_digit_run(name)),
  mode text not null check (mode in ('test', 'live')),
  -- without its secret members
  configuration jsonb not null check (jsonb_typeof(configuration) = 'object'),
  state text not null default 'active' check (state in ('active', 'disabled')),
  -- rises with every change: who has connected with an earlier one connects anew
  version integer not null default 1 check (version > 0),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  deleted_at timestamptz,
  unique (account_id, id),
  constraint providers_deleted check (deleted_at is null or state = 'disabled')
);

create index providers_of_account on providers (account_id, created_at, id) where deleted_at is null;

create table provider_secrets (
  account_id text not null references accounts (id),
  provider_id text not null,
  -- where it belongs in the configuration (RFC 6901)
  pointer text not null check (pointer ~ '^/' and length(pointer) <= 512),
  -- what it is sealed with: additional data of the seal, as provider_id and pointer are
  version integer not null check (version > 0),
  key_id text not null,
  wrapped_key bytea not null check (octet_length(wrapped_key) = 40),
  ciphertext bytea not null check (octet_length(ciphertext) between 29 and 8192),
  -- the last characters of a long one, by which an operator tells it from another
  hint text check (hint ~ '^[A-Za-z0-9]{4}$'),
  created_at timestamptz not null,
  primary key (provider_id, pointer),
  foreign key (account_id, provider_id) references providers (account_id, id)
);

create index provider_secrets_of_key on provider_secrets (key_id);

-- One row a rule, in the order of their positions; all of an account are replaced together.
create table provider_routing_rules (
  id text primary key,
  account_id text not null references accounts (id),
  position integer not null check (position >= 0),
  mode text not null check (mode in ('test', 'live')),
  -- empty: any
  currencies text[] not null default '{}',
  brands text[] not null default '{}',
  purposes text[] not null default '{}',
  -- ISO 4217 minor units, both included
  amount_from bigint check (amount_from > 0),
  amount_to bigint check (amount_to > 0),
  -- the first is asked first; `default` is the one that the installation brings
  providers text[] not null check (cardinality(providers) between 1 and 10),
  created_at timestamptz not null,
  unique (account_id, position),
  constraint provider_routing_rules_amounts check (amount_from <= amount_to),
  -- a minor unit is worth nothing without its currency
  constraint provider_routing_rules_currency check (
    (amount_from is null and amount_to is null) or cardinality(currencies) > 0
  )
);

-- A payment that was made with a provider is looked up and refunded with what the provider was then.
create function check_provider_transition() returns trigger
  language plpgsql as $$
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
  end if;
  return new;
end
$$;

create trigger providers_transition
  before update on providers
  for each row execute function check_provider_transition();

grant select, insert on providers to hushtone_server;
grant update (name, configuration, state, version, updated_at, deleted_at) on providers to hushtone_server;
-- A secret that was replaced is destroyed.
grant select, insert, update, delete on provider_secrets to hushtone_server;
grant select, insert, delete on provider_routing_rules to hushtone_server;

-- Keys are rotated over all accounts: only what the data key is wrapped with changes.
grant select on providers to hushtone_system;
grant select on provider_secrets to hushtone_system;
grant update (key_id, wrapped_key) on provider_secrets to hushtone_system;

do $$
declare
  table_name text;
begin
  foreach table_name in array array['providers', 'provider_secrets', 'provider_routing_rules'] loop
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
