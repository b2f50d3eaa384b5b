-- Another voice platform may hand over a card that a provider is to keep: there is neither a payment nor a capture then,
-- since no money moves and nothing was keyed on a call of ours.
alter table payment_attempts drop constraint payment_attempts_of_something;
alter table payment_attempts add constraint payment_attempts_of_something check (
  payment_id is not null or capture_id is not null or operation = 'tokenize'
);
