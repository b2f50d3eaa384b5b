import { createPublicKey, verify } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startWebhookRunner } from '../../../src/workflows/webhooks/runner.ts';
import { recoverDeliveries } from '../../../src/workflows/webhooks/deliver.ts';
import { RETRY_DELAYS_MS } from '../../../src/events/webhooks/retry-schedule.ts';
import { execute } from '../../support/database.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { ACCOUNT, ACTOR, captureEvent, makeBench, type Bench } from './bench.ts';
import { startReceiver, type Received, type Receiver } from './receiver.ts';

const HOUR = 3_600_000;

let bench: Bench;
let receiver: Receiver;

beforeEach(async () => {
  bench = await makeBench();
  receiver = await startReceiver();
});

afterEach(async () => {
  await receiver.close();
  await bench.close();
});

/** By the official library, with the secret as it was shown. */
function verified(secret: string, { body, headers }: Received): unknown {
  return new Webhook(secret).verify(body, headers as Record<string, string>);
}

const typesOf = (events: readonly { type: string }[]): string[] => events.map(({ type }) => type);

describe('a delivery', () => {
  test('is signed so that the official library takes it, thin, and logged without its body', async () => {
    const { id, secret } = await bench.desk.create(ACTOR, { url: receiver.url });
    await bench.tell(captureEvent('payment.succeeded', bench.clock.now()));
    await bench.work();
    const [received] = receiver.requests;
    if (received === undefined) throw new Error('nothing arrived');
    expect(verified(secret, received)).toEqual(received.event);
    expect(() => verified(`whsec_${Buffer.alloc(32).toString('base64')}`, received)).toThrow(
      'No matching signature',
    );
    expect(received.headers['webhook-id']).toBe(received.event.id);
    expect(received.event).toMatchObject({
      sequence: 1,
      type: 'payment.succeeded',
      data: { capture: { last4: '4242' }, payment: { status: 'succeeded' } },
    });
    expect(received.body.length).toBeLessThan(20_000);
    const { deliveries } = await bench.desk.deliveries(ACTOR, id, {});
    expect(deliveries).toMatchObject([
      {
        webhook_id: id,
        event_id: received.event.id,
        event_type: 'payment.succeeded',
        status: 'delivered',
        attempt_count: 1,
        attempts: [{ attempt: 1, response_status: 200 }],
      },
    ]);
  });

  test('goes to the endpoints that want its type, of its own account only', async () => {
    const wants = await bench.desk.create(ACTOR, { url: receiver.url, event_types: ['capture.failed'] });
    await bench.desk.create(ACTOR, { url: `${receiver.url}/off`, enabled: false });
    await execute(bench.db.url, `insert into accounts (id, account_id) values ('acc_other', 'acc_other')`);
    await bench.desk.create({ ...ACTOR, accountId: 'acc_other' }, { url: `${receiver.url}/other` });
    const at = bench.clock.now();
    await bench.tell(captureEvent('capture.collecting', at), captureEvent('capture.failed', at));
    await bench.work();
    expect(typesOf(receiver.taken)).toEqual(['capture.failed']);
    const { deliveries } = await bench.desk.deliveries(ACTOR, wants.id, {});
    expect(deliveries).toHaveLength(1);
  });

  test('does not exist when the change was rolled back', async () => {
    await bench.desk.create(ACTOR, { url: receiver.url });
    const at = bench.clock.now();
    const { database } = bench.db;
    const { publish } = await import('../../../src/events/outbox-store.ts');
    await expect(
      database.transaction(ACCOUNT, async (tx) => {
        await publish(tx, ACCOUNT, [captureEvent('capture.failed', at)]);
        throw new Error('rolled back');
      }),
    ).rejects.toThrow('rolled back');
    await bench.work();
    expect(receiver.requests).toEqual([]);
    await bench.tell(captureEvent('capture.ready', at));
    await bench.work();
    expect(receiver.taken).toMatchObject([{ type: 'capture.ready', sequence: 1 }]);
  });
});

describe('a receiver that is down for an hour', () => {
  test('loses nothing and gets every capture in order', async () => {
    const { id } = await bench.desk.create(ACTOR, { url: receiver.url });
    const down = bench.clock.now();
    receiver.answer = 503;
    await bench.tell(captureEvent('capture.securing', bench.clock.now()));
    await bench.tell(captureEvent('capture.securing', bench.clock.now(), 'cap_two'));
    await bench.work();
    await bench.tell(captureEvent('capture.collecting', bench.clock.now()));
    // Every try that falls into the hour fails, while more and more happens.
    const during: Parameters<typeof captureEvent>[0][] = [
      'capture.ready',
      'capture.processing',
      'payment.succeeded',
    ];
    for (;;) {
      const due = await bench.nextDue();
      if (due === undefined || due.getTime() - down.getTime() > HOUR) break;
      await bench.workNext();
      const type = during.shift();
      if (type === undefined) continue;
      await bench.tell(captureEvent(type, bench.clock.now()));
      await bench.tell(captureEvent(type, bench.clock.now(), 'cap_two'));
    }
    expect(during).toEqual([]);
    expect(receiver.taken).toEqual([]);
    const triedSoFar = receiver.requests.length;
    expect(triedSoFar).toBeGreaterThan(8);

    receiver.answer = 204;
    bench.clock.set(new Date(down.getTime() + HOUR));
    await bench.tell(captureEvent('capture.succeeded', bench.clock.now()));
    while (await bench.workNext());

    const of = (captureId: string) =>
      typesOf(receiver.taken.filter(({ data }) => 'capture' in data && data.capture.id === captureId));
    expect(of('cap_one')).toEqual([
      'capture.securing',
      'capture.collecting',
      'capture.ready',
      'capture.processing',
      'payment.succeeded',
      'capture.succeeded',
    ]);
    expect(of('cap_two')).toEqual([
      'capture.securing',
      'capture.ready',
      'capture.processing',
      'payment.succeeded',
    ]);
    // Only the first of each capture was ever tried in vain: the later ones waited behind it.
    const failed = receiver.requests.slice(0, triedSoFar).map(({ event }) => event.type);
    expect(new Set(failed)).toEqual(new Set(['capture.securing']));
    const { deliveries } = await bench.desk.deliveries(ACTOR, id, { limit: 100 });
    expect(deliveries.every(({ status }) => status === 'delivered')).toBe(true);
  });
});

describe('giving up', () => {
  test('comes after three days of tries, disables the endpoint and tells the others', async () => {
    receiver.answer = 500;
    const broken = await bench.desk.create(ACTOR, { url: receiver.url });
    const other = await startReceiver();
    try {
      await bench.desk.create(ACTOR, { url: other.url, event_types: ['webhook.disabled'] });
      const start = bench.clock.now();
      await bench.tell(captureEvent('capture.failed', start));
      await bench.tell(captureEvent('payment.unknown', start));
      while (await bench.workNext());
      expect(receiver.requests).toHaveLength(RETRY_DELAYS_MS.length + 1);
      expect(bench.clock.now().getTime() - start.getTime()).toBeGreaterThan(71 * HOUR);
      expect(new Set(receiver.requests.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
      expect(await bench.desk.get(ACTOR, broken.id)).toMatchObject({
        enabled: false,
        disabled_reason: 'given_up',
      });
      expect(other.taken).toMatchObject([
        { type: 'webhook.disabled', data: { webhook: { id: broken.id, reason: 'given_up' } } },
      ]);
      const trail = await execute<{ operation: string }>(
        bench.db.url,
        `select record::json->>'operation' as operation from audit_records order by sequence`,
      );
      expect(trail.map(({ operation }) => operation)).toContain('webhook.disable');

      // What was waiting behind is still there, and goes when the endpoint is enabled again.
      receiver.answer = 200;
      await bench.work();
      expect(receiver.taken).toEqual([]);
      await bench.desk.update(ACTOR, broken.id, { enabled: true });
      await bench.work();
      expect(typesOf(receiver.taken)).toEqual(['payment.unknown']);
    } finally {
      await other.close();
    }
  });

  test('comes at once with 410', async () => {
    receiver.answer = 410;
    const { id } = await bench.desk.create(ACTOR, { url: receiver.url });
    await bench.tell(captureEvent('capture.failed', bench.clock.now()));
    await bench.work();
    expect(receiver.requests).toHaveLength(1);
    expect(await bench.desk.get(ACTOR, id)).toMatchObject({ enabled: false, disabled_reason: 'gone' });
    const { deliveries } = await bench.desk.deliveries(ACTOR, id, {});
    expect(deliveries).toMatchObject([
      { status: 'given_up', attempts: [{ response_status: 410, error: 'gone' }] },
    ]);
    expect(await bench.workNext()).toBe(false);
  });
});

describe('replay', () => {
  test('sends what was given up, and what was taken, with the same id', async () => {
    receiver.answer = 410;
    const { id } = await bench.desk.create(ACTOR, { url: receiver.url });
    await bench.tell(captureEvent('capture.failed', bench.clock.now()));
    await bench.work();
    const [lost] = (await bench.desk.deliveries(ACTOR, id, {})).deliveries;
    if (lost === undefined) throw new Error('no delivery');
    await expect(bench.desk.replay(ACTOR, id, lost.id)).rejects.toMatchObject({ code: 'webhook_disabled' });
    receiver.answer = 200;
    await bench.desk.update(ACTOR, id, { enabled: true });
    for (const count of [1, 2]) {
      expect(await bench.desk.replay(ACTOR, id, lost.id)).toMatchObject({
        status: 'pending',
        attempt_count: count,
      });
      await bench.work();
    }
    expect(new Set(receiver.requests.map(({ event }) => event.id)).size).toBe(1);
    expect(receiver.taken).toHaveLength(2);
    const [after] = (await bench.desk.deliveries(ACTOR, id, {})).deliveries;
    expect(after).toMatchObject({ status: 'delivered', attempt_count: 3 });
    expect(after?.attempts.map(({ response_status }) => response_status)).toEqual([410, 200, 200]);
  });

  test('does not hold up what happens later', async () => {
    const { id } = await bench.desk.create(ACTOR, { url: receiver.url });
    await bench.tell(captureEvent('capture.securing', bench.clock.now()));
    await bench.work();
    const [first] = (await bench.desk.deliveries(ACTOR, id, {})).deliveries;
    receiver.answer = ({ event }) => (event.type === 'capture.securing' ? 500 : 200);
    await bench.desk.replay(ACTOR, id, first?.id ?? '');
    await bench.work();
    await bench.tell(captureEvent('capture.collecting', bench.clock.now()));
    await bench.work();
    expect(typesOf(receiver.taken)).toEqual(['capture.securing', 'capture.collecting']);
    await expect(bench.desk.replay(ACTOR, id, 'dlv_none')).rejects.toMatchObject({
      code: 'delivery_not_found',
    });
  });

  test('of what is pending only brings it forward', async () => {
    receiver.answer = 500;
    const { id } = await bench.desk.create(ACTOR, { url: receiver.url });
    await bench.tell(captureEvent('capture.securing', bench.clock.now()));
    await bench.work();
    await bench.tell(captureEvent('capture.collecting', bench.clock.now()));
    receiver.answer = 200;
    const { deliveries } = await bench.desk.deliveries(ACTOR, id, {});
    // The later one is asked for first and still waits its turn.
    for (const { id: deliveryId } of deliveries) await bench.desk.replay(ACTOR, id, deliveryId);
    await bench.work();
    expect(typesOf(receiver.taken)).toEqual(['capture.securing', 'capture.collecting']);
  });
});

describe('rotation', () => {
  test('signs with the old and the new secret while they overlap', async () => {
    const created = await bench.desk.create(ACTOR, { url: receiver.url, ed25519: true });
    const rotated = await bench.desk.rotate(ACTOR, created.id, { overlap_seconds: 3600 });
    expect(rotated.secret).not.toBe(created.secret);
    expect(JSON.stringify(await bench.desk.get(ACTOR, created.id))).not.toContain('whsec_');
    await bench.tell(captureEvent('capture.failed', bench.clock.now()));
    await bench.work();
    const [during] = receiver.requests;
    if (during === undefined) throw new Error('nothing arrived');
    verified(created.secret, during);
    verified(rotated.secret, during);
    const signatures = String(during.headers['webhook-signature']).split(' ');
    expect(signatures.map((signature) => signature.split(',')[0])).toEqual(['v1', 'v1', 'v1a', 'v1a']);
    expect(rotated.keys.filter(({ scheme }) => scheme === 'ed25519')).toHaveLength(2);
    for (const { public_key: publicKey = '' } of [...created.keys, ...rotated.keys].filter(
      (k) => k.public_key,
    )) {
      expect(signatures.some((signature) => verifiesEd25519(publicKey, during, signature))).toBe(true);
    }

    bench.clock.advance(3601 * 1000);
    await bench.tell(captureEvent('payment.failed', bench.clock.now()));
    await bench.work();
    const after = receiver.requests[1];
    if (after === undefined) throw new Error('nothing arrived');
    // The official library refuses what is older than five minutes by its own clock: the header is what counts here.
    expect(String(after.headers['webhook-signature']).split(' ')).toHaveLength(2);
    expect(new Webhook(rotated.secret).sign(after.event.id, bench.clock.now(), after.body)).toBe(
      String(after.headers['webhook-signature']).split(' ')[0],
    );
  });

  test('keeps secrets sealed, and destroys those that are over', async () => {
    const { id, secret } = await bench.desk.create(ACTOR, { url: receiver.url });
    const raw = Buffer.from(secret.slice('whsec_'.length), 'base64');
    const sealed = async () =>
      await execute<{ sealed: Buffer }>(bench.db.url, 'select sealed from webhook_secrets');
    expect((await sealed()).some((row) => row.sealed.includes(raw))).toBe(false);
    await bench.desk.rotate(ACTOR, id, { overlap_seconds: 0 });
    expect(await sealed()).toHaveLength(1);
    await bench.desk.remove(ACTOR, id);
    expect(await sealed()).toHaveLength(0);
  });

  test('stops when five keys overlap', async () => {
    const { id } = await bench.desk.create(ACTOR, { url: receiver.url });
    for (let count = 0; count < 4; count += 1) await bench.desk.rotate(ACTOR, id, {});
    await expect(bench.desk.rotate(ACTOR, id, {})).rejects.toMatchObject({ code: 'webhook_keys_too_many' });
  });
});

function verifiesEd25519(publicKey: string, { headers, body }: Received, signature: string): boolean {
  const [version, value = ''] = signature.split(',');
  if (version !== 'v1a') return false;
  const x = Buffer.from(publicKey.slice('whpk_'.length), 'base64').toString('base64url');
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  const signed = `${headers['webhook-id'] as string}.${headers['webhook-timestamp'] as string}.${body}`;
  return verify(null, Buffer.from(signed), key, Buffer.from(value, 'base64'));
}

describe('several processes', () => {
  test('deliver each event once in the good case, as soon as it is committed', async () => {
    await bench.desk.create(ACTOR, { url: receiver.url });
    const runners = await Promise.all(
      [1, 2].map(
        async () =>
          await startWebhookRunner({
            ...bench.deliver,
            clock: systemClock,
            databaseUrl: bench.db.url,
            concurrency: 4,
          }),
      ),
    );
    try {
      const at = systemClock.now();
      const captures = ['cap_one', 'cap_two'];
      for (const type of [
        'capture.securing',
        'capture.collecting',
        'capture.ready',
        'capture.failed',
      ] as const) {
        for (const captureId of captures) await bench.tell(captureEvent(type, at, captureId));
      }
      await receiver.arrived(8);
      await Promise.all(runners.map(async (runner) => await runner.stop()));
      expect(receiver.requests).toHaveLength(8);
      expect(new Set(receiver.requests.map(({ event }) => event.id)).size).toBe(8);
      for (const captureId of captures) {
        const own = receiver.taken.filter(({ data }) => 'capture' in data && data.capture.id === captureId);
        expect(typesOf(own)).toEqual([
          'capture.securing',
          'capture.collecting',
          'capture.ready',
          'capture.failed',
        ]);
      }
    } finally {
      await Promise.all(runners.map(async (runner) => await runner.stop()));
    }
  });

  test('take over what a process that died had committed and not delivered', async () => {
    await bench.desk.create(ACTOR, { url: receiver.url });
    await bench.tell(captureEvent('capture.securing', bench.clock.now()));
    await bench.tell(captureEvent('capture.failed', bench.clock.now()));
    // As a process leaves it that is killed in the middle of an attempt: job locked, delivery taken on.
    await execute(
      bench.db.url,
      `update graphile_worker._private_jobs set locked_at = now(), locked_by = 'dead', attempts = 1`,
    );
    const leased = new Date(bench.clock.now().getTime() + 60_000);
    await execute(
      bench.db.url,
      `update webhook_deliveries set attempts = 1, tries = 1, leased_until = $1 where event_sequence = 1`,
      [leased],
    );
    await bench.work();
    expect(receiver.requests).toEqual([]);
    expect(await recoverDeliveries(bench.deliver)).toBe(0);
    bench.clock.advance(61_000);
    expect(await recoverDeliveries(bench.deliver)).toBe(1);
    await bench.work();
    expect(typesOf(receiver.taken)).toEqual(['capture.securing', 'capture.failed']);
    expect(await bench.states()).toEqual([
      { state: 'delivered', attempts: 2 },
      { state: 'delivered', attempts: 1 },
    ]);
  });

  test('find a delivery whose job was never added', async () => {
    await bench.desk.create(ACTOR, { url: receiver.url });
    await bench.tell(captureEvent('capture.failed', bench.clock.now()));
    await execute(bench.db.url, 'delete from graphile_worker._private_jobs');
    bench.clock.advance(31_000);
    expect(await recoverDeliveries(bench.deliver)).toBe(1);
    await bench.work();
    expect(receiver.taken).toHaveLength(1);
  });
});

describe('the endpoints of an account', () => {
  test('are made, read, changed and deleted, each with its audit record', async () => {
    const {
      id,
      secret: _secret,
      ...created
    } = await bench.desk.create(ACTOR, {
      url: receiver.url,
      description: 'orders',
      event_types: ['payment.succeeded', 'payment.succeeded'],
    });
    expect(created.event_types).toEqual(['payment.succeeded']);
    expect(await bench.desk.list(ACTOR)).toEqual([{ id, ...created }]);
    const changed = await bench.desk.update(ACTOR, id, { event_types: [], ed25519: true, enabled: false });
    expect(changed).toMatchObject({ event_types: [], enabled: false, disabled_reason: 'by_request' });
    expect(changed.keys.map(({ scheme }) => scheme)).toEqual(['hmac-sha256', 'ed25519']);
    expect((await bench.desk.update(ACTOR, id, { ed25519: false })).keys).toHaveLength(1);
    await bench.desk.rotate(ACTOR, id, {});
    await bench.desk.remove(ACTOR, id);
    await expect(bench.desk.get(ACTOR, id)).rejects.toMatchObject({ code: 'webhook_not_found' });
    expect(await bench.desk.list(ACTOR)).toEqual([]);
    const records = await execute<{ record: string }>(
      bench.db.url,
      'select record::text as record from audit_records order by sequence',
    );
    expect(records.map(({ record }) => (JSON.parse(record) as { operation: string }).operation)).toEqual([
      'webhook.create',
      'webhook.disable',
      'webhook.update',
      'webhook.secret.rotate',
      'webhook.delete',
    ]);
    expect(records.some(({ record }) => record.includes('/hooks') || record.includes('whsec'))).toBe(false);
  });

  test('are out of the reach of another account', async () => {
    const { id } = await bench.desk.create(ACTOR, { url: receiver.url });
    await execute(bench.db.url, `insert into accounts (id, account_id) values ('acc_other', 'acc_other')`);
    const other = { ...ACTOR, accountId: 'acc_other' };
    for (const attempt of [
      async () => await bench.desk.get(other, id),
      async () => await bench.desk.update(other, id, { enabled: false }),
      async () => await bench.desk.remove(other, id),
      async () => await bench.desk.rotate(other, id, {}),
      async () => await bench.desk.deliveries(other, id, {}),
      async () => await bench.desk.replay(other, id, 'dlv_any'),
    ]) {
      await expect(attempt()).rejects.toMatchObject({ code: 'webhook_not_found' });
    }
  });

  test('are twenty at most', async () => {
    for (let count = 0; count < 20; count += 1) await bench.desk.create(ACTOR, { url: receiver.url });
    await expect(bench.desk.create(ACTOR, { url: receiver.url })).rejects.toMatchObject({
      code: 'webhooks_too_many',
    });
  });

  test('cancel what was pending when they are deleted', async () => {
    receiver.answer = 500;
    const { id } = await bench.desk.create(ACTOR, { url: receiver.url });
    await bench.tell(captureEvent('capture.failed', bench.clock.now()));
    await bench.work();
    await bench.desk.remove(ACTOR, id);
    expect(await bench.workNext()).toBe(false);
    expect(await bench.states()).toEqual([{ state: 'cancelled', attempts: 1 }]);
  });

  test('show their deliveries page by page', async () => {
    const { id } = await bench.desk.create(ACTOR, { url: receiver.url });
    for (const type of ['capture.securing', 'capture.collecting', 'capture.failed'] as const) {
      await bench.tell(captureEvent(type, bench.clock.now()));
    }
    await bench.work();
    const first = await bench.desk.deliveries(ACTOR, id, { limit: 2 });
    expect(first.deliveries.map(({ event_sequence }) => event_sequence)).toEqual([3, 2]);
    const second = await bench.desk.deliveries(ACTOR, id, { limit: 2, cursor: first.next_cursor ?? '' });
    expect(second.deliveries.map(({ event_sequence }) => event_sequence)).toEqual([1]);
    expect(second.next_cursor).toBeUndefined();
    expect((await bench.desk.deliveries(ACTOR, id, { status: 'pending' })).deliveries).toEqual([]);
    await expect(bench.desk.deliveries(ACTOR, id, { cursor: 'nonsense' })).rejects.toMatchObject({
      code: 'cursor_invalid',
    });
  });
});
