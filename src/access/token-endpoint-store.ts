import type { Database } from '../db/database.ts';
import type { Clock } from '../kernel/clock.ts';
import type { AppendRecords } from './access-record-store.ts';
import type { AccessRecord } from './access-record.ts';
import { findAccount } from './account-store.ts';
import {
  dropExpiredAssertions,
  findClient,
  findSecret,
  saveSecretUse,
  spendAssertion,
} from './client-store.ts';
import { isClientId, type Client } from './client.ts';
import {
  dropOldFailures,
  findFailures,
  forgetFailures,
  lockFailures,
  saveFailures,
} from './login-lock-store.ts';
import { afterFailure } from './login-lock.ts';
import type { Proof, TokenAsker, TokenRecords } from './token-endpoint.ts';

/** No account is called so: a transaction in its name sees no row. */
const NO_ACCOUNT = '-';
const NO_SECRET = '';

function recordOf(
  client: Client,
  asker: TokenAsker,
  what: Pick<AccessRecord, 'operation' | 'result' | 'reason' | 'after'>,
): AccessRecord {
  return {
    accountId: client.accountId,
    actor: { kind: 'client', clientId: client.id, subject: client.id, roles: client.roles },
    address: asker.address,
    requestId: asker.requestId,
    object: { type: 'client', id: client.id },
    ...what,
  };
}

/** The records of the token endpoint in PostgreSQL: what one instance has seen, all have. */
export function createTokenRecords(database: Database, append: AppendRecords, clock: Clock): TokenRecords {
  return {
    failuresOf: async (source) =>
      await database.systemTransaction(async (db) => await findFailures(db, source)),

    async find(clientId, secretId) {
      const wanted = isClientId(clientId) ? clientId : NO_SECRET;
      const client = await database.systemTransaction(async (db) => await findClient(db, wanted));
      const accountId = client?.accountId ?? NO_ACCOUNT;
      return await database.transaction(accountId, async (db) => {
        const account = await findAccount(db, accountId);
        const secret = await findSecret(db, wanted, secretId ?? NO_SECRET);
        return (
          client && {
            client,
            accountNetworks: account?.networks ?? [],
            ...(secret !== undefined && { secret }),
          }
        );
      });
    },

    settle: async (client, proof, outcome, asker) =>
      await database.transaction(client.accountId, async (db) => {
        if (!(await spend(db, client, proof, clock.now()))) return false;
        const what =
          'refused' in outcome
            ? ({ operation: 'token.refused', result: 'refused', reason: outcome.refused } as const)
            : ({ operation: 'token.issue', result: 'done', after: { scopes: outcome.scopes } } as const);
        await append(db, [recordOf(client, asker, what)]);
        return true;
      }),

    async fail(source, client, reason, asker) {
      const now = clock.now();
      const failures = await database.systemTransaction(async (db) => {
        const next = afterFailure(await lockFailures(db, source), now);
        await saveFailures(db, source, next);
        await dropOldFailures(db, now);
        return next;
      });
      // An id that nobody has belongs to no account, so that there is no trail to write to.
      if (client === undefined) return failures;
      const refused = { operation: 'token.refused', result: 'refused', reason } as const;
      const records = [recordOf(client, asker, refused)];
      if (failures.lockedUntil !== undefined) {
        records.push(
          recordOf(client, asker, {
            operation: 'client.lock',
            result: 'done',
            reason: 'too_many_failures',
            after: { failures: failures.failures, locked_until: failures.lockedUntil.toISOString() },
          }),
        );
      }
      await database.transaction(client.accountId, async (db) => void (await append(db, records)));
      return failures;
    },

    forgetFailures: async (source) =>
      await database.systemTransaction(async (db) => await forgetFailures(db, source)),
  };
}

async function spend(
  db: Parameters<AppendRecords>[0],
  client: Client,
  proof: Proof,
  now: Date,
): Promise<boolean> {
  if ('secretId' in proof) return await saveSecretUse(db, proof.secretId, now);
  await dropExpiredAssertions(db, client.id, now);
  const { jtiHash, expiresAt } = proof.assertion;
  return await spendAssertion(db, { accountId: client.accountId, clientId: client.id, jtiHash, expiresAt });
}
