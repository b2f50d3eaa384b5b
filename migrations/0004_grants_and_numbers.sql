-- Callers' numbers are sealed (AES-256-GCM, see src/workflows/numbers.ts) and found by a keyed index. A sealed value
-- is one byte of version, 12 of nonce, 16 of tag and the number. Changing the type rewrites the table: numbers of
-- calls from before cannot be sealed here, where there is no key, and are forgotten rather than left in the clear.
alter table calls alter column caller_number drop not null;
alter table calls alter column caller_number type bytea using null;
alter table calls add constraint calls_caller_number_sealed check (
  octet_length(caller_number) between 30 and 1100 and substring(caller_number from 1 for 1) = '\x01'
);
-- HMAC-SHA-256 over account and number.
alter table calls add column caller_number_index bytea;
alter table calls add constraint calls_caller_number_index check (octet_length(caller_number_index) = 32);
create index calls_of_caller on calls (account_id, caller_number_index, started_at desc, id desc);

-- What an agent's page may do, for minutes: start captures of this kind, and steer and watch those.
create table capture_grants (
  id text primary key,
  account_id text not null references accounts (id),
  agent_id text not null check (not holds_digit_run(agent_id)),
  -- absent: whatever call the agent is on
  call_id text,
  purpose text not null check (purpose in ('charge', 'authorize', 'tokenize', 'charge_and_save')),
  amount bigint check (amount > 0),
  currency char(3) check (currency ~ '^[A-Z]{3}$'),
  -- the fields to collect, as a capture's request names them; absent: whatever the page asks for
  fields jsonb,
  uses text not null check (uses in ('once', 'many')),
  use_count integer not null default 0 check (use_count >= 0),
  -- the client and the subject that asked for it
  client_id text not null check (not holds_digit_run(client_id)),
  created_by text not null check (not holds_digit_run(created_by)),
  created_at timestamptz not null,
  expires_at timestamptz not null,
  revoked_at timestamptz,
  unique (account_id, id),
  foreign key (account_id, call_id) references calls (account_id, id),
  constraint capture_grants_amount_and_currency check ((amount is null) = (currency is null)),
  constraint capture_grants_amount_and_purpose check (amount is null or purpose <> 'tokenize'),
  constraint capture_grants_once check (uses = 'many' or use_count <= 1),
  constraint capture_grants_lifetime check (expires_at > created_at and expires_at <= created_at + interval '15 minutes')
);

-- Revoked for good, used never less: whatever the application asks for.
create function check_grant_transition() returns trigger
  language plpgsql as $$
begin
  if new.use_count < old.use_count
    or new.use_count > old.use_count and (old.revoked_at is not null or new.revoked_at is not null)
    or (old.revoked_at is not null and new.revoked_at is distinct from old.revoked_at) then
    raise exception 'a capture grant only ever loses'
      using errcode = 'check_violation', constraint = 'capture_grants_transition';
  end if;
  return new;
end
$$;

create trigger capture_grants_transition
  before update on capture_grants
  for each row execute function check_grant_transition();

alter table captures add column grant_id text;
alter table captures add foreign key (account_id, grant_id) references capture_grants (account_id, id);
create index captures_of_grant on captures (grant_id) where grant_id is not null;

-- What a grant allows never changes; only its use and its end do.
grant select, insert on capture_grants to hushtone_server;
grant update (use_count, revoked_at) on capture_grants to hushtone_server;
-- Streams that a grant opened end with it: one look at all of them serves the whole process.
grant select on capture_grants to hushtone_system;

alter table capture_grants enable row level security;
alter table capture_grants force row level security;
create policy own_account on capture_grants to hushtone_server
  using (account_id = current_setting('hushtone.account_id', true))
  with check (account_id = current_setting('hushtone.account_id', true));
create policy all_accounts on capture_grants to hushtone_system
  using (current_user = 'hushtone_system') with check (current_user = 'hushtone_system');
