import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { createTestDatabase } from '../../support/database.ts';
import { dumpSchema } from '../../support/schema-dump.ts';

const COMMITTED = fileURLToPath(new URL('../../../migrations/schema.sql', import.meta.url));

test('migrations/schema.sql is what the migrations add up to', async () => {
  const db = await createTestDatabase();
  try {
    const dump = await dumpSchema(db.url);
    if (process.env['UPDATE_SCHEMA'] === '1') await writeFile(COMMITTED, dump);
    const committed = await readFile(COMMITTED, 'utf8').catch(() => '');
    expect(committed, 'run this test with UPDATE_SCHEMA=1 and commit migrations/schema.sql').toBe(dump);
  } finally {
    await db.close();
  }
});
