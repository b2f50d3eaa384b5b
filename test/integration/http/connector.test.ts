import { Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  createSandboxProviderServer,
  type SandboxProviderServer,
} from '../../../simulators/sandbox-provider/server.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { HushtoneError } from '../../../src/kernel/errors.ts';
import { silentLogger } from '../../../src/kernel/logger.ts';
import type { PaymentProvider } from '../../../src/payments/contract.ts';
import { connectSandboxProvider } from '../../../src/payments/sandbox/provider.ts';
import type { ConnectorAnswerBody, ConnectorDesk } from '../../../src/workflows/connector/contract.ts';
import { createConnectorDesk } from '../../../src/workflows/connector/desk.ts';
import { Idempotency } from '../../../src/workflows/idempotency.ts';
import { basic, CLIENT, createTokenHttp, newKeyRing, registryOf } from '../../support/authorization.ts';
import { createTestDatabase, execute, type TestDatabase } from '../../support/database.ts';
import type { TestHttp } from '../../support/http.ts';
import { paymentsWith } from '../../support/payments.ts';
import { adapterOptions, makeCertificates, type Certificates } from '../payments/sandbox.ts';

const PATH = '/v1/connector/payments';
const CHARGE = {
  method: 'charge',
  transaction_id: 'TX-1',
  cardnumber: '4012001037141112',
  cvv: '123',
  expiry_month: '08',
  expiry_year: '39',
  amount: '12.50',
  currency_code: 'EUR',
  description: 'order-5',
  postal_code: '94107',
  parameters: { customer_reference: 'customer-7' },
};

let certificates: Certificates;
let sandbox: SandboxProviderServer;
let provider: PaymentProvider;
let db: TestDatabase;
let http: TestHttp;
let credentials: Record<string, string>;
let transactions = 0;

beforeAll(async () => {
  certificates = await makeCertificates();
  sandbox = await createSandboxProviderServer({ tls: certificates.server, adminToken: 'admin-token' });
  provider = await connectSandboxProvider(
    adapterOptions(sandbox.url, certificates.client, { timeoutMs: 2000 }),
  );
  db = await createTestDatabase({ poolSize: 10 });
  const keys = newKeyRing();
  const { database } = db;
  const clock = systemClock;
  const connector: ConnectorDesk = createConnectorDesk({
    ...paymentsWith({ database, clock, provider }),
    idempotency: new Idempotency({ database, clock, logger: silentLogger }),
    mode: 'test',
  });
  http = await createTokenHttp(db, clock, keys, { connector, provider });
  await registryOf(db, clock).createAccount('acc_a', []);
  credentials = await newCredentials();
});

afterEach(() => sandbox.admin.reset());

afterAll(async () => {
  await http?.close();
  await provider?.close();
  await sandbox?.close();
  await certificates?.remove();
  await db?.close();
});

async function newCredentials(request: Partial<typeof CLIENT> = {}): Promise<Record<string, string>> {
  const asked = { ...CLIENT, scopes: ['payments:write'], ...request };
  const { client, secret } = await registryOf(db, systemClock).createClient(asked);
  return basic(client.id, secret?.secret ?? '');
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: ConnectorAnswerBody;
}

/** Every answer is checked against openapi.yaml on its way out: one that does not fit comes as a 500. */
async function post(
  changes: object | string = {},
  { headers = credentials, to = http, address = '192.0.2.10' } = {},
): Promise<Answer> {
  const answer = await to.server.inject({
    method: 'POST',
    url: PATH,
    headers: { 'content-type': 'application/json', ...headers },
    payload: typeof changes === 'string' ? changes : JSON.stringify({ ...CHARGE, ...changes }),
    remoteAddress: address,
  });
  return { status: answer.statusCode, headers: answer.headers, body: answer.json() };
}

const newId = (): string => `TX-${(transactions += 1)}-${'x'.repeat(20)}`;

const rows = async (sql: string, values: unknown[] = []): Promise<Record<string, unknown>[]> =>
  await execute<Record<string, unknown>>(db.url, sql, values);

describe('another voice platform', () => {
  it('has a card charged: digit by digit, once, on record and audited', async () => {
    const transaction_id = newId();
    const { status, body, headers } = await post({ transaction_id });
    expect([status, headers['cache-control']]).toEqual([200, 'no-store']);
    expect(body).toEqual({
      charge_id: expect.stringMatching(/^pay_/) as string,
      error_code: null,
      error_message: null,
      parameters: {},
    });
    expect(await sandbox.admin.ledger()).toMatchObject([
      {
        purpose: 'charge',
        amount: 1250,
        currency: 'EUR',
        reference: 'order-5',
        customerReference: 'customer-7',
        cardNumber: '4012001037141112',
        expiry: '0839',
        securityCode: '123',
        postalCode: '94107',
        requests: 1,
      },
    ]);
    const [payment] = await rows('select * from payments where id = $1', [body.charge_id]);
    expect(payment).toMatchObject({ status: 'captured', brand: 'visa', last4: '1112', reference: 'order-5' });
    const audited = await rows(
      `select operation, record::jsonb -> 'actor' ->> 'kind' as kind from audit_records
       where object_id = $1 or record::jsonb -> 'after' ->> 'payment_id' = $1 order by sequence`,
      [body.charge_id],
    );
    expect(audited).toEqual([
      { operation: 'payment.create', kind: 'client' },
      { operation: 'payment.attempt', kind: 'system' },
      { operation: 'payment.outcome', kind: 'system' },
    ]);
  });

  it('has a card kept by the provider', async () => {
    const transaction_id = newId();
    const first = await post({ method: 'tokenize', transaction_id, amount: undefined });
    expect(first).toMatchObject({
      status: 200,
      body: { token_id: expect.stringMatching(/^tok_sandbox_/) as string, error_code: null },
    });
    expect((await post({ method: 'tokenize', transaction_id })).body).toEqual(first.body);
    expect(await sandbox.admin.ledger()).toHaveLength(1);
    const audited = await rows(`select 1 from audit_records where operation = 'card.tokenize'`);
    expect(audited.length).toBeGreaterThan(0);
  });

  it('is told a decline in its own words', async () => {
    const transaction_id = newId();
    const { status, body } = await post({ transaction_id, cardnumber: '4000000000009995' });
    expect([status, body]).toEqual([
      200,
      {
        charge_id: null,
        error_code: 'insufficient_funds',
        error_message: expect.stringMatching(/card/) as string,
        parameters: {},
      },
    ]);
    expect((await post({ transaction_id, cardnumber: '4000000000009995' })).body).toEqual(body);
    const kept = await post({ method: 'tokenize', transaction_id: newId(), cardnumber: '4000000000000002' });
    expect(kept.body).toMatchObject({ token_id: null, error_code: 'generic_decline' });
  });

  it('moves money once under one transaction_id, one after the other and at once', async () => {
    const transaction_id = newId();
    const answers = await Promise.all(Array.from({ length: 4 }, () => post({ transaction_id })));
    const [first] = answers;
    expect(first?.status).toBe(200);
    for (const answer of answers) expect(answer.body).toEqual(first?.body);
    expect((await post({ transaction_id })).body).toEqual(first?.body);
    expect(await sandbox.admin.ledger()).toMatchObject([{ requests: 1 }]);
    const other = await post({ transaction_id, amount: '12.51' });
    expect(other).toMatchObject({ status: 422, body: { error_code: 'transaction_id_reused' } });
    expect(await sandbox.admin.ledger()).toHaveLength(1);
  });

  it('has a name of its own for its requests: another client may use the same', async () => {
    const transaction_id = newId();
    const [mine, theirs] = [
      await post({ transaction_id }),
      await post({ transaction_id }, { headers: await newCredentials() }),
    ];
    expect(mine.body.charge_id).not.toBe(theirs.body.charge_id);
    expect(await sandbox.admin.ledger()).toHaveLength(2);
  });

  it('is told of the first payment when its answer was lost', async () => {
    const transaction_id = newId();
    await sandbox.admin.setFaults([{ kind: 'lose_answer' }]);
    expect(await post({ transaction_id })).toMatchObject({ status: 200, body: { error_code: null } });
    expect(await sandbox.admin.ledger()).toMatchObject([{ requests: 1 }]);
  });

  it('asks again when nobody knows, and is told once it is known', async () => {
    const transaction_id = newId();
    await sandbox.admin.setFaults([
      { kind: 'lose_answer' },
      { kind: 'server_error', target: 'lookup', times: 20 },
    ]);
    const lost = await post({ transaction_id });
    expect(lost).toMatchObject({ status: 503, body: { charge_id: null, error_code: 'outcome_unknown' } });
    const again = await post({ transaction_id });
    expect(again).toMatchObject({ status: 503, body: { error_code: 'outcome_unknown' } });
    // As the reconciler settles it.
    await rows(
      `update payments set status = 'captured', amount_captured = amount, provider_reference = 'chg_1'
       where status = 'unknown'`,
    );
    expect(await post({ transaction_id })).toMatchObject({ status: 200, body: { error_code: null } });
    expect(await sandbox.admin.ledger()).toMatchObject([{ requests: 1 }]);
  }, 60_000);

  it('may try again when nothing was sent', async () => {
    const transaction_id = newId();
    await sandbox.admin.setFaults([{ kind: 'not_processed' }]);
    const refused = await post({ transaction_id, method: 'tokenize' });
    expect(refused).toMatchObject({ status: 503, body: { token_id: null, error_code: 'unavailable' } });
    expect(await post({ transaction_id, method: 'tokenize' })).toMatchObject({ status: 200 });
    const charge = newId();
    await sandbox.admin.setFaults([{ kind: 'not_processed' }]);
    // A payment that failed for certain is one: another try has a transaction_id of its own.
    expect(await post({ transaction_id: charge })).toMatchObject({
      status: 200,
      body: { charge_id: null, error_code: 'unavailable' },
    });
  });

  it('moves money once when the database fails after the payment was written', async () => {
    const { database } = db;
    // The commit of the first attempt is done, and its answer lost.
    let lost = false;
    const losing: typeof database = {
      ...database,
      async transaction(accountId, work) {
        let wrote = false;
        const value = await database.transaction(accountId, async (tx) => {
          const spying = {
            query: async <Row extends object>(sql: string, values?: unknown[]): Promise<Row[]> => {
              wrote ||= /insert into payment_attempts/i.test(sql);
              return await tx.query<Row>(sql, values);
            },
          };
          return await work(spying);
        });
        if (!wrote || lost) return value;
        lost = true;
        throw new HushtoneError('database_unavailable', 'unavailable', 'The database does not answer.');
      },
    };
    const desk = createConnectorDesk({
      ...paymentsWith({ database: losing, clock: systemClock, provider }),
      idempotency: new Idempotency({ database, clock: systemClock, logger: silentLogger }),
      mode: 'test',
    });
    const actor = {
      accountId: 'acc_a',
      subject: 'platform',
      clientId: 'cli_1',
      roles: ['integrator' as const],
      scopes: new Set<string>(),
      reach: ['account' as const],
    };
    const transaction_id = newId();
    const take = async (): Promise<unknown> =>
      await desk.take(actor, Readable.from([Buffer.from(JSON.stringify({ ...CHARGE, transaction_id }))]));
    expect(await take()).toMatchObject({ status: 503, body: { error_code: 'database_unavailable' } });
    // It is the same payment, of which nobody knows yet: not another one.
    expect(await take()).toMatchObject({ status: 503, body: { error_code: 'outcome_unknown' } });
    expect(lost).toBe(true);
    expect(await rows(`select 1 from payments where requested_by = 'platform'`)).toHaveLength(1);
    expect(await sandbox.admin.ledger()).toEqual([]);
  });

  it('is refused what its provider cannot do, before anything is on record', async () => {
    const transaction_id = newId();
    const live = await post({ transaction_id, parameters: { mode: 'live' } });
    expect(live).toMatchObject({ status: 503, body: { error_code: 'provider_not_configured' } });
    expect(await sandbox.admin.ledger()).toEqual([]);
    expect(await post({ transaction_id })).toMatchObject({ status: 200 });
  });

  it.each<[string, object | string, number, string]>([
    ['no JSON', 'oops', 400, 'malformed_json'],
    ['an empty body', '', 400, 'malformed_json'],
    ['an unknown method', { method: 'refund' }, 400, 'method_unknown'],
    ['no card number', { cardnumber: undefined }, 400, 'cardnumber_missing'],
    ['a wrong check digit', { cardnumber: '4012001037141113' }, 400, 'incorrect_number'],
    ['a bank account', { bankaccountnumber: '1' }, 400, 'bank_account_not_supported'],
    [
      'a card number in the description',
      { description: '4012 0010 3714 1112' },
      400,
      'description_like_card',
    ],
    ['what is too long', { pad: 'x'.repeat(17_000) }, 400, 'request_too_long'],
    ['what is far too long', { pad: 'x'.repeat(40_000) }, 413, 'body_too_large'],
  ])('is told in its own words of %s', async (_what, changes, status, code) => {
    const answer = await post(changes);
    expect([answer.status, answer.body.error_code]).toEqual([status, code]);
    expect(JSON.stringify(answer.body)).not.toMatch(/\d{6}/);
    expect(await sandbox.admin.ledger()).toEqual([]);
  });

  it('sends JSON and nothing else', async () => {
    const answer = await post({}, { headers: { ...credentials, 'content-type': 'text/plain' } });
    expect([answer.status, answer.body.error_code]).toEqual([415, 'media_type_unsupported']);
  });

  it('proves who it is, and may take payments', async () => {
    const wrong = { authorization: `${credentials['authorization']?.slice(0, -4)}AAAA` };
    expect(await post({}, { headers: wrong, address: '192.0.2.20' })).toMatchObject({
      status: 401,
      headers: { 'www-authenticate': 'Basic realm="hushtone", charset="UTF-8"' },
      body: { error_code: 'invalid_client' },
    });
    expect(await post({}, { headers: {} })).toMatchObject({ status: 401 });
    expect(await post({}, { headers: { authorization: 'Bearer x' } })).toMatchObject({ status: 401 });
    const scopeless = await newCredentials({ scopes: ['payments:read'] });
    expect(await post({}, { headers: scopeless })).toMatchObject({
      status: 403,
      body: { error_code: 'invalid_scope' },
    });
    const supervisor = await newCredentials({ roles: ['supervisor'] });
    expect(await post({}, { headers: supervisor })).toMatchObject({
      status: 403,
      body: { error_code: 'role_forbidden' },
    });
    expect(await sandbox.admin.ledger()).toEqual([]);
  });

  it('is locked out after five wrong secrets', async () => {
    const [own, wrong] = [await newCredentials(), 'sec_00000000000000000000000000.x'];
    const id =
      Buffer.from(own['authorization']?.slice(6) ?? '', 'base64')
        .toString()
        .split(':')[0] ?? '';
    const guess = (): Promise<Answer> => post({}, { headers: basic(id, wrong), address: '192.0.2.30' });
    const statuses: number[] = [];
    for (let tries = 0; tries < 5; tries += 1) statuses.push((await guess()).status);
    expect(statuses).toEqual([401, 401, 401, 401, 429]);
    const right = await post({}, { headers: own, address: '192.0.2.30' });
    expect(right).toMatchObject({ status: 429, headers: { 'retry-after': expect.any(String) as string } });
  });

  it('finds nothing where the operation is switched off', async () => {
    const otherDb = await createTestDatabase();
    const off = await createTokenHttp(otherDb, systemClock, newKeyRing(), { provider });
    try {
      expect(await post({}, { to: off })).toMatchObject({
        status: 404,
        body: { error_code: 'route_not_found' },
      });
    } finally {
      await off.close();
      await otherDb.close();
    }
  });
});
