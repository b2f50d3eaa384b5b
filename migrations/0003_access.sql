-- Clients of an account and how they prove who they are. The keys of other parties here are public ones; of a secret
-- only its Argon2id hash is kept.

-- From where an account's clients, and one client in particular, may come. Empty: from anywhere.
alter table accounts add column networks cidr[] not null default '{}';

create table clients (
  id text primary key check (id ~ '^cli_[0-9a-z]{26}$'),
  account_id text not null references accounts (id),
  name text not null check (length(name) between 1 and 100 and not holds_digit_run(name)),
  roles text[] not null check (
    cardinality(roles) > 0 and roles <@ array['integrator', 'agent', 'supervisor', 'auditor', 'admin']
  ),
  scopes text[] not null check (array_position(scopes, null) is null),
  networks cidr[] not null default '{}',
  -- RFC 7517: the public keys that sign the client's assertions (RFC 7523)
  public_keys jsonb not null default '[]' check (jsonb_typeof(public_keys) = 'array'),
  -- RFC 8705 section 3: its tokens are bound to the certificate that it shows
  certificate_bound boolean not null default false,
  created_at timestamptz not null,
  disabled_at timestamptz,
  unique (account_id, id)
);

create index clients_of_account on clients (account_id, created_at, id);

create table client_secrets (
  id text primary key check (id ~ '^sec_[0-9a-z]{26}$'),
  account_id text not null references accounts (id),
  client_id text not null,
  -- PHC string
  hash text not null check (hash like '$argon2id$%'),
  created_at timestamptz not null,
  expires_at timestamptz check (expires_at > created_at),
  revoked_at timestamptz,
  last_used_at timestamptz,
  foreign key (account_id, client_id) references clients (account_id, id)
);

create index client_secrets_of_client on client_secrets (client_id) where revoked_at is null;

-- RFC 7523 section 3: an assertion counts once. A row can go when the assertion has run out.
create table client_assertions (
  account_id text not null references accounts (id),
  client_id text not null,
  -- SHA-256 of the `jti`: whatever a client writes there, the row is small and holds none of it
  jti_hash bytea not null check (octet_length(jti_hash) = 32),
  expires_at timestamptz not null,
  primary key (client_id, jti_hash),
  foreign key (account_id, client_id) references clients (account_id, id)
);

create index client_assertions_expiry on client_assertions (client_id, expires_at);

-- Failed authentications by client and address. It belongs to no account: whoever guesses may name a client that
-- there is not, and must not learn so.
create table login_failures (
  -- SHA-256 over what was given as the client's id and the address
  source bytea primary key check (octet_length(source) = 32),
  failures integer not null check (failures > 0),
  last_failure_at timestamptz not null,
  locked_until timestamptz
);

create index login_failures_age on login_failures (last_failure_at);

grant update (networks) on accounts to hushtone_server;
grant select, insert, update on clients, client_secrets to hushtone_server;
grant select, insert, delete on client_assertions to hushtone_server;

-- Whose client it is must be known before an account can be named.
grant select on clients to hushtone_system;
grant select, insert, update, delete on login_failures to hushtone_system;

do $$
declare
  table_name text;
begin
  foreach table_name in array array['clients', 'client_secrets', 'client_assertions'] loop
    execute format('alter table %I enable row level security', table_name);
    execute format('alter table %I force row level security', table_name);
    execute format(
      'create policy own_account on %I to hushtone_server'
      ' using (account_id = current_setting(''hushtone.account_id'', true))'
      ' with check (account_id = current_setting(''hushtone.account_id'', true))',
      table_name
    );
  end loop;
  foreach table_name in array array['clients', 'login_failures'] loop
    execute format('alter table %I enable row level security', table_name);
    execute format('alter table %I force row level security', table_name);
    execute format(
      'create policy all_accounts on %I to hushtone_system'
      ' using (current_user = ''hushtone_system'') with check (current_user = ''hushtone_system'')',
      table_name
    );
  end loop;
end
$$;
