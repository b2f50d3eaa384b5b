import { expect } from 'vitest';
import type { KeyingOptions } from '../../../simulators/jambonz/media/contract.ts';
import type { Stack } from '../../../simulators/stack/stack.ts';
import type { CaptureResource } from '../../../src/workflows/contract.ts';
import { keyCard, startCapture, type Card } from '../acceptance.ts';
import type { Order } from './books.ts';

const KEYING: KeyingOptions = { transport: 'rfc4733', onMs: 50, offMs: 50 };
/** In the words of a payment. */
const STATUS: Readonly<Record<string, string>> = {
  succeeded: 'captured',
  declined: 'declined',
  failed: 'failed',
};
const ENDED: readonly CaptureResource['status'][] = [
  'succeeded',
  'declined',
  'failed',
  'cancelled',
  'expired',
  'interrupted',
];

export interface CallWish {
  readonly line: number;
  readonly reference: string;
  readonly amount: number;
  readonly card: Card;
}

/** Keeps a card as an agent would: with a capture that only tokenizes. Gives the token. */
export async function keepCard(
  stack: Stack,
  line: number,
  card: Card,
  storage: 'provider' | 'vault',
): Promise<string> {
  const call = await stack.call({ line });
  const capture = await startCapture(stack, {
    line,
    request: { purpose: 'tokenize', amount: undefined, token_storage: storage },
  });
  await keyCard(call, capture, card, KEYING);
  await capture.command('submit');
  const { payment } = await capture.untilStatus('succeeded');
  call.hangUpCaller();
  await call.whenEnded;
  if (payment?.token === undefined) throw new Error('the card was not kept');
  return payment.token;
}

/** A payment over the telephone whose agent clicks twice on submit. */
export async function payByTelephone(stack: Stack, wish: CallWish): Promise<Order> {
  const { line, reference, amount, card } = wish;
  const call = await stack.call({ line });
  const request = { reference, amount: { value: amount, currency: 'EUR' } };
  const capture = await startCapture(stack, { line, request });
  await keyCard(call, capture, card, KEYING);
  const clicks = await Promise.all(
    [0, 1].map(async () => await stack.api.post(`/v1/captures/${capture.id}/submit`)),
  );
  expect(clicks.map(({ status }) => status).toSorted((one, other) => one - other)).toEqual([200, 409]);
  const { payment } = await capture.until(({ status }) => ENDED.includes(status));
  call.hangUpCaller();
  await call.whenEnded;
  const told = STATUS[payment?.status ?? ''] ?? 'unknown';
  return { reference, amount, paymentIds: [], changes: [], told };
}
