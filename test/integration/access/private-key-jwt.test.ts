import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askForToken, CLIENT, createTokenHttp, newKeyRing, registryOf } from '../../support/authorization.ts';
import { assertionForm, assertionOf, newKeyPair } from '../../support/client-assertion.ts';
import { ISSUER } from '../../support/token-request.ts';
import { HandClock } from '../../support/hand-clock.ts';
import { createTestDatabase, execute, type TestDatabase } from '../../support/database.ts';
import { openDatabase } from '../../../src/db/database.ts';
import type { TestHttp } from '../../support/http.ts';

const clock = new HandClock();
const keys = newKeyRing();
const pairs = [newKeyPair('EdDSA'), newKeyPair('ES256'), newKeyPair('PS256')] as const;
const [edwards] = pairs;
/** Two processes on one database, each with connections of its own. */
let databases: readonly [TestDatabase, TestDatabase];
let instances: readonly [TestHttp, TestHttp];
let clientId: string;

beforeAll(async () => {
  const db = await createTestDatabase({ poolSize: 4 });
  const database = openDatabase({ url: db.url, poolSize: 4 });
  const other = { url: db.url, database, close: () => database.close() };
  databases = [db, other];
  instances = [await createTokenHttp(db, clock, keys), await createTokenHttp(other, clock, keys)];
  const registry = registryOf(db, clock);
  await registry.createAccount('acc_a', []);
  const { client } = await registry.createClient({
    ...CLIENT,
    keys: { keys: pairs.map(({ jwk }) => jwk) },
  });
  clientId = client.id;
});

afterAll(async () => {
  await Promise.all(instances.map((instance) => instance.close()));
  await Promise.all(databases.map((database) => database.close()));
});

describe('private_key_jwt', () => {
  it.each(pairs)('gives a token for a signature with $alg', async (pair) => {
    const assertion = await assertionOf(clientId, pair, clock.now());
    const answer = await askForToken(instances[0], assertionForm(assertion, { scope: 'captures:read' }));
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toMatchObject({ scope: 'captures:read' });
  });

  it('takes the issuer as the audience too', async () => {
    const assertion = await assertionOf(clientId, edwards, clock.now(), { claims: { aud: ISSUER } });
    expect((await askForToken(instances[0], assertionForm(assertion))).statusCode).toBe(200);
  });

  it('takes an assertion once, whichever instance gets it', async () => {
    const assertion = await assertionOf(clientId, edwards, clock.now());
    const ask = async (instance: TestHttp) =>
      (await askForToken(instance, assertionForm(assertion))).statusCode;
    expect(await ask(instances[0])).toBe(200);
    expect(await ask(instances[1])).toBe(401);
    expect(await ask(instances[0])).toBe(401);
  });

  it('takes an assertion once when two instances get it in the same moment', async () => {
    for (let round = 0; round < 5; round += 1) {
      clock.pass(3600); // what failed before is forgotten
      const assertion = await assertionOf(clientId, edwards, clock.now());
      const answers = await Promise.all(
        [...instances, ...instances].map((instance) => askForToken(instance, assertionForm(assertion))),
      );
      expect(answers.filter(({ statusCode }) => statusCode === 200)).toHaveLength(1);
    }
    clock.pass(3 * 3600);
  });

  it('takes another assertion with the jti of another client', async () => {
    const registry = registryOf(databases[0], clock);
    const { client } = await registry.createClient({ ...CLIENT, keys: { keys: [edwards.jwk] } });
    const claims = { jti: 'the-same' };
    for (const id of [clientId, client.id]) {
      const assertion = await assertionOf(id, edwards, clock.now(), { claims });
      expect((await askForToken(instances[0], assertionForm(assertion))).statusCode).toBe(200);
    }
  });

  it('spends an assertion even when the scope is refused', async () => {
    const assertion = await assertionOf(clientId, edwards, clock.now());
    const refused = await askForToken(instances[0], assertionForm(assertion, { scope: 'evidence:read' }));
    expect(refused.json()).toMatchObject({ error: 'invalid_scope' });
    expect((await askForToken(instances[0], assertionForm(assertion))).statusCode).toBe(401);
  });

  it('remembers no assertion for ever', async () => {
    clock.pass(3600);
    const assertion = await assertionOf(clientId, edwards, clock.now());
    expect((await askForToken(instances[0], assertionForm(assertion))).statusCode).toBe(200);
    const rows = await execute(databases[0].url, 'select from client_assertions where client_id = $1', [
      clientId,
    ]);
    expect(rows).toHaveLength(1);
  });

  it('changes keys without a gap, and an old key is worth nothing afterwards', async () => {
    const registry = registryOf(databases[0], clock);
    const [old, next] = [newKeyPair('EdDSA', 'old'), newKeyPair('ES256', 'next')];
    const { client } = await registry.createClient({ ...CLIENT, keys: { keys: [old.jwk] } });
    const ask = async (pair: typeof old) => {
      const assertion = await assertionOf(client.id, pair, clock.now());
      return (await askForToken(instances[1], assertionForm(assertion))).statusCode;
    };
    expect([await ask(old), await ask(next)]).toEqual([200, 401]);
    await registry.setKeys(client.id, { keys: [old.jwk, next.jwk] });
    expect([await ask(old), await ask(next)]).toEqual([200, 200]);
    await registry.setKeys(client.id, { keys: [next.jwk] });
    expect([await ask(old), await ask(next)]).toEqual([401, 200]);
    const rows = await execute<{ operation: string }>(
      databases[0].url,
      `select operation from audit_records where object_id = $1 and operation like 'client.key.%' order by sequence`,
      [client.id],
    );
    expect(rows.map(({ operation }) => operation)).toEqual(['client.key.create', 'client.key.revoke']);
  });
});
