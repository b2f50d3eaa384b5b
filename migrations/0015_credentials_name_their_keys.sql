-- Credentials are put under a key that may be used, and under no other: whoever retires a key waits for what is being
-- sealed under it, and then finds it. Without that, a process that has not heard of a rotation yet could seal a credential
-- under a key whose bytes are destroyed a moment later.
create trigger provider_secrets_key
  before insert or update of key_id on provider_secrets
  for each row execute function check_vault_key('provider_credentials', 'key_id');
