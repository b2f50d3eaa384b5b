import { Client } from 'pg';

/**
 * Holds the record of a call in the database, so that the gateway's next write of it waits until the undo. Rows that
 * only refer to the call can still be written.
 */
export async function holdCallRecord(databaseUrl: string, callId: string): Promise<() => Promise<void>> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query('BEGIN');
  const { rowCount } = await client.query('SELECT id FROM calls WHERE id = $1 FOR NO KEY UPDATE', [callId]);
  if (rowCount !== 1) throw new Error('there is no such call');
  return async () => {
    await client.query('ROLLBACK');
    await client.end();
  };
}
