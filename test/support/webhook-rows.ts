import type { Queryable } from '../../src/db/database.ts';
import { publish } from '../../src/events/outbox-store.ts';

/** An endpoint of the account with a secret, one event on its way to it, and one attempt. */
export async function insertWebhookRows(tx: Queryable, accountId: string): Promise<void> {
  const at = new Date();
  const endpointId = `whk_${accountId}`;
  await tx.query(
    `insert into webhook_endpoints (id, account_id, url, created_at, updated_at)
     values ($1, $2, 'https://example.com/', now(), now())`,
    [endpointId, accountId],
  );
  await tx.query(
    `insert into webhook_secrets (id, account_id, endpoint_id, scheme, sealed, created_at)
     values ($1, $2, $3, 'hmac-sha256', 'x', now())`,
    [`whs_${accountId}`, accountId, endpointId],
  );
  const data = { webhook: { id: endpointId, reason: 'gone', disabled_at: at.toISOString() } } as const;
  await publish(tx, accountId, [{ type: 'webhook.disabled', at, data }]);
  await tx.query(
    `insert into webhook_attempts (account_id, delivery_id, attempt, started_at, duration_ms)
     select account_id, id, 1, now(), 5 from webhook_deliveries`,
  );
}
