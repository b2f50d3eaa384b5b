import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { publish } from '../../../src/events/outbox-store.ts';
import { readAccountEvents } from '../../../src/events/account-event-store.ts';
import type { AccountEvent } from '../../../src/events/types.ts';
import { newId } from '../../../src/kernel/ids.ts';
import { silentLogger } from '../../../src/kernel/logger.ts';
import type { PaymentProvider } from '../../../src/payments/contract.ts';
import type { CaptureResource } from '../../../src/workflows/contract.ts';
import { interruptOrphans } from '../../../src/workflows/recovery.ts';
import { reconcileOnce } from '../../../src/workflows/reconcile.ts';
import { insertCapture } from '../../../src/workflows/stores/capture-store.ts';
import { execute } from '../../support/database.ts';
import { insertAccount, insertAttempt, insertCall } from '../../support/rows.ts';
import { ACCOUNT, ACTOR, captureEvent, makeBench, type Bench } from './bench.ts';
import { startReceiver, type Receiver } from './receiver.ts';
import { paymentsWith } from '../../support/payments.ts';
import { ALL_CAPABILITIES, QUIET_PROVIDER } from '../../support/payment-provider.ts';

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

async function eventsOf(accountId = ACCOUNT): Promise<AccountEvent[]> {
  return await bench.db.database.transaction(
    accountId,
    async (db) => await readAccountEvents(db, accountId, 0, 1000),
  );
}

/** A capture as a process that died in the middle of it leaves it. */
async function orphan(accountId: string): Promise<string> {
  const callId = newId('call');
  const at = bench.clock.now().toISOString();
  const resource: CaptureResource = {
    id: newId('cap'),
    call_id: callId,
    status: 'processing',
    purpose: 'charge',
    amount: { value: 1250, currency: 'EUR' },
    fields: [],
    stray_keys: 0,
    payment: { status: 'processing' },
    created_at: at,
    updated_at: at,
  };
  await bench.db.database.transaction(accountId, async (db) => {
    await insertAccount(db, accountId);
    await insertCall(db, accountId, callId);
    const request = { purpose: 'charge' } as const;
    await insertCapture(db, { accountId, instanceId: 'dead', requestedBy: 'client', request, resource });
    await insertAttempt(db, accountId, resource.id, newId('att'));
  });
  return resource.id;
}

describe('the numbers of an account', () => {
  test('have no gap and rise in the order of the commits, whoever writes at once', async () => {
    const writers = Array.from({ length: 20 }, async (_unused, index) => {
      const events = Array.from({ length: 1 + (index % 3) }, () =>
        captureEvent('capture.ready', bench.clock.now()),
      );
      await bench.tell(...events);
    });
    await Promise.all(writers);
    const numbers = (await eventsOf()).map(({ sequence }) => sequence);
    expect(numbers).toEqual(numbers.map((_unused, index) => index + 1));
    expect(numbers.length).toBeGreaterThan(20);
  });

  test('are taken back with a transaction that fails', async () => {
    const failing = bench.db.database.transaction(ACCOUNT, async (db) => {
      await publish(db, ACCOUNT, [captureEvent('capture.ready', bench.clock.now())]);
      await db.query('select 1 / 0');
    });
    await expect(failing).rejects.toMatchObject({ code: '22012' });
    await bench.tell(captureEvent('capture.failed', bench.clock.now()));
    expect(await eventsOf()).toMatchObject([{ sequence: 1, type: 'capture.failed' }]);
  });
});

describe('what is told without a request', () => {
  test('captures that a crash interrupted, each to its own account', async () => {
    await bench.desk.create(ACTOR, { url: receiver.url });
    const mine = await orphan(ACCOUNT);
    const theirs = await orphan('acc_other');
    const { database } = bench.db;
    await interruptOrphans({ database, clock: bench.clock, logger: silentLogger }, { instanceId: 'dead' });
    await bench.work();
    expect(receiver.taken).toMatchObject([
      { type: 'payment.unknown', data: { capture: { id: mine }, payment: { status: 'unknown' } } },
      { type: 'capture.interrupted', data: { capture: { id: mine, status: 'interrupted' } } },
    ]);
    expect((await eventsOf('acc_other')).map(({ data }) => data)).toMatchObject([
      { capture: { id: theirs } },
      { capture: { id: theirs } },
    ]);
    // And what the provider says in the end.
    const provider: PaymentProvider = {
      name: 'sandbox',
      capabilities: { ...ALL_CAPABILITIES, purposes: ['charge'], pin: false },
      ...QUIET_PROVIDER,
      pay: async () => await Promise.reject(new Error('nothing is sent again')),
      lookup: async () => ({ result: 'succeeded', providerReference: 'pay-1' }),
    };
    await reconcileOnce(paymentsWith({ database, provider, clock: bench.clock }));
    await bench.work();
    expect(receiver.taken.at(-1)).toMatchObject({
      type: 'payment.succeeded',
      data: { capture: { id: mine }, payment: { status: 'succeeded', provider_reference: 'pay-1' } },
    });
    expect(receiver.taken).toHaveLength(3);
  });
});

test('nothing that looks like a card number can be kept in a description', async () => {
  const attempt = execute(
    bench.db.url,
    `insert into webhook_endpoints (id, account_id, url, description, created_at, updated_at)
     values ('whk_x', $1, 'https://example.com/', '4242424242424242', now(), now())`,
    [ACCOUNT],
  );
  await expect(attempt).rejects.toMatchObject({ code: '23514' });
});
