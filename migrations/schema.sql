-- What the migrations add up to. Made from a migrated database; a test holds it to that.

CREATE OR REPLACE FUNCTION public.check_attempt_transition()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if tg_op = 'INSERT' then
    if new.state <> 'processing' then
      raise exception 'a payment attempt starts as processing, not as %', new.state
        using errcode = 'check_violation', constraint = 'payment_attempts_transition';
    end if;
  elsif new.state <> old.state
    and not (old.state = 'processing')
    and not (old.state = 'unknown' and new.state in ('succeeded', 'declined', 'failed')) then
    raise exception 'a payment attempt cannot go from % to %', old.state, new.state
      using errcode = 'check_violation', constraint = 'payment_attempts_transition';
  end if;
  return new;
end
$function$
;

CREATE OR REPLACE FUNCTION public.holds_digit_run(value text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN (value ~ '[0-9]{12}'::text)
;

create table accounts (
  id text not null,
  account_id text not null,
  created_at timestamp with time zone not null default now()
);

create table calls (
  id text not null,
  account_id text not null,
  call_sid text not null,
  agent_call_sid text,
  agent_leg_call_id text,
  conference_name text,
  instance_id text not null,
  state text not null,
  bridge text not null,
  transport text not null default 'unknown'::text,
  caller_number text not null,
  called_number text not null,
  agent_id text not null,
  lock jsonb,
  "end" text,
  started_at timestamp with time zone not null default now(),
  connected_at timestamp with time zone,
  ended_at timestamp with time zone
);

create table capture_events (
  account_id text not null,
  capture_id text not null,
  sequence integer not null,
  type text not null,
  payload jsonb not null,
  created_at timestamp with time zone not null default now()
);

create table captures (
  id text not null,
  account_id text not null,
  call_id text not null,
  instance_id text not null,
  status text not null,
  reason text,
  purpose text,
  amount bigint,
  currency character(3),
  reference text,
  spec jsonb not null,
  view jsonb not null,
  evidence jsonb,
  idempotency_key text,
  requested_by text not null,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  ended_at timestamp with time zone
);

create table payment_attempts (
  id text not null,
  account_id text not null,
  capture_id text not null,
  provider text not null,
  idempotency_key text not null,
  purpose text not null,
  amount bigint,
  currency character(3),
  state text not null default 'processing'::text,
  provider_reference text,
  provider_token text,
  authorization_code text,
  brand text,
  last4 character(4),
  decline_reason text,
  raw_code text,
  failure text,
  created_at timestamp with time zone not null default now(),
  finished_at timestamp with time zone
);

alter table accounts add constraint accounts_id_check CHECK ((id ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'::text));

alter table accounts add constraint accounts_own_account CHECK ((account_id = id));

alter table accounts add constraint accounts_pkey PRIMARY KEY (id);

alter table calls add constraint calls_bridge_check CHECK ((bridge = ANY (ARRAY['dial'::text, 'conference'::text])));

alter table calls add constraint calls_end_check CHECK (("end" = ANY (ARRAY['caller_hung_up'::text, 'agent_hung_up'::text, 'agent_busy'::text, 'agent_no_answer'::text, 'failed'::text])));

alter table calls add constraint calls_end_time CHECK (((state = 'ended'::text) = (ended_at IS NOT NULL)));

alter table calls add constraint calls_state_check CHECK ((state = ANY (ARRAY['ringing'::text, 'connected'::text, 'ended'::text])));

alter table calls add constraint calls_transport_check CHECK ((transport = ANY (ARRAY['unknown'::text, 'events'::text, 'tones'::text, 'bleed'::text])));

alter table calls add constraint calls_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id);

alter table calls add constraint calls_pkey PRIMARY KEY (id);

alter table calls add constraint calls_account_id_id_key UNIQUE (account_id, id);

alter table calls add constraint calls_call_sid_key UNIQUE (call_sid);

alter table capture_events add constraint capture_events_sequence_check CHECK ((sequence > 0));

alter table capture_events add constraint capture_events_account_id_capture_id_fkey FOREIGN KEY (account_id, capture_id) REFERENCES captures(account_id, id);

alter table capture_events add constraint capture_events_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id);

alter table capture_events add constraint capture_events_pkey PRIMARY KEY (capture_id, sequence);

alter table captures add constraint captures_amount_and_currency CHECK (((amount IS NULL) = (currency IS NULL)));

alter table captures add constraint captures_amount_check CHECK ((amount > 0));

alter table captures add constraint captures_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text));

alter table captures add constraint captures_end_time CHECK (((ended_at IS NOT NULL) = (status = ANY (ARRAY['succeeded'::text, 'declined'::text, 'failed'::text, 'cancelled'::text, 'expired'::text, 'abandoned'::text, 'interrupted'::text]))));

alter table captures add constraint captures_purpose_check CHECK ((purpose = ANY (ARRAY['charge'::text, 'authorize'::text, 'tokenize'::text, 'charge_and_save'::text])));

alter table captures add constraint captures_reason_check CHECK ((NOT holds_digit_run(reason)));

alter table captures add constraint captures_reference_check CHECK ((NOT holds_digit_run(reference)));

alter table captures add constraint captures_requested_by_check CHECK ((NOT holds_digit_run(requested_by)));

alter table captures add constraint captures_status_check CHECK ((status = ANY (ARRAY['created'::text, 'securing'::text, 'collecting'::text, 'ready'::text, 'processing'::text, 'succeeded'::text, 'declined'::text, 'failed'::text, 'cancelled'::text, 'expired'::text, 'abandoned'::text, 'interrupted'::text])));

alter table captures add constraint captures_account_id_call_id_fkey FOREIGN KEY (account_id, call_id) REFERENCES calls(account_id, id);

alter table captures add constraint captures_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id);

alter table captures add constraint captures_pkey PRIMARY KEY (id);

alter table captures add constraint captures_account_id_id_key UNIQUE (account_id, id);

alter table payment_attempts add constraint payment_attempts_amount_and_currency CHECK (((amount IS NULL) = (currency IS NULL)));

alter table payment_attempts add constraint payment_attempts_amount_and_purpose CHECK (((amount IS NULL) = (purpose = 'tokenize'::text)));

alter table payment_attempts add constraint payment_attempts_amount_check CHECK ((amount > 0));

alter table payment_attempts add constraint payment_attempts_authorization_code_check CHECK ((NOT holds_digit_run(authorization_code)));

alter table payment_attempts add constraint payment_attempts_brand_check CHECK ((NOT holds_digit_run(brand)));

alter table payment_attempts add constraint payment_attempts_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text));

alter table payment_attempts add constraint payment_attempts_decline_reason_check CHECK ((NOT holds_digit_run(decline_reason)));

alter table payment_attempts add constraint payment_attempts_failure_check CHECK ((NOT holds_digit_run(failure)));

alter table payment_attempts add constraint payment_attempts_last4_check CHECK ((last4 ~ '^[0-9]{4}$'::text));

alter table payment_attempts add constraint payment_attempts_purpose_check CHECK ((purpose = ANY (ARRAY['charge'::text, 'authorize'::text, 'tokenize'::text, 'charge_and_save'::text])));

alter table payment_attempts add constraint payment_attempts_raw_code_check CHECK ((NOT holds_digit_run(raw_code)));

alter table payment_attempts add constraint payment_attempts_state_check CHECK ((state = ANY (ARRAY['processing'::text, 'succeeded'::text, 'declined'::text, 'failed'::text, 'unknown'::text])));

alter table payment_attempts add constraint payment_attempts_account_id_capture_id_fkey FOREIGN KEY (account_id, capture_id) REFERENCES captures(account_id, id);

alter table payment_attempts add constraint payment_attempts_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id);

alter table payment_attempts add constraint payment_attempts_pkey PRIMARY KEY (id);

alter table payment_attempts add constraint payment_attempts_idempotency_key_key UNIQUE (idempotency_key);

CREATE INDEX calls_of_agent ON public.calls USING btree (account_id, agent_id) WHERE (state <> 'ended'::text);

CREATE INDEX calls_of_instance ON public.calls USING btree (instance_id) WHERE (state <> 'ended'::text);

CREATE UNIQUE INDEX captures_idempotency ON public.captures USING btree (account_id, idempotency_key) WHERE (idempotency_key IS NOT NULL);

CREATE INDEX captures_of_instance ON public.captures USING btree (instance_id) WHERE (ended_at IS NULL);

CREATE UNIQUE INDEX captures_one_active_per_call ON public.captures USING btree (call_id) WHERE (status <> ALL (ARRAY['succeeded'::text, 'declined'::text, 'failed'::text, 'cancelled'::text, 'expired'::text, 'abandoned'::text, 'interrupted'::text]));

CREATE INDEX payment_attempts_of_capture ON public.payment_attempts USING btree (capture_id);

CREATE INDEX payment_attempts_open ON public.payment_attempts USING btree (created_at) WHERE (state = ANY (ARRAY['processing'::text, 'unknown'::text]));

CREATE TRIGGER payment_attempts_transition BEFORE INSERT OR UPDATE ON public.payment_attempts FOR EACH ROW EXECUTE FUNCTION check_attempt_transition();

alter table accounts enable row level security;

alter table accounts force row level security;

alter table calls enable row level security;

alter table calls force row level security;

alter table capture_events enable row level security;

alter table capture_events force row level security;

alter table captures enable row level security;

alter table captures force row level security;

alter table payment_attempts enable row level security;

alter table payment_attempts force row level security;

create policy all_accounts on accounts as permissive for all to hushtone_system
  using ((CURRENT_USER = 'hushtone_system'::name))
  with check ((CURRENT_USER = 'hushtone_system'::name));

create policy own_account on accounts as permissive for all to hushtone_server
  using ((account_id = current_setting('hushtone.account_id'::text, true)))
  with check ((account_id = current_setting('hushtone.account_id'::text, true)));

create policy all_accounts on calls as permissive for all to hushtone_system
  using ((CURRENT_USER = 'hushtone_system'::name))
  with check ((CURRENT_USER = 'hushtone_system'::name));

create policy own_account on calls as permissive for all to hushtone_server
  using ((account_id = current_setting('hushtone.account_id'::text, true)))
  with check ((account_id = current_setting('hushtone.account_id'::text, true)));

create policy all_accounts on capture_events as permissive for all to hushtone_system
  using ((CURRENT_USER = 'hushtone_system'::name))
  with check ((CURRENT_USER = 'hushtone_system'::name));

create policy own_account on capture_events as permissive for all to hushtone_server
  using ((account_id = current_setting('hushtone.account_id'::text, true)))
  with check ((account_id = current_setting('hushtone.account_id'::text, true)));

create policy all_accounts on captures as permissive for all to hushtone_system
  using ((CURRENT_USER = 'hushtone_system'::name))
  with check ((CURRENT_USER = 'hushtone_system'::name));

create policy own_account on captures as permissive for all to hushtone_server
  using ((account_id = current_setting('hushtone.account_id'::text, true)))
  with check ((account_id = current_setting('hushtone.account_id'::text, true)));

create policy all_accounts on payment_attempts as permissive for all to hushtone_system
  using ((CURRENT_USER = 'hushtone_system'::name))
  with check ((CURRENT_USER = 'hushtone_system'::name));

create policy own_account on payment_attempts as permissive for all to hushtone_server
  using ((account_id = current_setting('hushtone.account_id'::text, true)))
  with check ((account_id = current_setting('hushtone.account_id'::text, true)));

grant insert, select on accounts to hushtone_server;

grant select on accounts to hushtone_system;

grant insert, select, update on calls to hushtone_server;

grant select, update on calls to hushtone_system;

grant insert, select on capture_events to hushtone_server;

grant insert, select on capture_events to hushtone_system;

grant insert, select, update on captures to hushtone_server;

grant select, update on captures to hushtone_system;

grant insert, select, update on payment_attempts to hushtone_server;

grant select, update on payment_attempts to hushtone_system;
