-- The audit trail: one hash chain for each account. The server's roles may read and add. Nobody but the owner of the
-- tables may change what is there, and what an owner changes shows: in the chain, in its head, and in the signed
-- checkpoints, copies of which are kept elsewhere.

-- SHA-256, base64url without padding, as RFC 7638 writes it. Not hexadecimal: that has long runs of digits.
create function audit_hash(record text) returns text
  language sql stable parallel safe
  return rtrim(translate(encode(sha256(convert_to(record, 'UTF8')), 'base64'), '+/', '-_'), '=');

-- No reference to accounts: what was asked under a name that is no account is recorded too, and outlives an account.
create table audit_records (
  account_id text not null check (account_id ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'),
  sequence bigint not null check (sequence > 0),
  -- canonical JSON (RFC 8785): the very text that was hashed. All columns below `hash` are read from it.
  record text not null,
  hash text not null check (hash ~ '^[A-Za-z0-9_-]{43}$'),
  -- RFC 3339 in UTC with milliseconds, which sorts as text
  at text collate "C" not null generated always as (record::jsonb ->> 'at') stored
    check (at ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{3}Z$'),
  operation text not null generated always as (record::jsonb ->> 'operation') stored,
  result text not null generated always as (record::jsonb ->> 'result') stored
    check (result in ('done', 'refused', 'failed')),
  subject text generated always as (record::jsonb #>> '{actor,subject}') stored,
  client_id text generated always as (record::jsonb #>> '{actor,client_id}') stored,
  object_type text not null generated always as (record::jsonb #>> '{object,type}') stored,
  object_id text not null generated always as (record::jsonb #>> '{object,id}') stored,
  primary key (account_id, sequence)
);

create index audit_records_by_time on audit_records (account_id, at);
create index audit_records_by_object on audit_records (account_id, object_id, sequence);
create index audit_records_by_subject on audit_records (account_id, subject, sequence) where subject is not null;
create index audit_records_by_client on audit_records (account_id, client_id, sequence) where client_id is not null;

-- The last record of each account's chain. Its lock is what makes two writers one after the other.
create table audit_heads (
  account_id text primary key check (account_id ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'),
  sequence bigint not null check (sequence >= 0),
  hash text not null check (hash ~ '^[A-Za-z0-9_-]{43}$')
) with (fillfactor = 50);

-- What a chain was at a moment, signed (JWS compact serialization, RFC 7515).
create table audit_checkpoints (
  account_id text not null check (account_id ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'),
  sequence bigint not null check (sequence > 0),
  jws text not null,
  at timestamptz not null default now(),
  primary key (account_id, sequence)
);

-- Locks the head of an account's chain until the transaction ends, and tells it. The head of an account that has no
-- record yet is 32 zero bytes. The server has no right to the head of its own: it reads it here, and moves it by
-- adding a record that continues the chain.
create function audit_head(account text)
  returns table (head_sequence bigint, head_hash text, now_at timestamptz)
  language plpgsql volatile security definer set search_path = pg_catalog, public, pg_temp as $$
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
$$;

-- A record must say what it is, hold its own hash, and continue the chain; then it is the new head.
create function audit_append() returns trigger
  language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
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
$$;

create trigger audit_records_append
  before insert on audit_records
  for each row execute function audit_append();

-- Holds whatever was granted by mistake, superusers included.
create function audit_refuse_change() returns trigger
  language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
  if current_user <> (select pg_get_userbyid(relowner) from pg_class where oid = tg_relid) then
    raise exception '% of % is refused: the audit trail is only ever added to', tg_op, tg_table_name
      using errcode = 'insufficient_privilege';
  end if;
  return null;
end
$$;

create trigger audit_records_unchangeable
  before update or delete or truncate on audit_records
  for each statement execute function audit_refuse_change();
create trigger audit_checkpoints_unchangeable
  before update or delete or truncate on audit_checkpoints
  for each statement execute function audit_refuse_change();
create trigger audit_heads_unchangeable
  before update or delete or truncate on audit_heads
  for each statement execute function audit_refuse_change();

revoke execute on function audit_head(text), audit_append() from public;
grant execute on function audit_head(text) to hushtone_server, hushtone_system;

grant select, insert on audit_records to hushtone_server, hushtone_system;
grant select on audit_heads, audit_checkpoints to hushtone_server, hushtone_system;
-- Checkpoints are made for all accounts, by nobody's request.
grant insert on audit_checkpoints to hushtone_system;

do $$
declare
  table_name text;
begin
  foreach table_name in array array['audit_records', 'audit_heads', 'audit_checkpoints'] loop
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

-- The two functions above work as the owner, whom FORCE binds: for heads, and for nothing else, it is let through.
create policy keeper on audit_heads
  using (current_user = (select pg_get_userbyid(relowner) from pg_class where oid = 'audit_heads'::regclass))
  with check (current_user = (select pg_get_userbyid(relowner) from pg_class where oid = 'audit_heads'::regclass));
