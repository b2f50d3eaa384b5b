import { generateKeyPairSync } from 'node:crypto';
import { issueToken, type TokenRequest } from '../../../src/access/access-token.ts';
import { SCOPES } from '../../../src/access/principal.ts';
import { createKeyRing } from '../../../src/access/signing-keys.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { createLogger } from '../../../src/kernel/logger.ts';
import { CLIENT, createTokenHttp, newKeyRing, registryOf } from '../authorization.ts';
import { createTestDatabase, type TestDatabase } from '../database.ts';
import type { TestHttp } from '../http.ts';
import { ISSUER } from '../token-request.ts';
import { createTestKind } from '../provider-kind.ts';
import { storeCard } from '../vault-cards.ts';
import { insertWebhook } from '../webhook-rows.ts';
import { AGENTS, LIVE_OBJECTS, type LiveObject } from './requests.ts';
import type { TokenName } from './tokens.ts';

export const ACCOUNT = 'acc_a';
export const STRANGER = 'acc_b';
const CHARGE = { purpose: 'charge', amount: { value: 4200, currency: 'EUR' } };

/** A server with something in it to reach. */
export interface FuzzWorld {
  readonly http: TestHttp;
  readonly db: TestDatabase;
  /** Every line that was logged, as it was written. */
  readonly log: readonly string[];
  /** The value of the Authorization header; undefined for none. */
  authorizationOf(token: TokenName): string | undefined;
  /** Puts what there is in the place of `__CallId_3__` and its like. */
  fill(text: string): string;
  close(): Promise<void>;
}

async function makeTokens(
  keys: ReturnType<typeof newKeyRing>,
  grantId: string,
): Promise<Readonly<Record<TokenName, string | undefined>>> {
  const issuer = { issuer: ISSUER, audience: 'hushtone', keys };
  const bearer = async (
    request: Partial<TokenRequest>,
    by = issuer,
    clock = systemClock,
  ): Promise<string> => {
    const all = { accountId: ACCOUNT, subject: 'fuzz', clientId: 'fuzz', roles: [], scopes: SCOPES } as const;
    return `Bearer ${await issueToken(by, { ...all, ...request }, clock)}`;
  };
  const integrator = await bearer({ roles: ['integrator'] });
  const yesterday = { ...systemClock, now: () => new Date(Date.now() - 86_400_000) };
  const [, claims] = integrator.split('.');
  const unsigned = Buffer.from(JSON.stringify({ alg: 'none', typ: 'at+jwt' })).toString('base64url');
  const foreign = { ...issuer, keys: createKeyRing(generateKeyPairSync('ed25519').privateKey) };
  return {
    integrator,
    agent: await bearer({ roles: ['agent'], subject: 'agent-0' }),
    supervisor: await bearer({ roles: ['supervisor'] }),
    auditor: await bearer({ roles: ['auditor'] }),
    admin: await bearer({ roles: ['admin'] }),
    grant: await bearer({ roles: ['agent'], subject: 'agent-1', grantId }),
    unscoped: await bearer({ roles: ['integrator'], scopes: [] }),
    stranger: await bearer({ roles: ['integrator', 'auditor'], accountId: STRANGER }),
    none: undefined,
    expired: await bearer({ roles: ['integrator'] }, issuer, yesterday),
    unsigned: `Bearer ${unsigned}.${claims}.`,
    cut: integrator.slice(0, -5),
    foreign: await bearer({ roles: ['integrator'] }, foreign),
    garbage: 'Bearer ../../../etc/passwd',
    huge: `Bearer ${'a.'.repeat(5000)}`,
    basic: `Basic ${Buffer.from('a:b').toString('base64')}`,
    binary: 'Bearer \u00FF\u0080.\u00FF.\u00FF',
  };
}

/** Objects of each kind, in the states that operations ask for. */
async function makeObjects(
  http: TestHttp,
  authorization: string,
  admin: string,
): Promise<Record<LiveObject, string[]>> {
  const post = async (url: string, payload: object, as = authorization): Promise<{ id: string }> => {
    const answer = await http.server.inject({
      method: 'POST',
      url,
      headers: { authorization: as, 'idempotency-key': crypto.randomUUID() },
      payload,
    });
    if (answer.statusCode >= 300) throw new Error(`${url} was answered with ${answer.body}`);
    return answer.json<{ id: string }>();
  };
  const objects: Record<LiveObject, string[]> = {
    CaptureId: [],
    CallId: [],
    GrantId: [],
    WebhookId: [],
    WebhookDeliveryId: [],
    ProviderId: [],
    CardTokenId: [],
    PaymentId: [],
  };
  for (let index = 0; index < LIVE_OBJECTS.CallId; index += 1) {
    const agentId = `agent-${index % AGENTS}`;
    objects.CallId.push(await http.call({ agentId, masked: index % 3 === 0 }));
    if (index < LIVE_OBJECTS.CaptureId) {
      objects.CaptureId.push((await post('/v1/captures', { agent_id: agentId, ...CHARGE })).id);
    }
    if (index < LIVE_OBJECTS.GrantId) {
      const grant = { agent_id: agentId, ...CHARGE, uses: 'many', expires_in_seconds: 900 };
      objects.GrantId.push((await post('/v1/grants', grant)).id);
    }
  }
  for (let index = 0; index < LIVE_OBJECTS.WebhookId; index += 1) {
    const { endpointId, deliveryId } = await http.db.database.transaction(
      ACCOUNT,
      async (tx) => await insertWebhook(tx, ACCOUNT),
    );
    objects.WebhookId.push(endpointId);
    if (index < LIVE_OBJECTS.WebhookDeliveryId) objects.WebhookDeliveryId.push(deliveryId);
  }
  for (let index = 0; index < LIVE_OBJECTS.ProviderId; index += 1) {
    const configuration = { secret_key: 'sk_test_fuzzing1234', merchant_account: `Shop ${index}` };
    const request = { kind: 'scripted', name: 'Main', mode: 'test', configuration };
    objects.ProviderId.push((await post('/v1/providers', request, admin)).id);
  }
  for (let index = 0; index < LIVE_OBJECTS.CardTokenId; index += 1) {
    const { id: token } = await storeCard(http.db, http.vault, ACCOUNT, '4242424242424242', { mode: 'test' });
    objects.CardTokenId.push(token);
    const purpose = index % 2 === 0 ? 'charge' : 'authorize';
    const { id } = await post('/v1/payments', { ...CHARGE, purpose, token }, authorization);
    objects.PaymentId.push(id);
  }
  return objects;
}

/** Rate limits are off; everything else is as in production. */
export async function createFuzzWorld(): Promise<FuzzWorld> {
  const db = await createTestDatabase({ poolSize: 8 });
  const log: string[] = [];
  const logger = createLogger('info', { write: (line: string) => void log.push(line) });
  const keys = newKeyRing();
  const http = await createTokenHttp(db, systemClock, keys, {
    logger,
    // It takes every payment, and reaches nothing.
    provider: createTestKind().connect({}, 'test', { clock: systemClock, logger, timeoutMs: 1000 }),
  });
  const registry = registryOf(db, systemClock);
  for (const account of [ACCOUNT, STRANGER]) await registry.createAccount(account, []);
  const { client, secret } = await registry.createClient(CLIENT);
  const { integrator = '', admin = '' } = await makeTokens(keys, 'none');
  const objects = await makeObjects(http, integrator, admin);
  const tokens = await makeTokens(keys, objects.GrantId[1] ?? '');
  const credentials: Record<string, string> = { client: client.id, secret: secret?.secret ?? '' };
  return {
    http,
    db,
    log,
    authorizationOf: (token) => tokens[token],
    fill: (text) =>
      text
        .replaceAll(
          /__(\w+Id)_(\d+)__/g,
          (all, name: LiveObject, index: string) => objects[name]?.[Number(index)] ?? all,
        )
        .replaceAll(/__(client|secret)__/g, (all, name: string) => credentials[name] ?? all),
    async close() {
      await http.close();
      await db.close();
    },
  };
}
