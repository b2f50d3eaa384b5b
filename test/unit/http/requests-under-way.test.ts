import { request } from 'node:http';
import { describe, expect, test } from 'vitest';
import { RequestsUnderWay } from '../../../src/http/requests-under-way.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { bearer, buildGateway, KEY } from './gateway.ts';

const turn = async (): Promise<void> => await new Promise((resolve) => void setImmediate(resolve));

/** A promise that a test settles, and whether somebody waits for it any more. */
function open<T>(): {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: Error): void;
} {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<T>((done, fail) => {
    resolve = done;
    reject = fail;
  });
  return { promise, resolve: (value) => resolve(value), reject: (error) => reject(error) };
}

/** Whether it has settled, some turns of the event loop later. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  void promise.then(() => (settled = true));
  for (let turns = 0; turns < 10; turns += 1) await turn();
  return settled;
}

describe('what is under way', () => {
  test('is waited for, whether it succeeds or fails, and what follows from it too', async () => {
    const underWay = new RequestsUnderWay(new ManualClock());
    const [first, second] = [open<string>(), open<string>()];
    const handler = underWay.counted(async () => await first.promise);
    const afterwards = underWay.counted(async () => await second.promise);
    const failing = handler().catch(async () => await afterwards());

    const settled = underWay.settled(3000);
    expect(await isSettled(settled)).toBe(false);
    first.reject(new Error('no'));
    expect(await isSettled(settled)).toBe(false);
    second.resolve('done');
    await settled;
    expect(await failing).toBe('done');
  });

  test('is waited for no longer than the limit, and no timer is left', async () => {
    const clock = new ManualClock();
    const underWay = new RequestsUnderWay(clock);
    const never = open<void>();
    void underWay.counted(async () => await never.promise)();
    const settled = underWay.settled(3000);
    clock.advance(2999);
    expect(await isSettled(settled)).toBe(false);
    clock.advance(1);
    await settled;
    expect(clock.pending).toBe(0);
  });

  test('is nothing: it settles at once', async () => {
    const clock = new ManualClock();
    await new RequestsUnderWay(clock).settled(3000);
    expect(clock.pending).toBe(0);
  });
});

test('the server that is closed cuts its connections and waits for what a request has begun', async () => {
  const begun = open<void>();
  const outcome = open<never>();
  const kept: string[] = [];
  const gateway = await buildGateway({
    settleLimitMs: 600_000,
    idempotency: {
      begin: ({ accountId }, { key }) =>
        Promise.resolve({ claim: { accountId, id: key, claim: key, takenOver: false } }),
      keep: () => Promise.resolve(),
      release: () => Promise.resolve(),
      abandon: async ({ id }) => {
        await turn();
        kept.push(id);
      },
    },
    payments: {
      refund: async () => {
        begun.resolve();
        return await outcome.promise;
      },
    } as never,
  });
  const port = await gateway.listen();
  const cut = open<void>();
  const asked = request({
    port,
    method: 'POST',
    path: '/v1/payments/pay_01jz0000000000000000000000/refund',
    headers: { authorization: await bearer(), ...KEY, 'content-type': 'application/json' },
  });
  asked.on('error', () => cut.resolve()).end('{}');
  await begun.promise;

  const closed = gateway.http.close().then(() => 'closed');
  await cut.promise;
  expect(await isSettled(closed)).toBe(false);
  outcome.reject(new Error('the provider cannot be told any more'));
  expect(await closed).toBe('closed');
  // The key of the request is free again: written before the database is taken away.
  expect(kept).toEqual(['order-1']);
});
