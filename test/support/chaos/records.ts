import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { vi } from 'vitest';
import type { Stack } from '../../../simulators/stack/stack.ts';
import type { AuditedAttempt, BookedAttempt, BookedPayment, Books } from './books.ts';

const MAIN = fileURLToPath(new URL('../../../dist/src/main.js', import.meta.url));

/** The vault's own attempts are left out: no provider is asked for them. */
const OURS = `provider_id <> 'vault'`;

async function connected<T>(databaseUrl: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: databaseUrl });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** As the gateways wrote it down, read by the owner of the tables. */
export async function readBooks(databaseUrl: string): Promise<Books> {
  return await connected(databaseUrl, async (client) => {
    const rows = async <T extends object>(text: string): Promise<T[]> => (await client.query<T>(text)).rows;
    return {
      payments: await rows<BookedPayment>(
        `SELECT id, status, purpose, amount::int, currency, amount_captured::int AS "amountCaptured",
                amount_refunded::int AS "amountRefunded", reference, provider_reference AS "providerReference"
         FROM payments ORDER BY created_at`,
      ),
      attempts: await rows<BookedAttempt>(
        `SELECT id, payment_id AS "paymentId", operation, state, idempotency_key AS "idempotencyKey", amount::int,
                provider_reference AS "providerReference"
         FROM payment_attempts WHERE ${OURS} ORDER BY created_at`,
      ),
      audited: await rows<AuditedAttempt>(
        `SELECT object_id AS "attemptId", operation, record::jsonb #>> '{after,state}' AS state
         FROM audit_records WHERE object_type = 'payment_attempt' ORDER BY account_id, sequence`,
      ),
    };
  });
}

/** Resolves when no outcome is open; rejects after `limitMs`, with what is. */
export async function untilSettled(databaseUrl: string, limitMs: number): Promise<void> {
  await vi.waitFor(
    async () => {
      const open = await connected(databaseUrl, async (client) => {
        const { rows } = await client.query<{ what: string }>(
          `SELECT operation || ' ' || state || ' ' || id AS what FROM payment_attempts
           WHERE state IN ('processing', 'unknown')
           UNION ALL SELECT status || ' ' || id FROM payments WHERE status IN ('processing', 'unknown')`,
        );
        return rows;
      });
      if (open.length > 0) throw new Error(`left open: ${open.map(({ what }) => what).join(', ')}`);
    },
    { timeout: limitMs, interval: 250 },
  );
}

/** How outcomes that were not known came to be known. */
export async function settledLate(databaseUrl: string): Promise<Record<string, number>> {
  return await connected(databaseUrl, async (client) => {
    const { rows } = await client.query<{ what: string; count: number }>(
      `SELECT CASE WHEN a.state = 'failed' THEN coalesce(a.failure, a.state) ELSE a.state END AS what, count(*)::int
       FROM payment_attempts a
       WHERE ${OURS} AND EXISTS (
         SELECT FROM audit_records r WHERE r.object_id = a.id AND r.object_type = 'payment_attempt'
           AND r.operation = 'payment.outcome' AND r.record::jsonb #>> '{after,state}' = 'unknown'
       ) GROUP BY 1
       UNION ALL SELECT 'sent again under its key', count(*)::int FROM payment_attempts WHERE sends > 1
       ORDER BY 1`,
    );
    return Object.fromEntries(rows.map(({ what, count }) => [what, count]));
  });
}

/** `hushtone audit verify`: what it says. Rejects when a chain is broken. */
export async function verifyAudit({ environment, databaseUrl }: Stack): Promise<string> {
  const { AUDIT_SIGNING_KEY_FILE = '' } = environment;
  const { stdout } = await promisify(execFile)(process.execPath, [MAIN, 'audit', 'verify'], {
    env: { PATH: process.env['PATH'] ?? '', DATABASE_URL: databaseUrl, AUDIT_SIGNING_KEY_FILE },
  });
  return stdout.trim();
}
