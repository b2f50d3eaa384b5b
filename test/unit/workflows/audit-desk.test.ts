import { expect, test } from 'vitest';
import type { Database } from '../../../src/db/database.ts';
import { databaseUnavailable } from '../../../src/db/errors.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { createLogger } from '../../../src/kernel/logger.ts';
import { createAuditDesk } from '../../../src/workflows/audit-desk.ts';
import type { Actor } from '../../../src/workflows/contract.ts';

const ACTOR: Actor = {
  accountId: 'acc_a',
  subject: 'agent-1',
  clientId: 'crm',
  roles: ['agent'],
  scopes: new Set(),
  reach: [],
  requestId: 'req_1',
};

test('a refusal stands, and is in the log, when the database is away and its record cannot be written', async () => {
  const away = async () => await Promise.reject(databaseUnavailable(new Error('the connection is lost')));
  const database: Database = {
    transaction: away,
    systemTransaction: away,
    ping: away,
    close: async () => undefined,
  };
  const lines: string[] = [];
  const logger = createLogger('info', { write: (line: string) => void lines.push(line) });
  const desk = createAuditDesk({ database, clock: systemClock, logger });
  const access = {
    operationId: 'getCapture',
    object: { type: 'capture', id: 'cap_1' },
    reason: 'scope_missing',
  };
  await expect(desk.refused(ACTOR, access)).resolves.toBeUndefined();
  expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
    { msg: 'refused access not recorded', accountId: 'acc_a', requestId: 'req_1', reason: 'scope_missing' },
  ]);
});
