import { generateKeyPairSync } from 'node:crypto';
import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { canonicalJson } from '../../../src/audit/canonical-json.ts';
import { hashOf } from '../../../src/audit/chain.ts';
import { checkpointVerifier } from '../../../src/audit/checkpoint.ts';
import { auditSource } from '../../../src/audit/record-store.ts';
import { verifyChain } from '../../../src/audit/verify.ts';
import { systemClock, type Clock } from '../../../src/kernel/clock.ts';
import { silentLogger } from '../../../src/kernel/logger.ts';
import type { PaymentOutcome } from '../../../src/payments/contract.ts';
import type { AuditRecordResource, CaptureResource } from '../../../src/workflows/contract.ts';
import { reconcileOnce } from '../../../src/workflows/reconcile.ts';
import { interruptOrphans } from '../../../src/workflows/recovery.ts';
import { execute } from '../../support/database.ts';
import { createTestHttp, idempotencyKey, type TestHttp } from '../../support/http.ts';
import { paymentsWith } from '../../support/payments.ts';
import { ALL_CAPABILITIES, QUIET_PROVIDER } from '../../support/payment-provider.ts';

const CARD = '4242424242424242';
const POUND = 11;
const APPROVED: PaymentOutcome = { result: 'succeeded', providerReference: 'ref-1' };

let http: TestHttp;
let agent: string;
let callId: string;
let pay: () => Promise<PaymentOutcome>;
let lookup: () => Promise<PaymentOutcome | undefined>;

const provider = {
  name: 'scripted',
  capabilities: { ...ALL_CAPABILITIES, purposes: ['charge' as const], pin: false },
  ...QUIET_PROVIDER,
  pay: async () => await pay(),
  lookup: async () => await lookup(),
};

beforeEach(async () => {
  pay = async () => APPROVED;
  lookup = async () => undefined;
  http = await createTestHttp({ provider });
  agent = await http.token({ roles: ['agent'], subject: 'agent-1', clientId: 'desk' });
  callId = await http.call({ agentId: 'agent-1' });
});
afterEach(() => http.close());

async function post(path: string, payload?: object, token = agent): Promise<CaptureResource> {
  const { statusCode, body } = await http.server.inject({
    method: 'POST',
    url: path,
    headers: { authorization: `Bearer ${token}`, ...idempotencyKey() },
    ...(payload && { payload }),
  });
  expect([statusCode, body]).toEqual([expect.toSatisfy((status: number) => status < 300), body]);
  return JSON.parse(body) as CaptureResource;
}

const start = async (): Promise<CaptureResource> =>
  await post('/v1/captures', {
    agent_id: 'agent-1',
    purpose: 'charge',
    amount: { value: 4200, currency: 'EUR' },
    reference: 'order-2026-03-04-000123',
    fields: [{ field: 'card_number' }, { field: 'expiry' }, { field: 'security_code' }],
  });

/** The caller keys these, once masking is there. */
async function key(...keys: number[]): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  for (const code of keys) http.calls.listeners.get(callId)?.key(code);
}

const keyCard = async (): Promise<void> => {
  await key(...Array.from(CARD, Number), POUND, 1, 2, 3, 9, 1, 2, 3, POUND);
};

async function records(filter = ''): Promise<AuditRecordResource[]> {
  const { body } = await http.server.inject({
    url: `/v1/audit?limit=200${filter}`,
    headers: { authorization: `Bearer ${await http.token({ roles: ['auditor'] })}` },
  });
  return (JSON.parse(body) as { records: AuditRecordResource[] }).records.toReversed();
}

/** Keeps every writer of audit records waiting, until it lets go. */
async function holdHead(): Promise<() => Promise<void>> {
  const client = new Client({ connectionString: http.db.url });
  await client.connect();
  await client.query('begin');
  await client.query('select * from audit_heads for update');
  return async () => await client.end();
}

const statusesOf = (all: readonly AuditRecordResource[]): string[] =>
  all
    .filter(({ after }) => after?.['status'] !== undefined)
    .map(
      ({ operation, reason, after }) =>
        `${operation}${reason ? `(${reason})` : ''} → ${JSON.stringify(after?.['status']).slice(1, -1)}`,
    );

async function expectSound(): Promise<void> {
  const verifyCheckpoint = await checkpointVerifier([generateKeyPairSync('ed25519').publicKey]);
  const found = await verifyChain(auditSource(http.db.database, 'acc_a'), {
    accountId: 'acc_a',
    verifyCheckpoint,
  });
  expect(found).not.toHaveProperty('fault');
}

test('a charge, from its start to its end, can be followed', async () => {
  const { id } = await start();
  await keyCard();
  await post(`/v1/captures/${id}/pause`);
  await post(`/v1/captures/${id}/resume`);
  await post(`/v1/captures/${id}/submit`);
  await http.captures.settle(5000);

  const of = await records(`&object_id=${id}`);
  expect(statusesOf(of)).toEqual([
    'capture.create → created',
    'capture.status(secure_requested) → securing',
    'capture.status(secured) → collecting',
    'capture.status(key) → ready',
    'capture.submit → processing',
    'capture.status(provider_succeeded) → succeeded',
  ]);
  const byAgent = of.filter(({ actor }) => actor.kind === 'client');
  expect(byAgent.map(({ operation }) => operation)).toEqual([
    'capture.create',
    'capture.pause',
    'capture.resume',
    'capture.submit',
  ]);
  for (const record of byAgent) {
    expect(record).toMatchObject({
      actor: { client_id: 'desk', subject: 'agent-1', roles: ['agent'] },
      address: '127.0.0.1',
      request_id: expect.stringMatching(/^req_/) as string,
      result: 'done',
    });
  }
  expect(
    of.filter(({ actor }) => actor.kind === 'system').every(({ address }) => address === undefined),
  ).toBe(true);
  expect(of.find(({ operation }) => operation === 'capture.pause')).toMatchObject({
    before: { paused: null },
    after: { paused: 'agent' },
  });
  await expectSound();
});

test('money leaves its own records: before it is sent, and what came of it', async () => {
  const { id } = await start();
  await keyCard();
  await post(`/v1/captures/${id}/submit`);
  await http.captures.settle(5000);
  const attempts = await records('&object_type=payment_attempt');
  expect(attempts).toMatchObject([
    {
      operation: 'payment.attempt',
      after: {
        capture_id: id,
        state: 'processing',
        operation: 'charge',
        amount: { value: 4200, currency: 'EUR' },
      },
    },
    { operation: 'payment.outcome', after: { state: 'succeeded' }, result: 'done' },
  ]);
});

test('evidence is sealed: its hash is in the chain', async () => {
  const { id } = await start();
  await post(`/v1/captures/${id}/cancel`);
  await http.captures.settle(5000);
  const [stored] = await execute<{ evidence: unknown }>(http.db.url, 'select evidence from captures');
  const [sealed] = await records('&operation=capture.evidence');
  expect(sealed?.after).toMatchObject({ evidence_sha256: hashOf(canonicalJson(stored?.evidence)) });
});

test('no record holds a digit that was keyed', async () => {
  const { id } = await start();
  await keyCard();
  await post(`/v1/captures/${id}/submit`);
  await http.captures.settle(5000);
  const text = JSON.stringify(await records());
  expect(text).not.toContain(CARD.slice(0, 12));
  expect(text).not.toContain('"last4"');
  expect(text).not.toMatch(/\d{12}/);
});

describe('a command', () => {
  test('is answered once its record is written', async () => {
    const { id } = await start();
    await keyCard();
    await post(`/v1/captures/${id}/cancel`);
    const [row] = await execute<{ record: string }>(
      http.db.url,
      `select record from audit_records where operation = 'capture.cancel'`,
    );
    expect(JSON.parse(row?.record ?? '{}')).toMatchObject({ object: { id }, after: { status: 'cancelled' } });
  });

  test('whose record cannot be written is not acknowledged', async () => {
    await http.close();
    // The patience of a command, ten seconds, is over soon; every other timer is as it is.
    const after: Clock['after'] = (ms, callback) => systemClock.after(ms === 10_000 ? 100 : ms, callback);
    http = await createTestHttp({ provider, clock: { ...systemClock, after } });
    agent = await http.token({ roles: ['agent'], subject: 'agent-1', clientId: 'desk' });
    callId = await http.call({ agentId: 'agent-1' });
    const { id } = await start();
    await keyCard();
    const letGo = await holdHead();
    const { statusCode, body } = await http.server.inject({
      method: 'POST',
      url: `/v1/captures/${id}/pause`,
      headers: { authorization: `Bearer ${agent}` },
    });
    expect([statusCode, JSON.parse(body)]).toEqual([
      503,
      expect.objectContaining({ code: 'record_pending' }),
    ]);
    await letGo();
    await http.captures.settle(5000);
    expect(await records('&operation=capture.pause')).toHaveLength(1);
  });

  test('that is refused changes nothing and leaves no record of a change', async () => {
    const { id } = await start();
    await keyCard();
    await http.captures.settle(5000);
    const before = (await records()).length;
    const { statusCode } = await http.server.inject({
      method: 'POST',
      url: `/v1/captures/${id}/focus`,
      headers: { authorization: `Bearer ${agent}` },
      payload: { field: 'postal_code' },
    });
    expect(statusCode).toBe(409);
    expect(await records('&operation=capture.focus')).toEqual([]);
    expect(await records()).toHaveLength(before);
  });
});

test('a capture that a dead process left open is ended on record', async () => {
  const { id } = await start();
  await keyCard();
  await http.captures.settle(5000);
  const { database } = http.db;
  await interruptOrphans({ database, clock: systemClock, logger: silentLogger }, { instanceId: 'test' });
  const [record] = await records('&operation=capture.interrupt');
  expect(record).toMatchObject({
    actor: { kind: 'system' },
    object: { type: 'capture', id },
    reason: 'process_lost',
    before: { status: 'ready' },
    after: { status: 'interrupted' },
  });
  await expectSound();
});

test('a payment that was looked up later is corrected on record', async () => {
  const { id } = await start();
  await keyCard();
  // What a lost answer leaves: an attempt without an outcome on a capture that is over.
  await post(`/v1/captures/${id}/cancel`);
  await http.captures.settle(5000);
  await execute(
    http.db.url,
    `insert into payment_attempts (id, account_id, capture_id, provider, idempotency_key, operation, amount, currency, provider_id, mode)
     values ('att_1', 'acc_a', $1, 'scripted', 'att_1', 'charge', 4200, 'EUR', 'default', 'test')`,
    [id],
  );
  lookup = async () => APPROVED;
  const { database } = http.db;
  await expect(reconcileOnce(paymentsWith({ database, provider, clock: systemClock }))).resolves.toBe(1);
  const [record] = await records('&operation=payment.settle');
  expect(record).toMatchObject({
    object: { type: 'capture', id },
    before: { payment: null },
    after: { payment: { status: 'succeeded' } },
  });
});

describe('the release of a lock', () => {
  const release = async (id: string): Promise<number> => {
    const token = await http.token({ subject: 'sam', roles: ['supervisor'] });
    const { statusCode } = await http.server.inject({
      method: 'POST',
      url: `/v1/calls/${id}/release`,
      headers: { authorization: `Bearer ${token}` },
    });
    return statusCode;
  };

  test('is on record before it is done, and after', async () => {
    const masked = await http.call({ agentId: 'agent-2', masked: true });
    expect(await release(masked)).toBe(200);
    expect(await records(`&object_id=${masked}`)).toMatchObject([
      { operation: 'call.release', actor: { subject: 'sam' }, before: { masked: true } },
      { operation: 'call.unlock', result: 'done', before: { masked: true }, after: { masked: false } },
    ]);
  });

  test('that fails says so', async () => {
    expect(await release(callId)).toBe(409);
    expect(await records(`&object_id=${callId}`)).toMatchObject([
      { operation: 'call.release' },
      { operation: 'call.unlock', result: 'failed', reason: 'call_not_masked' },
    ]);
  });
});
