import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { POLICY, type Permission } from '../../../src/access/policy.ts';
import { SCOPES } from '../../../src/access/principal.ts';
import { ROLES, type Role } from '../../../src/kernel/roles.ts';
import type { PaymentProvider } from '../../../src/payments/contract.ts';
import { CONTRACT, createTestHttp, idempotencyKey, type TestHttp } from '../../support/http.ts';
import { ALL_CAPABILITIES, QUIET_PROVIDER } from '../../support/payment-provider.ts';
import { insertWebhook } from '../../support/webhook-rows.ts';
import { storeCard, testVault } from '../../support/vault-cards.ts';

/**
 * The table, a second time and by hand: what `src/access/policy.ts` says must be exactly this. `role=reach` for each
 * that may; nobody else.
 */
const TABLE: Record<string, string> = {
  createCapture: 'integrator=account agent=own grant=grant',
  listCaptures: 'integrator=account agent=own grant=grant supervisor=running',
  getCapture: 'integrator=account agent=own grant=grant supervisor=running',
  streamCaptureEvents: 'integrator=account agent=own grant=grant supervisor=running',
  focusField: 'integrator=account agent=own grant=grant',
  clearField: 'integrator=account agent=own grant=grant',
  pauseCapture: 'integrator=account agent=own grant=grant',
  resumeCapture: 'integrator=account agent=own grant=grant',
  submitCapture: 'integrator=account agent=own grant=grant',
  cancelCapture: 'integrator=account agent=own grant=grant supervisor=running',
  getCaptureEvidence: 'integrator=account auditor=account',
  listCalls: 'integrator=account supervisor=account agent=own',
  searchCalls: 'integrator=account supervisor=account',
  releaseCall: 'integrator=account supervisor=account',
  createGrant: 'integrator=account',
  getGrant: 'integrator=account',
  revokeGrant: 'integrator=account',
  createWebhook: 'integrator=account admin=account',
  listWebhooks: 'integrator=account admin=account',
  getWebhook: 'integrator=account admin=account',
  updateWebhook: 'integrator=account admin=account',
  deleteWebhook: 'integrator=account admin=account',
  rotateWebhookSecret: 'integrator=account admin=account',
  listWebhookDeliveries: 'integrator=account admin=account',
  replayWebhookDelivery: 'integrator=account admin=account',
  streamAccountEvents: 'integrator=account supervisor=account',
  createPayment: 'integrator=account',
  listPayments: 'integrator=account supervisor=account auditor=account',
  getPayment: 'integrator=account supervisor=account auditor=account',
  capturePayment: 'integrator=account',
  voidPayment: 'integrator=account',
  refundPayment: 'integrator=account',
  takeConnectorPayment: 'integrator=account',
  listCardTokens: 'integrator=account supervisor=account auditor=account',
  getCardToken: 'integrator=account supervisor=account auditor=account',
  updateCardToken: 'integrator=account',
  deleteCardToken: 'integrator=account',
  listProviderKinds: 'admin=account',
  createProvider: 'admin=account',
  listProviders: 'admin=account',
  getProvider: 'admin=account',
  updateProvider: 'admin=account',
  deleteProvider: 'admin=account',
  checkProvider: 'admin=account',
  getProviderRouting: 'admin=account',
  setProviderRouting: 'admin=account',
  listAuditRecords: 'auditor=account',
  exportAuditRecords: 'auditor=account',
  getOpenApi: 'everyone',
  getReference: 'everyone',
  createToken: 'everyone',
  getJwks: 'everyone',
  getAuthorizationServerMetadata: 'everyone',
  getLiveness: 'everyone',
  getReadiness: 'everyone',
};

interface Operation {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly scopes: readonly string[];
  readonly parameters: readonly string[];
  readonly contentType?: string;
  readonly example?: unknown;
  readonly streams: boolean;
}

type Json = Record<string, unknown>;

/** Follows a reference into the same document. */
function resolve(node: unknown): Json {
  const reference = (node as Json | undefined)?.['$ref'];
  if (typeof reference !== 'string') return (node ?? {}) as Json;
  return reference
    .slice(2)
    .split('/')
    .reduce<Json>((place, name) => place[name] as Json, CONTRACT.document);
}

function readOperation(path: string, method: string, operation: Json): Operation {
  const content = resolve(operation['requestBody'])['content'] as Json | undefined;
  const [contentType, body] = Object.entries(content ?? {})[0] ?? [];
  const [example] = Object.values(((body as Json | undefined)?.['examples'] ?? {}) as Json);
  const answers = Object.values(operation['responses'] as Json).map(
    (answer) => (resolve(answer)['content'] ?? {}) as Json,
  );
  const id = operation['operationId'] as string;
  return {
    id,
    method: method.toUpperCase(),
    path,
    scopes: CONTRACT.scopesOf(id) ?? [],
    parameters: [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? ''),
    ...(contentType !== undefined && { contentType }),
    ...(example !== undefined && { example: (example as Json)['value'] }),
    streams: answers.some((answer) => 'text/event-stream' in answer),
  };
}

const OPERATIONS: readonly Operation[] = Object.entries(
  CONTRACT.document['paths'] as Record<string, Json>,
).flatMap(([path, item]) =>
  Object.entries(item)
    .filter(([, operation]) => typeof (operation as Json)['operationId'] === 'string')
    .map(([method, operation]) => readOperation(path, method, operation as Json)),
);

const parse = (row: string): Permission | 'everyone' =>
  row === 'everyone'
    ? row
    : (Object.fromEntries(row.split(' ').map((cell) => cell.split('='))) as Permission);

const permissionOf = (operation: Operation): Permission | 'everyone' =>
  parse(TABLE[operation.id] ?? 'nobody=none');

describe('the table', () => {
  test('has a row for every operation of the contract, and no other', () => {
    expect(Object.keys(POLICY).sort()).toEqual(OPERATIONS.map(({ id }) => id).sort());
  });

  test('is the one that was decided', () => {
    expect(POLICY).toEqual(Object.fromEntries(Object.entries(TABLE).map(([id, row]) => [id, parse(row)])));
  });

  test('asks every operation that is not for everyone for a scope', () => {
    const bare = OPERATIONS.filter(
      (operation) => permissionOf(operation) !== 'everyone' && operation.scopes.length === 0,
    );
    expect(bare).toEqual([]);
  });
});

/** Payments are made, and no money moves. */
const DECLINING: PaymentProvider = {
  ...QUIET_PROVIDER,
  name: 'declining',
  capabilities: ALL_CAPABILITIES,
  pay: async () => await Promise.resolve({ result: 'declined', reason: 'generic_decline', rawCode: 'no' }),
  lookup: async () => await Promise.resolve(undefined),
};

let http: TestHttp;
let agents = 0;

beforeAll(async () => {
  http = await createTestHttp({ provider: DECLINING });
});

afterAll(async () => await http.close());

/** Objects of `acc_a`, made for one request: each is there, and in a state that most operations take. */
interface World {
  readonly agentId: string;
  readonly objects: Readonly<Record<string, string>>;
  readonly grantId: string;
}

const CHARGE = { purpose: 'charge', amount: { value: 4200, currency: 'EUR' } };

/** Requests that name an object in their body; the others send the contract's own example. */
const BODIES: Readonly<Record<string, (world: World) => unknown>> = {
  createCapture: ({ agentId }) => ({ agent_id: agentId, ...CHARGE }),
  createPayment: ({ objects }) => ({ ...CHARGE, token: objects['token_id'] }),
  updateProvider: () => ({ configuration: { merchant_account: 'Other' } }),
  createGrant: ({ agentId, objects }) => ({ agent_id: agentId, call_id: objects['call_id'], ...CHARGE }),
};

async function request(
  method: string,
  url: string,
  token: string,
  payload?: unknown,
): Promise<{ status: number; body: Json }> {
  const answer = await http.server.inject({
    method: method as 'GET',
    url,
    headers: { authorization: `Bearer ${token}`, ...idempotencyKey() },
    ...(payload !== undefined && { payload: payload as object }),
  });
  return { status: answer.statusCode, body: answer.body === '' ? {} : answer.json<Json>() };
}

async function startCapture(agentId: string, token: string): Promise<string> {
  const { status, body } = await request('POST', '/v1/captures', token, { agent_id: agentId, ...CHARGE });
  expect(body).toMatchObject({ purpose: 'charge' });
  expect(status).toBe(201);
  return body['id'] as string;
}

async function makeGrant(agentId: string): Promise<string> {
  const { body } = await request('POST', '/v1/grants', await http.token(), {
    agent_id: agentId,
    ...CHARGE,
    uses: 'many',
  });
  return body['id'] as string;
}

async function makePayment(token: string): Promise<string> {
  const { body } = await request('POST', '/v1/payments', await http.token(), { ...CHARGE, token });
  expect(body).toMatchObject({ status: 'declined' });
  return body['id'] as string;
}

/** What other tests have configured: an account has only so many, and none of them is there. */
async function forgetProviders(): Promise<void> {
  await http.db.database.transaction('acc_a', async (tx) => {
    await tx.query(
      `update providers set state = 'disabled', deleted_at = now(), version = version + 1 where deleted_at is null`,
    );
  });
}

async function makeProvider(): Promise<string> {
  const configuration = { secret_key: 'sk_test_accesstable', merchant_account: 'Shop' };
  const wish = { kind: 'scripted', name: 'Main', mode: 'test', configuration };
  const token = await http.token({ roles: ['admin'] });
  const { body } = await request('POST', '/v1/providers', token, wish);
  return body['id'] as string;
}

/** `startedBy`: with what the capture is started that a request is for. */
async function makeWorld(operation: Operation, startedBy: Role | 'grant' = 'integrator'): Promise<World> {
  agents += 1;
  const agentId = `agent-${agents}`;
  const grantId = await makeGrant(agentId);
  const callId = await http.call({ agentId, masked: operation.id === 'releaseCall' });
  const wantsCapture = operation.parameters.includes('capture_id');
  const token = await tokenOf({ agentId, grantId, objects: {} }, startedBy);
  const { database } = http.db;
  const webhook = operation.parameters.includes('webhook_id')
    ? await database.transaction('acc_a', async (tx) => await insertWebhook(tx, 'acc_a'))
    : undefined;
  const wants = (name: string): boolean => operation.parameters.includes(name);
  await forgetProviders();
  const card =
    wants('token_id') || wants('payment_id') || operation.id === 'createPayment'
      ? await storeCard(http.db, testVault(http.db, http.keys.keyRing), 'acc_a', '4242424242424242')
      : undefined;
  return {
    agentId,
    grantId,
    objects: {
      call_id: callId,
      grant_id: await makeGrant(agentId),
      ...(webhook && { webhook_id: webhook.endpointId, delivery_id: webhook.deliveryId }),
      ...(card && { token_id: card.id }),
      ...(card && wants('payment_id') && { payment_id: await makePayment(card.id) }),
      ...(wants('provider_id') && { provider_id: await makeProvider() }),
      ...(wantsCapture && { capture_id: await startCapture(agentId, token) }),
    },
  };
}

async function tokenOf(world: World, as: Role | 'grant', accountId = 'acc_a'): Promise<string> {
  return await http.token({
    accountId,
    subject: as === 'agent' || as === 'grant' ? world.agentId : `${as}-1`,
    roles: as === 'grant' ? ['agent'] : [as],
    ...(as === 'grant' && { grantId: world.grantId }),
  });
}

/** An id of the right form that nothing has. */
const NOBODYS = (name: string): string =>
  `${{ capture_id: 'cap', call_id: 'call', grant_id: 'gnt', webhook_id: 'whk', delivery_id: 'dlv', token_id: 'tok_card', provider_id: 'prv', payment_id: 'pay' }[name] ?? 'evt'}_${'a'.repeat(26)}`;

async function send(operation: Operation, world: World, token?: string) {
  const url = operation.path.replaceAll(
    /\{(\w+)\}/g,
    (_all, name: string) => world.objects[name] ?? NOBODYS(name),
  );
  const payload = BODIES[operation.id]?.(world) ?? operation.example;
  // Of a stream only its head: it would not end.
  const method = operation.streams ? 'HEAD' : operation.method;
  const answer = await http.server.inject({
    method: method as 'GET',
    url,
    headers: {
      ...idempotencyKey(),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(operation.contentType !== undefined && { 'content-type': operation.contentType }),
    },
    ...(payload !== undefined && {
      payload:
        operation.contentType === 'application/json'
          ? JSON.stringify(payload)
          : 'grant_type=client_credentials',
    }),
  });
  const text = answer.body;
  return {
    status: answer.statusCode,
    headers: answer.headers,
    text,
    // A file of many JSON texts is none itself.
    code: text.startsWith('{') && !text.includes('}\n{') ? answer.json<{ code?: string }>().code : undefined,
  };
}

const REFUSALS = ['token_missing', 'token_invalid', 'grant_ended', 'role_forbidden', 'scope_missing'];

type Verdict = 'reached' | 'unauthenticated' | 'forbidden' | 'not_found';

/** What an answer says about access: refused for its form or the state of its object, a request has reached it. */
function verdictOf(operation: Operation, answer: Awaited<ReturnType<typeof send>>): Verdict | number {
  // What is open to everyone may have credentials of its own, and refuse those.
  if (permissionOf(operation) === 'everyone')
    return REFUSALS.includes(answer.code ?? '') ? answer.status : 'reached';
  if (answer.status === 401) return 'unauthenticated';
  if (answer.status === 403) return 'forbidden';
  if (answer.status === 404) return 'not_found';
  const reached = [
    200,
    201,
    202,
    204,
    409,
    ...(operation.id in BODIES || operation.example !== undefined ? [] : [400]),
  ];
  return reached.includes(answer.status) ? 'reached' : answer.status;
}

/** It has no tokens: `connector.test.ts` asks it in the name of clients with and without the role. */
const BY_TOKEN = OPERATIONS.filter(({ id }) => id !== 'takeConnectorPayment');

describe.each(BY_TOKEN.map((operation) => [operation.id, operation] as const))('%s', (_id, operation) => {
  const permission = permissionOf(operation);
  const open = permission === 'everyone';
  const mayCall = (as: Role | 'grant'): boolean => open || permission[as] !== undefined;
  /** What the request names, in its path or its body, is there. */
  const isThere = (world: World): boolean => operation.parameters.every((name) => name in world.objects);
  const namesObjects = operation.parameters.length > 0 || operation.id in BODIES;

  test('without a token', async () => {
    const answer = await send(operation, await makeWorld(operation));
    expect(verdictOf(operation, answer)).toBe(open ? 'reached' : 'unauthenticated');
    expect(answer.headers['www-authenticate'] ?? '').toMatch(open ? /^(?:|Basic.*)$/ : /^Bearer$/);
  });

  test('with a token that has no role', async () => {
    const answer = await send(operation, await makeWorld(operation), await http.token({ roles: [] }));
    expect(verdictOf(operation, answer)).toBe(open ? 'reached' : 'forbidden');
  });

  test.each([...ROLES, 'grant' as const])('as %s', async (as) => {
    const world = await makeWorld(operation, as === 'grant' ? 'grant' : 'integrator');
    const answer = await send(operation, world, await tokenOf(world, as));
    const allowed = open || isThere(world) ? 'reached' : 'not_found';
    expect(verdictOf(operation, answer)).toBe(mayCall(as) ? allowed : 'forbidden');
  });

  test.each([...ROLES, 'grant' as const])('as %s of another account', async (as) => {
    const world = await makeWorld(operation);
    const before = await view(world);
    const answer = await send(operation, world, await tokenOf(world, as, 'acc_b'));
    const refused = as === 'grant' ? 'unauthenticated' : 'forbidden';
    const allowed = namesObjects && !open ? 'not_found' : 'reached';
    // A grant is looked up in the account that its token names, before anything else.
    const reaches = open || (as !== 'grant' && mayCall(as));
    expect(verdictOf(operation, answer)).toBe(reaches ? allowed : refused);
    for (const id of Object.values(world.objects)) expect(answer.text).not.toContain(id);
    expect(await view(world)).toEqual(before);
  });

  test.each([...ROLES, 'grant' as const].filter((as) => !open && mayCall(as)))(
    'as %s without the scope',
    async (as) => {
      const world = await makeWorld(operation, as === 'grant' ? 'grant' : 'integrator');
      const others = SCOPES.filter((scope) => !operation.scopes.includes(scope));
      const token = await http.token({
        subject: world.agentId,
        roles: as === 'grant' ? ['agent'] : [as],
        scopes: others,
        ...(as === 'grant' && { grantId: world.grantId }),
      });
      expect(verdictOf(operation, await send(operation, world, token))).toBe('forbidden');
    },
  );
});

/** The capture as its own account sees it. */
async function view(world: World): Promise<Json | undefined> {
  const id = world.objects['capture_id'];
  if (id === undefined) return undefined;
  const { body } = await request('GET', `/v1/captures/${id}`, await http.token());
  return body;
}

const OF_CAPTURES = OPERATIONS.filter(({ parameters }) => parameters.includes('capture_id'));
const reaching = (as: Role | 'grant', reach: string): (readonly [string, Operation])[] =>
  OF_CAPTURES.filter((operation) => {
    const permission = permissionOf(operation);
    return permission !== 'everyone' && permission[as] === reach;
  }).map((operation) => [operation.id, operation] as const);

describe('an agent, beyond the own calls', () => {
  test.each(reaching('agent', 'own'))('%s', async (_id, operation) => {
    const world = await makeWorld(operation);
    const before = await view(world);
    const token = await http.token({ subject: 'agent-other', roles: ['agent'] });
    expect((await send(operation, world, token)).status).toBe(404);
    expect(await view(world)).toEqual(before);
  });

  test('starts no capture', async () => {
    const callId = await http.call({ agentId: 'agent-busy' });
    const token = await http.token({ subject: 'agent-other', roles: ['agent'] });
    const wishes = [{ call_id: callId }, { agent_id: 'agent-busy' }];
    for (const wish of wishes) {
      const { status, body } = await request('POST', '/v1/captures', token, { ...wish, ...CHARGE });
      expect([status, body['code']]).toEqual([404, 'call_not_found']);
    }
  });

  test('sees no call', async () => {
    const own = await http.call({ agentId: 'agent-one' });
    const other = await http.call({ agentId: 'agent-two' });
    const token = await http.token({ subject: 'agent-one', roles: ['agent'] });
    const { body } = await request('GET', '/v1/calls', token);
    expect((body['calls'] as { id: string }[]).map(({ id }) => id)).toEqual([own]);
    const all = await request('GET', '/v1/calls', await http.token({ roles: ['supervisor'] }));
    expect((all.body['calls'] as { id: string }[]).map(({ id }) => id)).toEqual(
      expect.arrayContaining([own, other]),
    );
  });
});

describe('a supervisor, after the capture', () => {
  test.each(reaching('supervisor', 'running'))('%s', async (_id, operation) => {
    const world = await makeWorld(operation);
    const { status } = await request(
      'POST',
      `/v1/captures/${world.objects['capture_id']}/cancel`,
      await http.token(),
    );
    expect(status).toBe(200);
    expect((await send(operation, world, await tokenOf(world, 'supervisor'))).status).toBe(404);
    await http.captures.settle(1000);
    expect((await send(operation, world, await tokenOf(world, 'supervisor'))).status).toBe(404);
    // Someone with two roles may do what either may.
    const token = await http.token({ subject: world.agentId, roles: ['supervisor', 'agent'] });
    expect((await send(operation, world, token)).status).not.toBe(404);
  });
});

describe("a grant, beyond its own captures, those of the same agent's call included", () => {
  test.each(reaching('grant', 'grant'))('%s', async (_id, operation) => {
    const world = await makeWorld(operation, 'integrator');
    const before = await view(world);
    expect((await send(operation, world, await tokenOf(world, 'grant'))).status).toBe(404);
    expect(await view(world)).toEqual(before);
  });
});
