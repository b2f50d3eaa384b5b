-- A provider that is configured anew may be another merchant's: that it never saw an attempt of before proves nothing.
-- Each configuration has a number, and an attempt that of the one that it was written under.

-- rises with the configuration, secret members included; not with the name or the state
alter table providers add column configuration_version integer not null default 1 check (configuration_version > 0);
-- null: the installation's own provider, our own vault, or an attempt from before
alter table payment_attempts add column configuration_version integer check (configuration_version > 0);

-- What is still open at a provider that was never changed in any way was written under its only configuration. Of all
-- others nobody knows. The migrating user owns these tables, and row-level security binds it only where it is forced.
alter table providers no force row level security;
alter table payment_attempts no force row level security;
update payment_attempts a set configuration_version = p.configuration_version
from providers p
where p.account_id = a.account_id and p.id = a.provider_id and p.version = 1 and a.state in ('processing', 'unknown');
alter table providers force row level security;
alter table payment_attempts force row level security;

create or replace function check_provider_transition() returns trigger
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
  elsif new.configuration_version not in (old.configuration_version, old.configuration_version + 1)
    or (new.configuration <> old.configuration and new.configuration_version = old.configuration_version) then
    raise exception 'every configuration of a provider has a number of its own'
      using errcode = 'check_violation', constraint = 'providers_transition';
  end if;
  return new;
end
$$;

grant update (configuration_version) on providers to hushtone_server;
