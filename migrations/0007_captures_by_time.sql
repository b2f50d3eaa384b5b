-- Lists of captures, the newest first.
create index captures_by_time on captures (account_id, created_at desc, id desc);
