import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSecretSeal } from '../../../src/events/webhooks/secret-seal.ts';
import { createSender } from '../../../src/events/webhooks/sender.ts';
import type { AccountEvent } from '../../../src/events/types.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { silentLogger } from '../../../src/kernel/logger.ts';
import type {
  WebhookDeliveryResource,
  WebhookWithSecretResource,
} from '../../../src/workflows/webhooks/contract.ts';
import { AccountStream } from '../../../src/workflows/webhooks/account-stream.ts';
import { Webhooks } from '../../../src/workflows/webhooks/desk.ts';
import { startWebhookRunner, type WebhookRunner } from '../../../src/workflows/webhooks/runner.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { createTestHttp, idempotencyKey, type TestHttp } from '../../support/http.ts';
import { LOOPBACK } from './bench.ts';
import { startReceiver, type Receiver } from './receiver.ts';

let db: TestDatabase;
let http: TestHttp;
let runner: WebhookRunner;
let receiver: Receiver;
let origin: string;

beforeAll(async () => {
  db = await createTestDatabase({ poolSize: 8 });
  const seal = createSecretSeal([Buffer.alloc(32, 3)]);
  const { database } = db;
  receiver = await startReceiver();
  http = await createTestHttp({
    db,
    webhooks: new Webhooks({ database, seal, policy: LOOPBACK, clock: systemClock }),
  });
  origin = await http.server.listen({ host: '127.0.0.1', port: 0 });
  runner = await startWebhookRunner({
    database,
    databaseUrl: db.url,
    concurrency: 2,
    seal,
    send: createSender({ policy: LOOPBACK }),
    clock: systemClock,
    logger: silentLogger,
    random: () => 0.5,
  });
});

afterAll(async () => {
  await runner.stop();
  await http.close();
  await receiver.close();
  await db.close();
});

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

/** Every answer is checked against openapi.yaml on its way out: one that does not fit comes as a 500. */
async function call(
  method: Method,
  path: string,
  body?: unknown,
  token?: string,
): Promise<{ status: number; headers: Headers; body: unknown }> {
  const answer = await fetch(`${origin}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token ?? (await http.token())}`,
      ...idempotencyKey(),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return {
    status: answer.status,
    headers: answer.headers,
    body: text === '' ? undefined : JSON.parse(text),
  };
}

interface Stream {
  next(count: number): Promise<{ id: string; type: string; event: AccountEvent }[]>;
  close(): Promise<void>;
}

async function follow(lastEventId?: number, token?: string): Promise<Stream> {
  const abort = new AbortController();
  const answer = await fetch(`${origin}/v1/events`, {
    signal: abort.signal,
    headers: {
      authorization: `Bearer ${token ?? (await http.token())}`,
      ...(lastEventId !== undefined && { 'last-event-id': String(lastEventId) }),
    },
  });
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toContain('text/event-stream');
  const reader = answer.body?.getReader();
  let text = '';
  return {
    async next(count) {
      for (;;) {
        const blocks = text
          .split('\n\n')
          .slice(0, -1)
          .filter((block) => block.startsWith('id: '));
        if (blocks.length >= count) {
          return blocks.map((block) => {
            const [id = '', type = '', data = ''] = block
              .split('\n')
              .map((line) => line.slice(line.indexOf(': ') + 2));
            return { id, type, event: JSON.parse(data) as AccountEvent };
          });
        }
        const chunk = await reader?.read();
        if (chunk?.done !== false) throw new Error('the stream has ended');
        text += Buffer.from(chunk.value).toString();
      }
    },
    async close() {
      abort.abort();
      await reader?.read().catch(() => undefined);
    },
  };
}

/** A capture that is started and cancelled. */
async function runCapture(agentId: string, accountId = 'acc_a'): Promise<string> {
  await http.call({ agentId, accountId });
  const token = await http.token({ accountId });
  const amount = { value: 4200, currency: 'EUR' };
  const started = await call('POST', '/v1/captures', { agent_id: agentId, purpose: 'charge', amount }, token);
  expect(started.status).toBe(201);
  const { id } = started.body as { id: string };
  await call('POST', `/v1/captures/${id}/cancel`, undefined, token);
  await http.captures.settle(5000);
  return id;
}

describe('webhooks over HTTP', () => {
  test('from the making of one to the events of a capture, and back to its deletion', async () => {
    await http.call({ agentId: 'agent-none' });
    const created = await call('POST', '/v1/webhooks', {
      url: receiver.url,
      description: 'order desk',
      ed25519: true,
    });
    expect(created.status).toBe(201);
    expect(created.headers.get('cache-control')).toBe('no-store');
    const webhook = created.body as WebhookWithSecretResource;
    const { id, secret } = webhook;
    const path = `/v1/webhooks/${id}`;
    expect(created.headers.get('location')).toBe(path);
    const read = await call('GET', path);
    expect(read.body).toEqual({ ...webhook, secret: undefined });
    expect((await call('GET', '/v1/webhooks')).body).toEqual({ webhooks: [read.body] });

    const captureId = await runCapture('agent-hooked');
    await receiver.arrived(3); // securing, collecting, cancelled
    for (const { body, headers } of receiver.requests) {
      new Webhook(secret).verify(body, headers as Record<string, string>);
    }
    const types = receiver.requests.map(({ event }) => event.type);
    expect(types[0]).toBe('capture.securing');
    expect(types).toContain('capture.cancelled');
    expect(receiver.requests.every(({ body }) => body.includes(captureId))).toBe(true);
    expect(receiver.requests.some(({ body }) => body.includes('5551112222'))).toBe(false);

    const log = await call('GET', `${path}/deliveries?limit=1&status=delivered`);
    expect(log.status).toBe(200);
    const { deliveries } = log.body as { deliveries: WebhookDeliveryResource[] };
    expect(deliveries).toHaveLength(1);
    const replay = await call('POST', `${path}/deliveries/${deliveries[0]?.id}/replay`);
    expect(replay.status).toBe(202);
    await receiver.arrived(receiver.requests.length + 1);

    expect(await call('POST', `${path}/rotate`, { overlap_seconds: 60 })).toMatchObject({
      status: 200,
      body: { id, secret: expect.stringMatching(/^whsec_/) as string },
    });
    expect((await call('POST', `${path}/rotate`)).status).toBe(200);
    expect(await call('PATCH', path, { enabled: false })).toMatchObject({
      status: 200,
      body: { enabled: false, disabled_reason: 'by_request' },
    });
    expect(await call('POST', `${path}/deliveries/${deliveries[0]?.id}/replay`)).toMatchObject({
      status: 409,
      body: { code: 'webhook_disabled' },
    });
    expect(await call('DELETE', path)).toMatchObject({ status: 204, body: undefined });
    expect(await call('GET', path)).toMatchObject({ status: 404, body: { code: 'webhook_not_found' } });
  });

  test.each([
    [{}, 'request_invalid'],
    [{ url: 'https://example.com/', event_types: ['capture.exploded'] }, 'request_invalid'],
    [{ url: 'https://example.com/', secret: 'whsec_mine' }, 'request_invalid'],
    [{ url: 'https://169.254.169.254/' }, 'webhook_url_refused'],
    [{ url: 'http://example.com/' }, 'webhook_url_refused'],
    [{ url: 'https://example.com/', description: '4242 4242 4242 4242' }, 'description_like_card'],
  ])('%o is refused', async (body, code) => {
    expect(await call('POST', '/v1/webhooks', body)).toMatchObject({ status: 400, body: { code } });
  });

  test('are for roles and scopes that may', async () => {
    const agent = await http.token({ roles: ['agent'] });
    expect((await call('GET', '/v1/webhooks', undefined, agent)).status).toBe(403);
    const reader = await http.token({ scopes: ['webhooks:read'] });
    expect((await call('GET', '/v1/webhooks', undefined, reader)).status).toBe(200);
    expect((await call('POST', '/v1/webhooks', { url: receiver.url }, reader)).body).toMatchObject({
      code: 'scope_missing',
    });
  });
});

describe("the account's events", () => {
  test('come to a supervisor as they happen, and again from any number on', async () => {
    const supervisor = await http.token({ roles: ['supervisor'], accountId: 'acc_a' });
    const stream = await follow(undefined, supervisor);
    const captureId = await runCapture('agent-watched');
    const live = await stream.next(2);
    await stream.close();
    expect(live[0]).toMatchObject({
      type: 'capture.securing',
      event: { data: { capture: { id: captureId } } },
    });
    const numbers = live.map(({ event }) => event.sequence);
    expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index));
    expect(live.map(({ id, type }) => [id, type])).toEqual(
      live.map(({ event }) => [String(event.sequence), event.type]),
    );

    const again = await follow((numbers[0] ?? 0) - 1, supervisor);
    expect((await again.next(live.length)).slice(0, live.length)).toEqual(live);
    await again.close();
    const all = await follow(0, supervisor);
    const [first] = await all.next(1);
    expect(first?.event.sequence).toBe(1);
    await all.close();
  });

  test('come in whole pages, however many there are', async () => {
    await http.call({ agentId: 'agent-many', accountId: 'acc_many' });
    const { publish } = await import('../../../src/events/outbox-store.ts');
    const at = new Date();
    const data = {
      webhook: { id: 'whk_5m2kqa9m4rvx3t8npwzc6edy5b', reason: 'gone', disabled_at: at.toISOString() },
    } as const;
    await db.database.transaction('acc_many', async (tx) => {
      await publish(
        tx,
        'acc_many',
        Array.from({ length: 1234 }, () => ({ type: 'webhook.disabled' as const, at, data })),
      );
    });
    const stream = await follow(0, await http.token({ roles: ['supervisor'], accountId: 'acc_many' }));
    const events = await stream.next(1234);
    await stream.close();
    expect(events.map(({ event }) => event.sequence)).toEqual(events.map((_, index) => index + 1));
  });

  test('are those of one account', async () => {
    const other = await follow(0, await http.token({ accountId: 'acc_b' }));
    await runCapture('agent-a');
    const own = await runCapture('agent-b', 'acc_b');
    const [first, second] = await other.next(2);
    await other.close();
    expect([first, second].map((each) => each?.event.sequence)).toEqual([1, 2]);
    expect(JSON.stringify([first, second])).toContain(own);
  });

  test('are written by any process: the stream hears of them through the database', async () => {
    const elsewhere = new AccountStream({
      database: db.database,
      databaseUrl: db.url,
      clock: systemClock,
      logger: silentLogger,
    });
    await elsewhere.start();
    const heard: AccountEvent[] = [];
    let enough: () => void = () => undefined;
    const done = new Promise<void>((resolve) => {
      enough = resolve;
    });
    const subscription = await elsewhere.follow(
      { accountId: 'acc_a' },
      undefined,
      async (events) => {
        heard.push(...events);
        if (heard.length >= 2) enough();
      },
      () => undefined,
    );
    const captureId = await runCapture('agent-elsewhere');
    await done;
    subscription.close();
    await elsewhere.stop();
    expect(JSON.stringify(heard[0])).toContain(captureId);
  });

  test('are not for an agent, nor without the scope', async () => {
    const agent = await http.token({ roles: ['agent'] });
    expect((await call('GET', '/v1/events', undefined, agent)).status).toBe(403);
    const bare = await http.token({ scopes: ['captures:read'] });
    expect((await call('GET', '/v1/events', undefined, bare)).body).toMatchObject({ code: 'scope_missing' });
  });
});
