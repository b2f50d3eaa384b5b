-- Cards that the vault keeps. A number is here only sealed (AES-256-GCM under a data key of its own, which a key of the
-- ring wraps); of the rest of a card there is what a merchant may see (PCI DSS 3.4.1). No column has a place for a
-- security code or a PIN (PCI DSS 3.3.1): the sealed value is as long as a card number, and everything else has a form.

-- ISO/IEC 7812-1 annex B.
create function passes_luhn(digits text) returns boolean
  language sql immutable strict parallel safe
  return (
    select sum(case when weighted > 9 then weighted - 9 else weighted end) % 10 = 0
    from (
      select substr(digits, place, 1)::int * (1 + (length(digits) - place) % 2) as weighted
      from generate_series(1, length(digits)) as place
    ) as of_digits
  );

create table card_tokens (
  id text primary key check (id ~ '^tok_card_[0-9a-z]{26}$' and not holds_digit_run(id)),
  account_id text not null references accounts (id),
  mode text not null check (mode in ('test', 'live')),
  -- stands for the card where only a number fits; no card has it: no scheme issues numbers of 16 digits from 1 on
  look_alike char(16) check (look_alike ~ '^1[0-9]{15}$' and not passes_luhn(look_alike)),
  customer_reference text check (length(customer_reference) between 1 and 64 and not holds_digit_run(customer_reference)),
  brand text not null check (brand in (
    'visa', 'mastercard', 'amex', 'discover', 'diners', 'jcb', 'unionpay', 'maestro', 'mir'
  )),
  last4 char(4) not null check (last4 ~ '^[0-9]{4}$'),
  bin text check (bin ~ '^([0-9]{6}|[0-9]{8})$'),
  expiry_month smallint check (expiry_month between 1 and 12),
  expiry_year smallint check (expiry_year between 1950 and 2150),
  -- the number: 12 bytes of nonce, 12 to 19 digits, 16 bytes of tag
  ciphertext bytea check (octet_length(ciphertext) between 40 and 47),
  wrapped_key bytea check (octet_length(wrapped_key) = 40),
  key_id text references vault_keys (id),
  -- what the ciphertext is bound to, beside the account and the id
  version integer not null default 1 check (version > 0),
  -- HMAC-SHA-256 over account, mode and number: tells the same card, to the vault only
  fingerprint bytea check (octet_length(fingerprint) = 32),
  fingerprint_key_id text references vault_keys (id),
  -- what the account calls a card: random, the same for all of its tokens for one card, kept when keys change
  fingerprint_id text check (fingerprint_id ~ '^fp_[0-9a-z]{26}$' and not holds_digit_run(fingerprint_id)),
  capture_id text,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  -- null: until it is deleted
  expires_at timestamptz,
  deleted_at timestamptz,
  deleted_reason text check (deleted_reason in ('by_request', 'expired', 'declined', 'capture_ended')),
  foreign key (account_id, capture_id) references captures (account_id, id),
  constraint card_tokens_look_alike unique (account_id, look_alike),
  constraint card_tokens_look_alike_last4 check (right(look_alike, 4) = last4),
  constraint card_tokens_expiry check ((expiry_month is null) = (expiry_year is null)),
  -- PCI SSC FAQ 1091: eight digits may be shown of a number of 16 or more, six of a shorter one
  constraint card_tokens_bin check (length(bin) = 6 or octet_length(ciphertext) >= 44),
  constraint card_tokens_deleted check ((deleted_at is null) = (deleted_reason is null)),
  -- crypto-shredding: of a deleted card nothing is left that could be opened or that tells it again
  constraint card_tokens_shredded check (
    case when deleted_at is null
      then num_nulls(ciphertext, wrapped_key, key_id, fingerprint, fingerprint_key_id, fingerprint_id, bin) = 0
      else num_nonnulls(
        ciphertext, wrapped_key, key_id, fingerprint, fingerprint_key_id, fingerprint_id, bin,
        expiry_month, expiry_year, customer_reference
      ) = 0
    end
  )
);

create index card_tokens_by_time on card_tokens (account_id, created_at desc, id desc) where deleted_at is null;
create index card_tokens_of_customer on card_tokens (account_id, customer_reference, created_at desc, id desc)
  where customer_reference is not null;
create index card_tokens_of_card on card_tokens (account_id, fingerprint_id, created_at desc, id desc)
  where fingerprint_id is not null;
-- A key's records are found by the first, those of a card by both.
create index card_tokens_of_fingerprint on card_tokens (fingerprint_key_id, fingerprint) where fingerprint is not null;
create index card_tokens_of_key on card_tokens (key_id) where key_id is not null;
create index card_tokens_due on card_tokens (expires_at) where deleted_at is null;

-- Whether the key is the one of its purpose that protects. It stays so until the transaction ends: who takes it out of
-- use waits for what is being sealed under it, and then finds it.
create function vault_key_protects(key_id text, key_purpose text) returns boolean
  language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
  perform from vault_keys where id = key_id and purpose = key_purpose and state = 'active' for share;
  return found;
end
$$;

revoke execute on function vault_key_protects(text, text) from public;
grant execute on function vault_key_protects(text, text) to hushtone_server, hushtone_system;

-- Whatever the application asks for: a shredded card does not come back, a token stays the token of its card, a value
-- that is sealed anew has a new version, and nothing is put under a key that is on its way out.
create function check_card_token_transition() returns trigger
  language plpgsql set search_path = pg_catalog, public, pg_temp as $$
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
$$;

create trigger card_tokens_transition
  before insert or update on card_tokens
  for each row execute function check_card_token_transition();

-- A key that a card needs cannot go. As whoever changes the key: only the system does, and it sees all accounts.
create function check_vault_key_without_cards() returns trigger
  language plpgsql set search_path = pg_catalog, public, pg_temp as $$
begin
  if exists (select from card_tokens where key_id = new.id)
    or exists (select from card_tokens where fingerprint_key_id = new.id and fingerprint is not null) then
    raise exception 'card tokens need the key %', new.id
      using errcode = 'check_violation', constraint = 'vault_keys_without_cards';
  end if;
  return new;
end
$$;

create trigger vault_keys_without_cards
  before update on vault_keys
  for each row when (new.state in ('retired', 'destroyed') and new.state <> old.state)
  execute function check_vault_key_without_cards();

-- A token is never deleted as a row: what was paid with it refers to it.
grant select, insert on card_tokens to hushtone_server;
grant select on card_tokens to hushtone_system;
grant update (
  customer_reference, expiry_month, expiry_year, expires_at, updated_at, deleted_at, deleted_reason, bin,
  ciphertext, wrapped_key, key_id, version, fingerprint, fingerprint_key_id, fingerprint_id
) on card_tokens to hushtone_server, hushtone_system;

alter table card_tokens enable row level security;
alter table card_tokens force row level security;
create policy own_account on card_tokens to hushtone_server
  using (account_id = current_setting('hushtone.account_id', true))
  with check (account_id = current_setting('hushtone.account_id', true));
create policy all_accounts on card_tokens to hushtone_system
  using (current_user = 'hushtone_system') with check (current_user = 'hushtone_system');
