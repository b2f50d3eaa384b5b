import type { Queryable } from '../../src/db/database.ts';
import { publish } from '../../src/events/outbox-store.ts';
import { newId } from '../../src/kernel/ids.ts';

/** An endpoint of the account with one event that was delivered to it. */
export async function insertWebhook(
  tx: Queryable,
  accountId: string,
): Promise<{ readonly endpointId: string; readonly deliveryId: string }> {
  const endpointId = newId('whk');
  const deliveryId = newId('dlv');
  const at = new Date();
  const data = { webhook: { id: endpointId, reason: 'gone', disabled_at: at.toISOString() } } as const;
  await publish(tx, accountId, [{ type: 'webhook.disabled', at, data }]);
  await tx.query(
    `insert into webhook_endpoints (id, account_id, url, created_at, updated_at)
     values ($1, $2, 'https://example.com/', now(), now())`,
    [endpointId, accountId],
  );
  await tx.query(
    `insert into webhook_deliveries
       (id, account_id, endpoint_id, event_sequence, stream, state, attempts, created_at, finished_at)
     select $1, $2, $3, last_sequence, $1, 'delivered', 1, now(), now()
     from account_event_counters where account_id = $2`,
    [deliveryId, accountId, endpointId],
  );
  return { endpointId, deliveryId };
}

/** The same, with a row in every table of webhooks. */
export async function insertWebhookRows(tx: Queryable, accountId: string): Promise<void> {
  const { endpointId, deliveryId } = await insertWebhook(tx, accountId);
  await tx.query(
    `insert into webhook_secrets (id, account_id, endpoint_id, scheme, sealed, created_at)
     values ($1, $2, $3, 'hmac-sha256', 'x', now())`,
    [newId('whs'), accountId, endpointId],
  );
  await tx.query(
    `insert into webhook_attempts (account_id, delivery_id, attempt, started_at, duration_ms)
     values ($1, $2, 1, now(), 5)`,
    [accountId, deliveryId],
  );
}
