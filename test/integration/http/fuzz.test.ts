import { generateKeyPairSync, randomInt } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkpointVerifier } from '../../../src/audit/checkpoint.ts';
import { findAuditedAccounts, auditSource } from '../../../src/audit/record-store.ts';
import { verifyChain } from '../../../src/audit/verify.ts';
import { INSTALLATION_ACCOUNT } from '../../../src/vault/keys/key-record-store.ts';
import { execute } from '../../support/database.ts';
import { faultsOf, logFaults, operationAt } from '../../support/fuzz/invariants.ts';
import { OPERATIONS, type Operation } from '../../support/fuzz/operations.ts';
import { EVERY_BROKEN_REQUEST, rawRequests, type RawRequest } from '../../support/fuzz/raw.ts';
import { requests, type FuzzRequest, type Kind } from '../../support/fuzz/requests.ts';
import { bytesOf, inject, sendRaw, type Answer } from '../../support/fuzz/send.ts';
import { ACCOUNT, createFuzzWorld, STRANGER, type FuzzWorld } from '../../support/fuzz/world.ts';

/** Whole requests through the server, so many at once, as clients send them. */
const BATCHES = 640;
const AT_ONCE = 8;
/** Through a socket: HTTP itself is what is tried. */
const RAW_REQUESTS = 200;

const seed = Number(process.env['FUZZ_SEED'] ?? randomInt(2 ** 31));

let world: FuzzWorld;
const sent = new Map<Kind, number>();
const sentTo = new Map<string, number>();
const doneBy = new Map<string, number>();
/** The first of each kind. */
const failures = new Map<string, string>();
const MOST_FAILURES = 20;
const count = <Key>(counts: Map<Key, number>, key: Key): void =>
  void counts.set(key, (counts.get(key) ?? 0) + 1);
const sum = (counts: ReadonlyMap<unknown, number>): number =>
  [...counts.values()].reduce((all, one) => all + one, 0);

beforeAll(async () => {
  world = await createFuzzWorld();
  await world.http.server.listen({ host: '127.0.0.1', port: 0 });
  process.stdout.write(`fuzz: FUZZ_SEED=${seed} repeats this run\n`);
});

afterAll(async () => await world.close());

interface LogLine {
  readonly msg: string;
  readonly requestId?: string;
  readonly route?: string;
  readonly method?: string;
}

const logLines = (): LogLine[] => world.log.map((line) => JSON.parse(line) as LogLine);

/** Whose route took a request. A refusal names the request, and the log its route; a success is of the operation. */
async function operationOf(answer: Answer, request: FuzzRequest): Promise<Operation | undefined> {
  // A success may well hold the ids of other requests: the audit trail does.
  const id = answer.status < 400 ? undefined : /"request_id":"(req_\w+)"/.exec(answer.body)?.[1];
  if (id === undefined) {
    // Only these two have refusals of another form.
    if (answer.body.startsWith('{"error":')) return operationAt('/oauth/token', 'POST');
    if (answer.body.startsWith('{"error_code":')) return operationAt('/v1/connector/payments', 'POST');
    const [path = ''] = request.url.split(/[?#]/);
    return OPERATIONS.find(
      (operation) =>
        pathPattern(operation).test(path) &&
        (operation.method === request.method || (request.method === 'HEAD' && operation.method === 'GET')),
    );
  }
  // The line is written when the answer has left.
  for (let turn = 0; turn < 3; turn += 1) await setImmediate();
  const line = logLinesSince(id);
  return line?.route === undefined ? undefined : operationAt(line.route, line.method ?? '');
}

const logLinesSince = (requestId: string): LogLine | undefined => {
  const text = world.log.findLast((line) => line.includes(requestId) && line.includes('"msg":"request"'));
  return text === undefined ? undefined : (JSON.parse(text) as LogLine);
};

const pathPattern = ({ path }: Operation): RegExp =>
  new RegExp(`^${path.replaceAll('.', String.raw`\.`).replaceAll(/\{\w+\}/g, '[^/]+')}$`);

async function send(request: FuzzRequest): Promise<Answer | undefined> {
  // A stream that opens does not end: only a socket can leave it.
  const streams = request.operation.streams && request.method === 'GET';
  if (!streams) return await inject(world, request);
  return await sendRaw(world, bytesOf(world, request));
}

const everythingIn = (request: FuzzRequest): string =>
  [request.url, decoded(request.url), request.body ?? '', ...Object.values(request.headers)].join('\n');

function decoded(url: string): string {
  try {
    return decodeURIComponent(url);
  } catch {
    return url;
  }
}

async function check(request: FuzzRequest): Promise<void> {
  count(sent, request.kind);
  count(sentTo, request.operation.id);
  const answer = await send(request);
  if (answer === undefined) throw new Error('no answer');
  const operation = await operationOf(answer, request);
  if (answer.status < 400) count(doneBy, request.operation.id);
  const faults = faultsOf(answer, operation, everythingIn(request));
  if (faults.length === 0) return;
  const kind = `${request.operation.id} ${faults.join('; ')}`;
  if (failures.size >= MOST_FAILURES || failures.has(kind)) return;
  const cause = world.log.findLast((line) => line.includes('"level":50'));
  failures.set(
    kind,
    [
      faults.join('; '),
      `${request.method} ${request.url.slice(0, 500)} as ${request.token}`,
      `headers ${JSON.stringify(request.headers).slice(0, 1000)}`,
      `body ${JSON.stringify(request.body ?? '').slice(0, 2000)}`,
      `answer ${answer.status} ${answer.body.slice(0, 2000)}`,
      ...(cause === undefined ? [] : [`the last error in the log ${cause}`]),
    ].join('\n'),
  );
}

/** What is wrong with what is answered to bytes; nothing when all is well. */
async function rawFaults({ bytes, silent = false }: RawRequest): Promise<string[]> {
  const answer = await sendRaw(world, Buffer.from(bytes, 'latin1'), { halfClose: true });
  if (answer === undefined) return silent ? [] : ['no answer'];
  return faultsOf(answer, undefined, bytes).map((fault) => `${fault}: ${answer.status} ${answer.body}`);
}

describe('requests made from the contract', () => {
  it('are answered as the contract says, whatever is in them', async () => {
    const batches = fc.array(requests, { minLength: AT_ONCE, maxLength: AT_ONCE });
    for (const batch of fc.sample(batches, { seed, numRuns: BATCHES })) await Promise.all(batch.map(check));
    expect([...failures.values()]).toEqual([]);
    expect(sum(sent)).toBeGreaterThanOrEqual(5000);
  });

  it('have tried every operation, and done something with nearly every one', () => {
    expect([...sent.keys()].sort()).toEqual(['hostile', 'nearly', 'valid']);
    const rarely = OPERATIONS.filter(({ id }) => (sentTo.get(id) ?? 0) < 50).map(({ id }) => id);
    expect(rarely).toEqual([]);
    // Otherwise the run would be of refusals only, and reach no further than the door.
    expect(sum(doneBy)).toBeGreaterThan(500);
    expect(doneBy.size).toBeGreaterThan(OPERATIONS.length * 0.7);
  });
});

describe('bytes that are nearly HTTP', () => {
  it.each(
    EVERY_BROKEN_REQUEST.map((request) => [JSON.stringify(request.bytes.slice(0, 70)), request] as const),
  )('%s', async (_name, request) => expect(await rawFaults(request)).toEqual([]));

  it('are answered with a problem document, or not at all', async () => {
    const property = fc.asyncProperty(rawRequests, async (request) => {
      expect(await rawFaults(request)).toEqual([]);
    });
    await fc.assert(property, { seed, numRuns: RAW_REQUESTS, endOnFailure: true });
  }, 60_000);
});

describe('afterwards', () => {
  it('the server answers', async () => {
    const { server } = world.http;
    for (const url of ['/health/live', '/health/ready']) {
      expect((await server.inject({ url })).json()).toMatchObject({ status: 'ok' });
    }
    const headers = {
      authorization: world.authorizationOf('integrator') ?? '',
      'idempotency-key': crypto.randomUUID(),
    };
    await world.http.call({ agentId: 'after' });
    const payload = { agent_id: 'after', purpose: 'tokenize' };
    const created = await server.inject({ method: 'POST', url: '/v1/captures', headers, payload });
    expect(created.statusCode).toBe(201);
    const read = await server.inject({ url: `/v1/captures/${created.json<{ id: string }>().id}`, headers });
    expect(read.statusCode).toBe(200);
  });

  it('nothing that was sent is in the log, and no error', () => {
    expect(world.log.flatMap(logFaults)).toEqual([]);
    const lines = logLines();
    expect(lines.filter((line) => (line as { level?: number }).level === 50)).toEqual([]);
  });

  it('the audit trails are whole', async () => {
    const verifyCheckpoint = await checkpointVerifier([generateKeyPairSync('ed25519').publicKey]);
    const { database } = world.db;
    const accounts = await findAuditedAccounts(database);
    expect(accounts.toSorted()).toEqual([ACCOUNT, STRANGER, INSTALLATION_ACCOUNT]);
    for (const accountId of accounts) {
      const found = await verifyChain(auditSource(database, accountId), { accountId, verifyCheckpoint });
      expect(found).not.toHaveProperty('fault');
    }
  });

  it('nothing is half made', async () => {
    // Each query finds what must not be there.
    const halves = {
      'an account of nobody': `select id from accounts where id not in ('${ACCOUNT}', '${STRANGER}')`,
      'a capture that nobody asked for': `select id from captures c where not exists
        (select from audit_records a where a.record::jsonb->'object'->>'id' = c.id
           and a.record::jsonb->>'operation' = 'capture.create')`,
      'a capture without an event': `select id from captures c where not exists
        (select from capture_events e where e.capture_id = c.id)`,
      'two captures on a call': `select call_id from captures where ended_at is null group by call_id having count(*) > 1`,
      'a webhook without a key': `select id from webhook_endpoints e where exists
        (select from audit_records a where a.record::jsonb->'object'->>'id' = e.id
           and a.record::jsonb->>'operation' = 'webhook.create')
        and not exists (select from webhook_secrets s where s.endpoint_id = e.id)`,
      'a key without a webhook': `select id from webhook_secrets s where not exists
        (select from webhook_endpoints e where e.id = s.endpoint_id)`,
      'too many webhooks': `select account_id from webhook_endpoints where deleted_at is null group by account_id having count(*) > 20`,
      'a grant for once that was used twice': `select id from capture_grants where uses = 'once' and use_count > 1`,
      'a payment of a capture': 'select id from payment_attempts where capture_id is not null',
      'an attempt without an outcome': `select id from payment_attempts where state not in ('succeeded', 'declined')`,
      'a payment that nobody asked for': `select id from payments p where capture_id is null and not exists
        (select from payment_attempts a where a.payment_id = p.id)`,
      'a secret without a provider': `select provider_id from provider_secrets s where not exists
        (select from providers p where p.id = s.provider_id)`,
      'a provider without its secret': `select id from providers p where not exists
        (select from provider_secrets s where s.provider_id = p.id and s.pointer = '/secret_key')`,
      'a rule for a provider that there is not': `select id from provider_routing_rules r where exists
        (select from unnest(r.providers) named where named <> 'default' and not exists
          (select from providers p where p.id = named and p.deleted_at is null and p.mode = r.mode))`,
    };
    const found: Record<string, unknown[]> = {};
    for (const [name, sql] of Object.entries(halves)) found[name] = await execute(world.db.url, sql);
    expect(found).toEqual(Object.fromEntries(Object.keys(halves).map((name) => [name, []])));
  });
});
