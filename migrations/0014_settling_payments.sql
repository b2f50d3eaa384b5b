-- How an attempt comes to its end when its answer was lost: one request of a client is one change, the longest waiting
-- attempt is looked up first, an operator may say what became of one, and what contradicts the record is kept.

alter table payment_attempts
  -- the operator who said what became of it, where its provider could not be asked
  add column settled_by text check (length(settled_by) between 1 and 128 and not holds_digit_run(settled_by)),
  -- why they know, in their own words
  add column settlement_reason text check (
    length(settlement_reason) between 1 and 500 and not holds_digit_run(settlement_reason)
  ),
  -- when its provider said something else of it than what was on record as final by then
  add column contradicted_at timestamptz;
alter table payment_attempts add constraint payment_attempts_settled_by_hand check (
  (settled_by is null) = (settlement_reason is null)
  and (settled_by is null or state in ('succeeded', 'declined', 'failed'))
);

-- A change that a client has asked for once is made once, however many processes work on its request. What failed for
-- certain may be tried again.
alter table payment_attempts no force row level security;
update payment_attempts later set idempotency_id = null
where later.idempotency_id is not null and later.state <> 'failed' and exists (
  select from payment_attempts earlier
  where earlier.account_id = later.account_id and earlier.idempotency_id = later.idempotency_id
    and earlier.state <> 'failed' and (earlier.created_at, earlier.id) < (later.created_at, later.id)
);
alter table payment_attempts force row level security;
create unique index payment_attempts_one_of_request on payment_attempts (account_id, idempotency_id)
  where idempotency_id is not null and state <> 'failed';

-- Whoever has waited longest comes first.
drop index payment_attempts_open;
create index payment_attempts_due on payment_attempts (lease_until, id) where state in ('processing', 'unknown');
create index payment_attempts_settled_by_hand on payment_attempts (payment_id, finished_at)
  where settled_by is not null;
