-- The states of the keys of this installation. Their bytes are never here: a key provider has them.

create table vault_keys (
  id text primary key check (id ~ '^key_[0-9a-z]{26}$' and not holds_digit_run(id)),
  purpose text not null check (purpose in (
    'card_data', 'phone_numbers', 'fingerprints', 'passcode_pepper', 'grants', 'provider_credentials'
  )),
  -- NIST SP 800-57 Part 1, 7.2
  state text not null default 'active' check (state in ('active', 'decrypt_only', 'retired', 'destroyed')),
  provider text not null check (provider in ('file', 'env', 'pkcs11', 'development')),
  -- the first bytes of a MAC of a public text: tells a wrong key under a right name
  check_value bytea not null check (octet_length(check_value) = 8),
  created_at timestamptz not null default clock_timestamp(),
  activated_at timestamptz not null default clock_timestamp(),
  decrypt_only_at timestamptz,
  retired_at timestamptz,
  destroyed_at timestamptz,
  constraint vault_keys_retired check (state <> 'retired' or retired_at is not null),
  constraint vault_keys_destroyed check ((state = 'destroyed') = (destroyed_at is not null))
);

-- One key of each purpose protects.
create unique index vault_keys_active on vault_keys (purpose) where state = 'active';

-- A key that has stopped to protect never does again, and a destroyed one has no bytes that could come back. A retired
-- key may open again: what was found to be sealed under it must not be lost.
create function check_vault_key_transition() returns trigger
  language plpgsql set search_path = pg_catalog, public, pg_temp as $$
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
$$;

create trigger vault_keys_transition
  before insert or update on vault_keys
  for each row execute function check_vault_key_transition();

-- Running gateways learn of it at once.
create function notify_vault_keys() returns trigger
  language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
  perform pg_notify('hushtone_vault_keys', '');
  return null;
end
$$;

create trigger vault_keys_notify
  after insert or update on vault_keys
  for each statement execute function notify_vault_keys();

-- For tables that name a key: `check_vault_key('purpose', 'column')` as a trigger before insert and update. The lock
-- makes a record and the retirement of its key come one after the other, so that no record is left behind under a key
-- that nobody may use.
create function check_vault_key() returns trigger
  language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
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
$$;

revoke execute on function check_vault_key() from public;

-- The server only looks: keys are changed by commands and by the start of a development server. Never deleted: the
-- name of a destroyed key stays.
grant select on vault_keys to hushtone_server;
grant select, insert, update on vault_keys to hushtone_system;
