-- Payments: what became of an amount of money, over all the attempts that were made for it. A capture with money has
-- one from its start; one with a stored card begins with its first attempt.
create table payments (
  id text primary key check (id ~ '^pay_[0-9a-z]+$'),
  account_id text not null references accounts (id),
  mode text not null check (mode in ('test', 'live')),
  purpose text not null check (purpose in ('charge', 'authorize', 'charge_and_save')),
  status text not null check (status in (
    'requires_capture', 'processing', 'authorized', 'captured', 'partially_refunded', 'refunded', 'voided', 'declined',
    'failed', 'unknown'
  )),
  -- ISO 4217, minor units
  amount bigint not null check (amount > 0),
  currency char(3) not null check (currency ~ '^[A-Z]{3}$'),
  amount_captured bigint not null default 0 check (amount_captured >= 0),
  amount_refunded bigint not null default 0 check (amount_refunded >= 0),
  reference text check (not holds_digit_run(reference)),
  customer_reference text check (not holds_digit_run(customer_reference)),
  -- a mail or telephone order, or a later charge without the customer
  initiated_by text not null default 'cardholder' check (initiated_by in ('cardholder', 'merchant')),
  -- the capture that takes its card, or its security code
  capture_id text,
  -- the vault's token: what it is paid with, or what it leaves behind
  token text check (token ~ '^tok_card_[0-9a-z]{26}$'),
  -- a token of a payment that was refused: its card is to be destroyed
  token_to_shred text check (token_to_shred ~ '^tok_card_[0-9a-z]{26}$'),
  -- a card that the provider keeps: where the money comes from, or what the payment leaves behind
  source_provider_token text,
  provider_token text,
  brand text check (not holds_digit_run(brand)),
  last4 char(4) check (last4 ~ '^[0-9]{4}$'),
  -- where its last attempt went
  provider_id text,
  provider_kind text,
  -- the provider's own names, which may well be long runs of digits
  provider_reference text,
  authorization_code text check (not holds_digit_run(authorization_code)),
  decline_reason text check (not holds_digit_run(decline_reason)),
  failure text check (not holds_digit_run(failure)),
  requested_by text not null check (not holds_digit_run(requested_by)),
  -- the id of the idempotency_keys row that it was asked for under
  idempotency_key text,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  unique (account_id, id),
  foreign key (account_id, capture_id) references captures (account_id, id),
  constraint payments_captured_of_amount check (amount_captured <= amount),
  constraint payments_refunded_of_captured check (amount_refunded <= amount_captured),
  constraint payments_captured check (
    (amount_captured > 0) = (status in ('captured', 'partially_refunded', 'refunded'))
  ),
  constraint payments_refunded check (
    case status
      when 'refunded' then amount_refunded = amount_captured
      when 'partially_refunded' then amount_refunded > 0 and amount_refunded < amount_captured
      else amount_refunded = 0
    end
  ),
  constraint payments_provider check ((provider_id is null) = (provider_kind is null)),
  constraint payments_decline check ((decline_reason is not null) = (status = 'declined')),
  constraint payments_failure check (failure is null or status = 'failed'),
  constraint payments_capture check (capture_id is not null or status <> 'requires_capture')
);

-- One payment a capture, and one a request of a client however often it is sent.
create unique index payments_of_capture on payments (capture_id) where capture_id is not null;
create unique index payments_idempotency on payments (account_id, idempotency_key) where idempotency_key is not null;
-- Lists, the newest first.
create index payments_by_time on payments (account_id, created_at desc, id desc);
create index payments_by_status on payments (account_id, status, created_at desc, id desc);
create index payments_by_reference on payments (account_id, reference, created_at desc, id desc)
  where reference is not null;
create index payments_by_customer on payments (account_id, customer_reference, created_at desc, id desc)
  where customer_reference is not null;
create index payments_by_token on payments (account_id, token, created_at desc, id desc) where token is not null;
create index payments_to_shred on payments (id) where token_to_shred is not null;

-- An attempt is one request to a provider: a payment, a tokenization, or a change of an authorized payment.
alter table payment_attempts rename column purpose to operation;
alter table payment_attempts drop constraint payment_attempts_purpose_check;
alter table payment_attempts add constraint payment_attempts_operation check (
  operation in ('charge', 'authorize', 'tokenize', 'charge_and_save', 'capture', 'void', 'refund')
);
alter table payment_attempts drop constraint payment_attempts_amount_and_purpose;
alter table payment_attempts add constraint payment_attempts_amount_and_operation check (
  (amount is null) = (operation in ('tokenize', 'void'))
);
alter table payment_attempts alter column capture_id drop not null;
alter table payment_attempts
  add column payment_id text,
  -- `default`, the installation's own; `prv_…`, one that the account has configured; `vault`, our own
  add column provider_id text not null default 'default',
  add column mode text not null default 'test' check (mode in ('test', 'live')),
  -- SHA-256 over what was asked, without anything of the card: a request that is sent again is the same one
  add column request_fingerprint bytea check (octet_length(request_fingerprint) = 32),
  -- the reference that it was sent with: some providers find it by that
  add column reference text check (not holds_digit_run(reference)),
  -- the vault's token that a tokenization left behind
  add column token text check (token ~ '^tok_card_[0-9a-z]{26}$'),
  -- the id of the idempotency_keys row that a change was asked for under
  add column idempotency_id text,
  -- the process that wrote it; a new process under the same name knows that this one is dead
  add column instance_id text,
  -- whoever may send or look it up, and until when; the next one after that is whoever takes it
  add column holder text,
  add column lease_until timestamptz not null default '-infinity',
  -- how often it went out under its one key; written before each time
  add column sends smallint not null default 1 check (sends between 1 and 10);
alter table payment_attempts alter column provider_id drop default;
alter table payment_attempts alter column mode drop default;

-- What there is of payments from before: each capture with money gets one, with the random part of its name. The
-- migrating user owns these tables, and row-level security binds it only where it is forced.
alter table captures no force row level security;
alter table payment_attempts no force row level security;

insert into payments
  (id, account_id, mode, purpose, status, amount, currency, amount_captured, reference, capture_id, brand, last4,
   provider_id, provider_kind, provider_reference, provider_token, authorization_code, decline_reason, failure,
   requested_by, created_at, updated_at)
select
  'pay_' || lower(regexp_replace(c.id, '^cap_|[^0-9A-Za-z]', '', 'g')), c.account_id, 'test', c.purpose,
  case
    when a.state = 'succeeded' and c.purpose = 'authorize' then 'authorized'
    when a.state = 'succeeded' then 'captured'
    when a.state is not null then a.state
    when c.ended_at is null then 'requires_capture'
    else 'voided'
  end,
  c.amount, c.currency,
  case when a.state = 'succeeded' and c.purpose <> 'authorize' then c.amount else 0 end,
  c.reference, c.id, a.brand, a.last4,
  case when a.state is not null then 'default' end, a.provider, a.provider_reference, a.provider_token,
  a.authorization_code,
  case when a.state = 'declined' then coalesce(a.decline_reason, 'generic_decline') end,
  case when a.state = 'failed' then coalesce(a.failure, 'internal') end,
  c.requested_by, c.created_at, coalesce(a.finished_at, c.ended_at, c.updated_at)
from captures c
left join lateral (
  select * from payment_attempts p where p.capture_id = c.id order by p.created_at desc limit 1
) a on true
where c.purpose <> 'tokenize' and c.amount is not null;

update payment_attempts a set payment_id = p.id, reference = p.reference
from payments p where p.capture_id = a.capture_id;

alter table captures force row level security;
alter table payment_attempts force row level security;

alter table payment_attempts
  add constraint payment_attempts_payment foreign key (account_id, payment_id) references payments (account_id, id);
alter table payment_attempts
  add constraint payment_attempts_of_something check (payment_id is not null or capture_id is not null);

-- One request at a time: a second one waits until it is known what became of the first.
create unique index payment_attempts_one_open on payment_attempts (payment_id)
  where payment_id is not null and state in ('processing', 'unknown');
create unique index payment_attempts_one_open_tokenization on payment_attempts (capture_id)
  where payment_id is null and state in ('processing', 'unknown');
create index payment_attempts_of_payment on payment_attempts (payment_id, created_at);
create index payment_attempts_idempotency on payment_attempts (account_id, idempotency_id)
  where idempotency_id is not null;
create index payment_attempts_provider_token on payment_attempts (account_id, provider_id, provider_token)
  where provider_token is not null;
create index payment_attempts_instance on payment_attempts (instance_id) where state = 'processing';
drop index payment_attempts_open;
create index payment_attempts_open on payment_attempts (id) where state in ('processing', 'unknown');

-- The state machine. An outcome is final; only `unknown` can be found out later, and only what was authorized changes.
create function check_payment_transition() returns trigger
  language plpgsql as $$
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
$$;

create trigger payments_transition
  before insert or update on payments
  for each row execute function check_payment_transition();

grant select, insert, update on payments to hushtone_server;
grant select, update on payments to hushtone_system;

alter table payments enable row level security;
alter table payments force row level security;
create policy own_account on payments to hushtone_server
  using (account_id = current_setting('hushtone.account_id', true))
  with check (account_id = current_setting('hushtone.account_id', true));
create policy all_accounts on payments to hushtone_system
  using (current_user = 'hushtone_system') with check (current_user = 'hushtone_system');

-- The answer to a payment names the vault's token, which is worth nothing outside: not told once only.
alter table idempotency_keys drop constraint idempotency_keys_no_secret;
alter table idempotency_keys add constraint idempotency_keys_no_secret check (
  not body ? 'secret' and (not body ? 'token' or body ->> 'token' ~ '^tok_card_[0-9a-z]{26}$')
);

comment on column payments.token_to_shred is
  'Set with the refusal, cleared once the vault has destroyed the card: what a crash in between leaves is found here.';
