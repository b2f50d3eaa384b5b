import { afterEach, beforeEach, expect, test } from 'vitest';
import type { NewAccountEvent, PaymentEventName } from '../../../src/events/types.ts';
import { ACTOR, captureEvent, makeBench, type Bench } from './bench.ts';
import { startReceiver, type Receiver } from './receiver.ts';

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

/** Of a payment with a stored card: no capture belongs to it. */
function paymentEvent(id: string, type: PaymentEventName): NewAccountEvent {
  const payment = { id, status: 'captured', purpose: 'charge' } as const;
  return { type, at: bench.clock.now(), data: { payment } };
}

test('events of a payment without a capture keep their order, and hold up no other payment', async () => {
  await bench.desk.create(ACTOR, { url: receiver.url });
  receiver.answer = ({ event }) =>
    event.type === 'payment.succeeded' && 'payment' in event.data && event.data.payment.id === 'pay_one'
      ? 500
      : 200;
  await bench.tell(
    paymentEvent('pay_one', 'payment.succeeded'),
    paymentEvent('pay_two', 'payment.succeeded'),
  );
  await bench.tell(paymentEvent('pay_one', 'payment.refunded'), paymentEvent('pay_two', 'payment.refunded'));
  await bench.tell(captureEvent('capture.failed', bench.clock.now()));
  await bench.work();
  const taken = (): string[] =>
    receiver.taken.map(({ type, data }) => `${'payment' in data ? data.payment.id : 'none'} ${type}`);
  expect(taken().sort()).toEqual([
    'none capture.failed',
    'pay_two payment.refunded',
    'pay_two payment.succeeded',
  ]);
  receiver.answer = 200;
  while (await bench.workNext());
  expect(taken().slice(-2)).toEqual(['pay_one payment.succeeded', 'pay_one payment.refunded']);
});
