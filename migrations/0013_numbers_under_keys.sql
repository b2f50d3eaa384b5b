-- Callers' numbers are sealed under the key ring (see src/workflows/sealed-numbers.ts): one byte of version (2), the 30
-- characters of the key's name, 40 bytes of wrapped data key, 12 of nonce, the number, 16 of tag. Those of version 1
-- are under NUMBERS_KEY until they are moved.
alter table calls drop constraint calls_caller_number_sealed;
alter table calls add constraint calls_caller_number_sealed check (
  caller_number is null or case substring(caller_number from 1 for 1)
    when '\x01' then octet_length(caller_number) between 30 and 1100
    when '\x02' then octet_length(caller_number) between 100 and 1200
    else false
  end
);

-- How many numbers a key still has, and which. No reference and no trigger: a call is kept whatever becomes of a key.
alter table calls add column caller_number_key_id text generated always as (
  case when substring(caller_number from 1 for 1) = '\x02'
    then encode(substring(caller_number from 2 for 30), 'escape')
  end
) stored;
create index calls_of_number_key on calls (caller_number_key_id) where caller_number is not null;
